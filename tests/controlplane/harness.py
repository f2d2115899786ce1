"""Starts and stops a real control plane: etcd, kube-apiserver and kube-controller-manager.

Everything it writes is inside one folder, it listens on loopback only, no process outlives the
one that started it, and a component that does not come up is an error with the end of its log.
`python -m tests.controlplane.harness DIR` runs one for a developer until it is interrupted.
"""

import argparse
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import trustme
import urllib3
import yaml

from tests.controlplane import binaries, processes
from tests.controlplane.binaries import ControlPlaneUnavailable

# Nothing left out but RequestReceived, which would only say twice that a request was made. With
# the objects that are written, the log shows what was stored at any time (deletions.py).
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {
            "level": "RequestResponse",
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
            "resources": [
                {"group": "", "resources": ["configmaps", "pods", "pods/status"]},
                {
                    "group": "podconfig.example.com",
                    "resources": ["podconfigmapconfigs", "podconfigmapconfigs/status"],
                },
            ],
        },
        {"level": "Metadata"},
    ],
}

# There are no nodes: without the first three, Pods bound to one would be deleted after some 40 s.
# The fourth fills the log, as it wants a bare CA where the API server's file has a chain.
CONTROLLERS_OFF = (
    "pod-garbage-collector-controller",
    "node-lifecycle-controller",
    "taint-eviction-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
)

READY_WITHIN = 60.0  # seconds; 5 are usual, but a build may be using every core


class ControlPlane:
    """One running control plane; made by start()."""

    def __init__(self, workdir: Path, folder: Path) -> None:
        etcd_client, etcd_peer, port = processes.free_ports(3)
        self.binaries = folder
        self.server = f"https://127.0.0.1:{port}"
        self.audit_log = workdir / "audit.jsonl"
        # The API server makes a CA and a certificate for its address, and forgets the CA's key.
        self.ca_file = workdir / "certificates" / "apiserver.crt"
        self.admin_token = secrets.token_hex(16)
        self._controllers_token = secrets.token_hex(16)
        self.client_ca = trustme.CA()
        self._workdir = workdir
        self._etcd = f"http://127.0.0.1:{etcd_client}"
        self._etcd_peer = f"http://127.0.0.1:{etcd_peer}"
        self._port = port
        self._running: list[processes.Component] = []

    @classmethod
    def start(cls, workdir: Path) -> Self:
        """A control plane that is ready; its data, logs and keys are in workdir."""
        workdir = workdir.resolve()
        workdir.mkdir(parents=True, exist_ok=True)
        plane = cls(workdir, binaries.find_or_build())
        try:
            plane._write_files()
            plane._run("etcd", plane._etcd_flags())
            plane._run("kube-apiserver", plane._apiserver_flags())
            plane._wait("kube-apiserver", lambda: plane._answer("/readyz") == 200)
            # After the API server, whose keys it shares.
            plane._run("kube-controller-manager", plane._controller_manager_flags())
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            plane._wait("kube-controller-manager", lambda: plane._answer(account) == 200)
        except BaseException:
            plane.stop()
            raise
        return plane

    def stop(self) -> None:
        """Ends every process, clients before servers; a second call does nothing."""
        while self._running:
            self._running.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kubectl(
        self, kubeconfig: Path, *arguments: str, stdin: str = "", may_fail: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl to its end, with its cache beside the kubeconfig and not in the home."""
        command = [str(self.binaries / "kubectl"), f"--kubeconfig={kubeconfig}"]
        done = subprocess.run(
            [*command, f"--cache-dir={kubeconfig.parent / 'cache'}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert may_fail or done.returncode == 0, done.stderr
        return done

    @contextmanager
    def controllers_paused(self) -> Iterator[None]:
        """Stops the garbage collector and all other controllers; they go on afterwards."""
        (controllers,) = (c for c in self._running if c.name == "kube-controller-manager")
        controllers.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            controllers.signal(signal.SIGCONT)

    @contextmanager
    def apiserver_ended(self) -> Iterator[None]:
        """Ends the API server; afterwards there is one again, with the same data."""
        (apiserver,) = (c for c in self._running if c.name == "kube-apiserver")
        apiserver.stop()
        place = self._running.index(apiserver)
        try:
            yield
        finally:
            self._running.remove(apiserver)
            self._run("kube-apiserver", self._apiserver_flags())
            self._running.insert(place, self._running.pop())
            self._wait("kube-apiserver", lambda: self._answer("/readyz") == 200)

    def kubeconfig(
        self,
        path: Path,
        *,
        token: str | None = None,
        namespace: str = "default",
        server: str | None = None,
        ca_file: Path | None = None,
    ) -> Path:
        """Writes a kubeconfig with one context, "test": the admin's, unless a token says other."""
        cluster = {
            "server": server or self.server,
            "certificate-authority": str(ca_file or self.ca_file),
        }
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token or self.admin_token}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def _write_files(self) -> None:
        self.client_ca.cert_pem.write_to_path(str(self._workdir / "client-ca.crt"))
        (self._workdir / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        (self._workdir / "tokens.csv").write_text(
            f'{self.admin_token},admin,admin,"system:masters"\n'
            # All powerful, but under its own name, which the audit log then shows.
            f"{self._controllers_token},system:kube-controller-manager,controllers,"
            '"system:masters"\n'
        )
        self.kubeconfig(self._workdir / "controllers.kubeconfig", token=self._controllers_token)

    def _etcd_flags(self) -> list[str]:
        return [
            f"--data-dir={self._workdir / 'etcd'}",
            f"--listen-client-urls={self._etcd}",
            f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls={self._etcd_peer}",
            f"--initial-advertise-peer-urls={self._etcd_peer}",
            f"--initial-cluster=default={self._etcd_peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_flags(self) -> list[str]:
        key = self.ca_file.with_suffix(".key")
        return [
            f"--etcd-servers={self._etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",  # else a machine without a default route is refused
            "--endpoint-reconciler-type=none",  # which refuses to publish a loopback address
            f"--secure-port={self._port}",
            f"--cert-dir={self.ca_file.parent}",
            f"--client-ca-file={self._workdir / 'client-ca.crt'}",
            f"--token-auth-file={self._workdir / 'tokens.csv'}",
            "--authorization-mode=RBAC,Node",
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            # The serving key, made before this flag is read, spares the tests a key maker.
            f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={key}",
            f"--audit-policy-file={self._workdir / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",
            "--audit-log-maxsize=100000",  # MB: no rotation, a reader's offsets stay true
        ]

    def _controller_manager_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._workdir / 'controllers.kubeconfig'}",
            "--controllers=*,-" + ",-".join(CONTROLLERS_OFF),
            f"--service-account-private-key-file={self.ca_file.with_suffix('.key')}",
            f"--root-ca-file={self.ca_file}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=1000",  # the default of 20 makes garbage collection slow to watch
            "--kube-api-burst=2000",
        ]

    def _run(self, name: str, flags: list[str]) -> None:
        log = self._workdir / f"{name}.log"
        self._running.append(processes.Component(self.binaries / name, flags, log))

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not ready():
            for component in self._running:
                if (code := component.exit_code()) is not None:
                    raise ControlPlaneUnavailable(
                        f"{component.name} ended with {code}:\n{component.log_tail()}"
                    )
            if time.monotonic() > deadline:
                logs = "\n".join(f"{c.name}:\n{c.log_tail()}" for c in self._running)
                raise ControlPlaneUnavailable(f"{name} not ready in {READY_WITHIN:.0f} s\n{logs}")
            time.sleep(0.05)

    def _answer(self, path: str) -> int | None:
        """The HTTP status that the admin gets there; None while there is no answer at all."""
        if not self.ca_file.exists():
            return None
        try:
            # A new pool each time: the certificate file may have been half written before.
            with urllib3.PoolManager(ca_certs=str(self.ca_file), retries=False) as http:
                headers = {"Authorization": f"Bearer {self.admin_token}"}
                return http.request("GET", self.server + path, headers=headers, timeout=5.0).status
        except (urllib3.exceptions.HTTPError, OSError):
            return None


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a control plane until interrupted.")
    parser.add_argument("dir", type=Path, help="for its data, logs and kubeconfig")
    workdir: Path = parser.parse_args().dir
    # Both end it alike, also in a script's background, where a shell has SIGINT ignored.
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.default_int_handler)
    try:
        with ControlPlane.start(workdir) as plane:
            print(plane.kubeconfig(workdir / "kubeconfig"), flush=True)
            signal.pause()
    except ControlPlaneUnavailable as problem:
        sys.exit(f"controlplane: {problem}")
    except KeyboardInterrupt:
        pass  # as asked


if __name__ == "__main__":
    main()
