"""One node of a cluster: control plane, scheduler, containerd, and a kubelet, in isolation.

Everything runs in the namespaces that isolation.py makes, so nothing here needs to be undone.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from tests.controlplane.api import Api, Object
from tests.controlplane.harness import CONTROLLERS_OFF, ControlPlane
from tests.controlplane.processes import Component
from tests.node.isolation import NODE_ADDRESS, SERVICE_ADDRESS

NAME = "node-a"
PAUSE = "localhost/pause:local"
CONTAINERD = "/run/containerd/containerd.sock"
READY_WITHIN = 120.0  # seconds; 15 are usual

# Without nodes, the harness does without these too. The last one has other reasons.
CONTROLLERS_STILL_OFF = CONTROLLERS_OFF[-1:]

NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isDefaultGateway": True,
            # The API server's address is the gateway's own, so nothing has to be translated.
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.214.0.0/16"}]],
            },
        }
    ],
}


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Folders of what a node runs."""

    kubernetes: Path
    """kubelet and kube-scheduler."""
    debian: Path
    """containerd and the plugins of CNI."""


class Plane(ControlPlane):
    """The control plane of a cluster that has a node, at the address that its Pods know."""

    def __init__(self, workdir: Path, folder: Path) -> None:
        super().__init__(workdir, folder)
        self._port = 443
        self.server = f"https://{SERVICE_ADDRESS}:443"
        self.node_token = secrets.token_hex(16)

    def _write_files(self) -> None:
        super()._write_files()
        with (self._workdir / "tokens.csv").open("a") as file:
            file.write(f'{self.node_token},system:node:{NAME},{NAME},"system:nodes"\n')

    def _apiserver_flags(self) -> list[str]:
        return [
            *super()._apiserver_flags(),
            "--bind-address=0.0.0.0",
            "--kubelet-preferred-address-types=InternalIP",
            "--enable-admission-plugins=NodeRestriction",
        ]

    def _controller_manager_flags(self) -> list[str]:
        # A second --controllers would add to the first.
        flags = [f for f in super()._controller_manager_flags() if "--controllers=" not in f]
        return [*flags, "--controllers=*,-" + ",-".join(CONTROLLERS_STILL_OFF)]


class Node:
    """The plane and the node's programs, running."""

    def __init__(self, workdir: Path, programs: Programs, cgroup: str) -> None:
        self._workdir = workdir
        self._programs = programs
        self.cgroup = cgroup
        self._running: list[Component] = []
        os.environ["PATH"] = f"{programs.debian / 'usr/bin'}{os.pathsep}{os.environ['PATH']}"
        self.plane = Plane.start(workdir / "plane")
        self.api = Api(self.plane.server, self.plane.ca_file, self.plane.admin_token)

    @classmethod
    def start(
        cls, workdir: Path, programs: Programs, cgroup: str, images: Mapping[str, Path]
    ) -> Self:
        """A node that is ready, with these images in its store."""
        node = cls(workdir, programs, cgroup)
        node._start_containerd()
        for name, archive in images.items():
            node.ctr("images", "import", str(archive))
            assert name in node.ctr("images", "list", "--quiet").split(), name
        admin = node.plane.kubeconfig(workdir / "scheduler.kubeconfig")
        scheduler = programs.kubernetes / "kube-scheduler"
        node._run(scheduler, f"--kubeconfig={admin}", "--leader-elect=false")
        node._start_kubelet()
        node._wait_until_ready()
        return node

    def ctr(self, *arguments: str) -> str:
        """What containerd's own client printed."""
        done = subprocess.run(
            ["ctr", f"--address={CONTAINERD}", "--namespace=k8s.io", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def logs(self) -> str:
        """The end of each program's log."""
        return "\n".join(f"--- {each.name}\n{each.log_tail(30)}" for each in self._running)

    def _start_containerd(self) -> None:
        network = self._workdir / "cni"
        network.mkdir()
        (network / "10-pods.conflist").write_text(json.dumps(NETWORK))
        runtime = self._workdir / "containerd.toml"
        runtime.write_text(self._containerd_config(network))
        self._run(self._programs.debian / "usr/bin/containerd", f"--config={runtime}")
        Api.wait_for(Path(CONTAINERD).exists)

    def _containerd_config(self, network: Path) -> str:
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        return f"""
version = 2
root = "{self._workdir / "containerd"}"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{CONTAINERD}"
[{cri}]
sandbox_image = "{PAUSE}"
# A container may not lower its score below containerd's own, which may not be lowered here.
restrict_oom_score_adj = true
[{cri}.containerd]
default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
BinaryName = "{shutil.which("runc")}"
SystemdCgroup = false
[{cri}.cni]
bin_dir = "{self._programs.debian / "usr/lib/cni"}"
conf_dir = "{network}"
"""

    def _start_kubelet(self) -> None:
        config = self._workdir / "kubelet.yaml"
        config.write_text(yaml.safe_dump(self._kubelet_config()))
        kubeconfig = self._workdir / "kubelet.kubeconfig"
        self.plane.kubeconfig(kubeconfig, token=self.plane.node_token)
        self._run(
            self._programs.kubernetes / "kubelet",
            f"--config={config}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={self._workdir / 'kubelet'}",
            f"--hostname-override={NAME}",
            f"--node-ip={NODE_ADDRESS}",
        )

    def _kubelet_config(self) -> Object:
        none = dict.fromkeys(
            ("nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"),
            "0%",
        )
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
            "address": NODE_ADDRESS,
            # Its port is in a network that only this run has.
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.cgroup}",
            "enforceNodeAllocatable": ["none"],
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "resolvConf": "",
            "makeIPTablesUtilChains": False,
            "volumePluginDir": str(self._workdir / "volume-plugins"),
            # How full the machine's disk is says nothing about podcm-sync.
            "evictionHard": none,
            "imageGCHighThresholdPercent": 100,
            "imageMaximumGCAge": "0s",
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not _is_ready(self.api.get("Node", None, NAME)):
            ended = [each for each in self._running if each.exit_code() is not None]
            assert not ended, f"{ended[0].name} ended\n{ended[0].log_tail(30)}"
            assert time.monotonic() < deadline, f"the node is not ready\n{self.logs()}"
            time.sleep(0.2)

    def _run(self, program: Path, *flags: str) -> None:
        log = self._workdir / f"{program.name}.log"
        self._running.append(Component(program, list(flags), log))


def _is_ready(node: Object | None) -> bool:
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
