"""buildah and podman as commands, with their images in one folder that can be deleted freely.

Only what a bare machine has is used: no daemon, no systemd, no user namespaces, no registry.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PACKAGES = "buildah podman runc debootstrap uidmap"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# As the CronJob's Pod: its root read-only and without the tmpfs that podman would add, its user, no
# capability, no new privileges, its memory.
CONFINED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--user=65532:65532",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=512m",
)
# The higher limits that podman sets by default may not be allowed where it runs itself.
_HOST = ("--rm", "--network=host", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096")


class Engine:
    """The tools, working in one folder."""

    def __init__(self, folder: Path) -> None:
        tools = PACKAGES.split()[:4]
        if missing := [tool for tool in tools if not shutil.which(tool)]:
            install = f"apt-get install --no-install-recommends {PACKAGES}"
            sys.exit(f"no {', '.join(missing)} here: {install}")
        storage = ["--root", str(folder / "storage"), "--runroot", str(folder / "run")]
        storage += ["--storage-driver", "overlay"]
        self._buildah = ["buildah", *storage]
        self._podman = ["podman", *storage, "--tmpdir", str(folder / "run" / "libpod")]
        self._podman += ["--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        self._podman += ["--runtime", "runc"]

    def exists(self, image: str) -> bool:
        return self.podman("image", "exists", image).returncode == 0

    def commit(self, root: Path, image: str) -> None:
        """An image of one layer, with that folder's content."""
        container = _output([*self._buildah, "from", "scratch"])
        _output([*self._buildah, "add", "--quiet", container, str(root), "/"])
        _output([*self._buildah, "commit", "--quiet", "--rm", container, image])

    def build(self, context: Path, image: str, arguments: dict[str, str]) -> None:
        """Builds its Dockerfile, with the output on stderr."""
        command = [*self._buildah, "bud", "--isolation", "chroot", "--pull=never", "--tag", image]
        # This machine's CAs: a package index may be behind a proxy that has its own. Only while
        # building; nothing of them is in the image.
        command += ["--volume", f"{CA_BUNDLE}:{CA_BUNDLE}:ro"]
        command += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        subprocess.run([*command, str(context)], check=True, stdout=sys.stderr)

    def archive(self, image: str, path: Path, name: str) -> None:
        """Writes the image to a file that other runtimes import, under that name."""
        _output([*self._buildah, "push", "--quiet", image, f"docker-archive:{path}:{name}"])

    def podman(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [*self._podman, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    def run(
        self, image: str, arguments: Sequence[str], options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs the image confined, on the host's network."""
        return self.podman("run", *_HOST, *CONFINED, *options, image, *arguments)

    def start(
        self, image: str, arguments: Sequence[str], options: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """The same, without waiting; signals sent to it reach the container's process 1."""
        return subprocess.Popen(
            [*self._podman, "run", *_HOST, *CONFINED, *options, image, *arguments]
        )


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
