"""Helm, and the CRDs of the Prometheus Operator: Go modules, pinned, and kept in caches.

Helm is built once from the modules that helm/go.mod and helm/go.sum pin.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.controlplane.binaries import _cache, _go, _locked, _say

MODULE: Final = Path(__file__).parent / "helm"
PACKAGE: Final = "helm.sh/helm/v4/cmd/helm"
OPERATOR: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
OPERATOR_SUM: Final = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
"""The hash that go.sum would have for it."""
OPERATOR_CRDS: Final = ("podmonitors", "prometheusrules")


def find_or_build() -> Path:
    """The helm binary. A first build takes a few minutes."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    folder = _cache()
    made = folder / f"helm-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(made.with_name(made.name + ".lock")):
        if not made.exists():
            _build(made)
    return made


def _build(made: Path) -> None:
    go, environment = _go(made.parent)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=made.parent) as name:
        partial = Path(name) / "helm"
        options = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
        subprocess.run(
            [go, "build", *options, "-o", partial, PACKAGE],
            check=True,
            cwd=MODULE,
            env=environment,
        )
        partial.replace(made)
    _say(f"built helm in {time.monotonic() - started:.0f} s")


def operator_crds() -> list[Path]:
    """The CRDs of PodMonitor and PrometheusRule, as the operator's own module has them."""
    go, environment = _go(_cache())
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [go, "mod", "download", "-json", OPERATOR],
            check=True,
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
        )
    answer = json.loads(done.stdout)
    assert answer["Sum"] == OPERATOR_SUM, answer["Sum"]
    folder = Path(answer["Dir"]) / "example" / "prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{name}.yaml" for name in OPERATOR_CRDS]


if __name__ == "__main__":
    print(find_or_build(), file=sys.stdout)
