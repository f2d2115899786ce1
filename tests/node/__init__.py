"""The chart on a real node: scheduler, kubelet, containerd (README.md)."""
