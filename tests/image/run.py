"""Builds the image and runs it as the CronJob would, against a real control plane.

`python -m tests.image.run`: a line for each promise that was seen kept; ends with 1 at the first
that is not. README.md says what it needs.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from podcm_sync.template.engine.hatch_build import GO_PACKAGE, digest
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.deploy_files import REPOSITORY, apply_rights, cronjob_container
from tests.controlplane.harness import ControlPlane
from tests.image import base
from tests.image.engine import Engine
from tests.promises import check

IMAGE = "podcm-sync:test"
NAMESPACE = "shop"
ACCOUNT = "podcm-sync"
SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
GENERATED = "podconfig.example.com/generated-by-pcmc"


def main() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "podcm-sync-tests" / "image"
    folder.mkdir(parents=True, exist_ok=True)
    engine = Engine(folder)
    stand_in = base.ensure(engine, base.base_image(REPOSITORY / "Dockerfile"), folder)
    with tempfile.TemporaryDirectory() as context:
        plant(Path(context))
        check_image(engine, build(engine, Path(context), stand_in))
    check_content(engine)
    with tempfile.TemporaryDirectory() as workdir:
        with ControlPlane.start(Path(workdir, "plane")) as plane:
            Cluster(engine, plane, Path(workdir)).check()
        check_signal(engine, Path(workdir))
    print("The image keeps all of its promises.")


def plant(context: Path) -> None:
    """Copies the sources there, with compiled files that must not reach the image."""
    for name in ("Dockerfile", ".dockerignore", "LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, context)
    for name in ("podcm_sync", "requirements"):
        shutil.copytree(REPOSITORY / name, context / name)
    template = context / "podcm_sync" / "template"
    for stray in ("planted.pyc", "planted.so", "template/planted.cwasm"):
        (context / "podcm_sync" / stray).write_bytes(b"planted")
    # The stamp of the very build to come, so that the build would keep the engine beside it.
    version = GO_PACKAGE.partition("==")[2]
    made = hashlib.sha256(b"planted").hexdigest()
    (template / "engine.stamp").write_text(f"{digest()} go{version}\n{made}\n", encoding="utf-8")
    (template / "engine.wasm").write_bytes(b"planted")


def build(engine: Engine, context: Path, stand_in: str) -> dict[str, str]:
    """Builds it on the stand-in for its base; returns the labels that it must have."""
    source = (REPOSITORY / "podcm_sync" / "__init__.py").read_text()
    project = (REPOSITORY / "pyproject.toml").read_text()
    (version,) = re.findall(r'^__version__.* = "(.+)"$', source, re.MULTILINE)
    (description,) = re.findall(r'^description = "(.+)"$', project, re.MULTILINE)
    given = {"VERSION": version, "REVISION": "0a1b2c3", "SOURCE": "https://source.test/podcm-sync"}
    engine.build(context, IMAGE, {**given, "PYTHON_IMAGE": stand_in})
    return {
        "title": "podcm-sync",
        "description": description,
        "licenses": "Apache-2.0",
        "version": version,
        "revision": given["REVISION"],
        "source": given["SOURCE"],
    }


def check_image(engine: Engine, labels: dict[str, str]) -> None:
    (image,) = json.loads(engine.podman("image", "inspect", IMAGE).stdout)
    config = image["Config"]
    prefix = "org.opencontainers.image."
    found = {k.removeprefix(prefix): v for k, v in config["Labels"].items() if prefix in k}
    check("OCI labels say what it is and what it was built from", found, labels)
    check("the user is a number, for runAsNonRoot to check", config.get("User"), "65532:65532")
    check("the command is podcm-sync", config["Entrypoint"], ["podcm-sync"])
    used = engine.run(IMAGE, ["--version"])
    check("--version is the label's", outcome(used), (0, f"podcm-sync {labels['version']}\n", ""))
    print(f"       {image['Size'] / 1e6:.0f} MB unpacked, the base included")


def check_content(engine: Engine) -> None:
    script = (Path(__file__).parent / "inspect_image.py").read_text()
    done = engine.run(IMAGE, ["-c", script], ["--entrypoint=python"])
    check("its Python runs", (done.returncode, done.stderr), (0, ""))
    found = json.loads(done.stdout)
    check("it runs as 65532:65532", found["user"], [65532, 65532])
    check("no compiler and no installer on PATH", found["tools"], [])
    check("no pip, build tool or test tool to import", found["modules"], [])
    check("nothing can be written, not even to /tmp", found["writable"], [])
    check("only root could change what is installed", found["changeable"], [])
    check("no stray compiled file is in it", found["planted"], [])
    check("nothing is compiled at start", found["without bytecode"], [])
    check("nor is the template engine at the first template", found["said of the engine"], [])
    other = engine.run(IMAGE, ["--version"], ["--user=1000650000:0"])  # as OpenShift would
    check("it runs as any other user too", other.returncode, 0)


class Cluster:
    """A control plane with a namespace to sync, and the image run against it."""

    def __init__(self, engine: Engine, plane: ControlPlane, workdir: Path) -> None:
        self.engine = engine
        self.plane = plane
        self.audit = Audit(plane.audit_log)
        self.api = Api(plane.server, plane.ca_file, plane.admin_token)
        self.api.apply_crd(REPOSITORY / "crd" / "podconfigmapconfig_crd.yaml")
        apply_rights(self.api)
        self._fill()
        token = self.api.service_account_token(ACCOUNT, ACCOUNT)
        pods = path_of("Pod", None)
        self.api.wait_for(lambda: self.api.request("GET", pods, token=token)[0] == 200)
        # What a kubelet mounts into a Pod, and a kubeconfig of the same account.
        self.account = workdir / "account"
        self.account.mkdir(mode=0o755)
        (self.account / "token").write_text(token)
        (self.account / "namespace").write_text(ACCOUNT)
        shutil.copy(plane.ca_file, self.account / "ca.crt")
        plane.kubeconfig(self.account / "config", token=token, ca_file=Path(SECRETS, "ca.crt"))

    def check(self) -> None:
        shipped = cronjob_container()["args"]
        kubeconfig = ["--kubeconfig", f"{SECRETS}/config", "-A", "--dry-run"]

        done, asked = self.run(kubeconfig)
        check("a dry run by kubeconfig succeeds", done.returncode, 0)
        check("it shows the ConfigMap to come", "+++ shop/pod-a-from-web-cfg" in done.stdout, True)
        check("it only lists", asked, {"list"})
        check("it makes nothing", self.generated(), {})

        began = time.monotonic()
        done, asked = self.run(shipped, self.in_cluster())
        took = time.monotonic() - began
        check("the CronJob's command line succeeds in a Pod", done.returncode, 0)
        check("it lists, creates and stamps", asked, {"list", "create", "patch"})
        made = self.generated()
        names = ["pod-a-from-web-cfg", "pod-b-from-web-cfg"]
        check("the ConfigMaps are there", sorted(made), names)
        check("each with its Pod's data", made["pod-a-from-web-cfg"]["label_tier"], "front")
        config = self.api.get("PodConfigMapConfig", NAMESPACE, "web") or {}
        check("the status is stamped", config["status"].get("observedGeneration"), 1)
        print(f"       {took:.1f} s, the container's start included")

        done, asked = self.run(shipped, self.in_cluster())
        check("a second run succeeds", done.returncode, 0)
        check("and changes nothing", asked, {"list"})
        done, asked = self.run([*kubeconfig, "--exit-code"])
        check("nor would a third one", (done.returncode, asked), (0, {"list"}))

    def run(self, arguments: Sequence[str], options: Sequence[str] = ()) -> tuple[Any, set[str]]:
        """What came of it, and which verbs it used on the API server's resources."""
        mark = self.audit.mark()
        mount = f"--volume={self.account}:{SECRETS}:ro"
        done = self.engine.run(IMAGE, arguments, [mount, *options])
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        events = self.audit.since(mark, user=f"system:serviceaccount:{ACCOUNT}:{ACCOUNT}")
        return done, {event.verb for event in events if event.resource}

    def in_cluster(self) -> list[str]:
        """What a Pod knows of its API server."""
        server = urlsplit(self.plane.server)
        host, port = f"HOST={server.hostname}", f"PORT={server.port}"
        return [f"--env=KUBERNETES_SERVICE_{each}" for each in (host, port)]

    def generated(self) -> dict[str, dict[str, str]]:
        found = self.api.list("ConfigMap", NAMESPACE, GENERATED)
        return {each["metadata"]["name"]: each["data"] for each in found}

    def _fill(self) -> None:
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.api.wait_for(lambda: self.api.get("ServiceAccount", NAMESPACE, "default"))
        for name in ("a", "b"):
            self.api.make_pod(NAMESPACE, name, labels={"app": "web", "tier": "front"})
        self.api.create(
            {
                "apiVersion": "podconfig.example.com/v1alpha1",
                "kind": "PodConfigMapConfig",
                "metadata": {"namespace": NAMESPACE, "name": "web"},
                "spec": {"labelsToInclude": ["tier"]},
            }
        )


def check_signal(engine: Engine, workdir: Path) -> None:
    """A Pod's end is a SIGTERM to process 1, which the kernel ignores unless it is handled."""
    account = workdir / "account"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = [f"HOST={silent.getsockname()[0]}", f"PORT={silent.getsockname()[1]}"]
        options = [f"--env=KUBERNETES_SERVICE_{each}" for each in address]
        options += [f"--volume={account}:{SECRETS}:ro"]
        container = engine.start(IMAGE, ["-A"], options)
        silent.settimeout(30)
        connection, _ = silent.accept()  # it now waits for an answer
        with connection:
            began = time.monotonic()
            container.terminate()
            code = container.wait(timeout=60)
    took = time.monotonic() - began
    check("SIGTERM ends a waiting run with 143", code, 143)
    check("and at once", took < 5, True)


def outcome(done: Any) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


if __name__ == "__main__":
    main()
