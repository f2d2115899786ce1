"""README's quick start with a cluster, command by command, in a namespace of the test's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import names
from tests.shape.readme import README, ROOT


def test_the_quick_start_gives_the_pod_its_config_map(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    (block,) = re.findall(r"```sh\n(pip install .*?)```", README.read_text("utf-8"), re.DOTALL)
    script = re.sub(r"(?m)^(pip install|kubectl create namespace) .*\n", "", block)
    assert script.count("\n") == 5
    # The example's manifests name their namespace.
    config = (ROOT / "examples" / "shop" / "shop" / "configs.yaml").read_text("utf-8")
    place = tmp_path / "examples" / "shop" / "shop"
    place.mkdir(parents=True)
    (place / "configs.yaml").write_text(
        config.replace("namespace: shop", f"namespace: {namespace}"), encoding="utf-8"
    )
    (tmp_path / "crd").symlink_to(ROOT / "crd")
    path = f"{Path(sys.executable).parent}:{control_plane.binaries}:{os.environ['PATH']}"
    # The template engine as an earlier test compiled it.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("-n shop", f"-n {namespace}")],
        cwd=tmp_path,
        env={
            "PATH": path,
            "HOME": str(tmp_path),
            "KUBECONFIG": str(kubeconfig),
            "XDG_CACHE_HOME": cache,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert names(api, namespace) == ["pod-web-0-from-web-cfg"]
