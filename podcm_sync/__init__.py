"""podcm-sync keeps ConfigMaps in step with Pods: one level-triggered run, no remembered state."""

__version__ = "0.1.0"
