"""What a dump of 2,600 Pods costs: `--from DIR --dry-run` beside `kubectl create --dry-run`.

`python -m tests.benchmarks.large_dump` prints the CPU time and the peak memory of both, for
23 MB of YAML. The project promises at most twice kubectl's CPU time.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from podcm_sync.runtime import yaml_text
from tests.command import PROGRAM
from tests.controlplane.harness import ControlPlane

PODS = 2_600
CONFIG = {
    "apiVersion": "podconfig.example.com/v1alpha1",
    "kind": "PodConfigMapConfig",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}},
}


def main() -> None:
    """Write the dump, start a control plane for kubectl, and measure both."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        manifests = directory / "manifests"
        manifests.mkdir()
        dump = manifests / "pods.yaml"
        # In a process of its own: a child's peak memory is never below that of its parent's.
        subprocess.run([sys.executable, "-m", __spec__.name, str(manifests)], check=True)
        print(f"{dump.stat().st_size / 1e6:.0f} MB of YAML, {PODS:,} Pods")
        with ControlPlane.start(directory / "plane") as plane:
            kubeconfig = plane.kubeconfig(directory / "kubeconfig")
            kubectl = [str(plane.binaries / "kubectl"), "--kubeconfig", str(kubeconfig)]
            create = [*kubectl, "create", "--dry-run=client", "-o", "name", "-f", str(dump)]
            theirs = measure("kubectl create --dry-run=client", create)
            ours = [*PROGRAM, "--from", str(manifests), "--dry-run"]
            print(f"ratio {measure('podcm-sync --from --dry-run', ours) / theirs:.2f}, at most 2")


def write(manifests: Path) -> None:
    """Write the dump and a config that selects all of its Pods."""
    items = [pod(number) for number in range(PODS)]
    text = yaml_text.dump([{"apiVersion": "v1", "kind": "List", "items": items}])
    (manifests / "pods.yaml").write_text(text)
    (manifests / "config.yaml").write_text(yaml_text.dump([CONFIG]))


def measure(name: str, command: list[str]) -> float:
    """Seconds of CPU that a command takes; prints them with the peak of its memory."""
    output = os.open(os.devnull, os.O_WRONLY)
    pid = os.posix_spawn(
        command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, output, 1)]
    )
    _, status, usage = os.wait4(pid, 0)
    os.close(output)
    assert status == 0, f"{name} failed"
    seconds = usage.ru_utime + usage.ru_stime
    print(f"{name:32} {seconds:6.2f} s of CPU, {usage.ru_maxrss / 1024:6.0f} MiB")
    return seconds


def pod(number: int) -> dict[str, Any]:
    """A Pod as `kubectl get -o yaml` shows one, of some 370 lines."""
    containers = [container(name, 20) for name in ("web", "sidecar", "agent")]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"web-{number}",
            "namespace": "default",
            "labels": {"app": "web", "pod-template-hash": f"{number:08x}"},
            "annotations": {"example.com/commit": f"{number:040x}"},
        },
        "spec": {"containers": containers, "nodeName": f"node-{number % 100}"},
        "status": {"phase": "Running", "podIP": f"10.0.{number // 250}.{number % 250}"},
    }


def container(name: str, variables: int) -> dict[str, Any]:
    """A container with probes, ports, mounts and so many variables."""
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
        "initialDelaySeconds": 5,
        "periodSeconds": 10,
        "failureThreshold": 3,
        "successThreshold": 1,
        "timeoutSeconds": 1,
    }
    return {
        "name": name,
        "image": f"registry.example.com/team/{name}:1.2.3",
        "args": ["serve", "--port=8080"],
        "env": [{"name": f"VARIABLE_{n}", "value": f"value-{n}"} for n in range(variables)],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "startupProbe": probe,
        "ports": [{"containerPort": port, "protocol": "TCP"} for port in (8080, 9090)],
        "resources": {
            kind: {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "1Gi"}
            for kind in ("limits", "requests")
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [
            {"mountPath": f"/mnt/{volume}", "name": volume, "readOnly": True}
            for volume in ("tmp", "config", "cache", "data", "kube-api-access-abcde")
        ],
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]))
    else:
        main()
