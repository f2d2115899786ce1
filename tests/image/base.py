"""The image that the Dockerfile starts from, made of Debian packages where no registry is at hand.

It stands in for the official one in what the Dockerfile relies on: that Python, as `python`, with
pip in /usr/local, nothing to compile with, and no bytecode. It is made once and kept.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.image.engine import Engine

# The Debian release whose Python it is; the official slim image is of the same one.
RELEASES = {"3.13": "trixie"}

IN_THE_ROOT = """
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
ln -s /usr/bin/python3 /usr/local/bin/python
python -m venv /tmp/venv
/tmp/venv/bin/pip --python /usr/bin/python3 install -q --no-index /usr/share/python-wheels/pip-*.whl
rm -rf /tmp/venv /usr/share/python-wheels /var/cache/apt /var/lib/apt/lists
find / -xdev -name __pycache__ -prune -exec rm -r {} +
: > /etc/apt/sources.list
"""


def base_image(dockerfile: Path) -> str:
    """The image that its FROM lines name by default."""
    names = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile.read_text(), re.MULTILINE)
    assert len(names) == 1, f"{dockerfile} must have one ARG PYTHON_IMAGE"
    return str(names[0])


def ensure(engine: Engine, official: str, folder: Path) -> str:
    """Makes the stand-in for an official image unless it exists; the stand-in's name."""
    match = re.fullmatch(r"python:(\d+\.\d+)-slim@sha256:[0-9a-f]{64}", official)
    if not match or match[1] not in RELEASES:
        sys.exit(f"{official}: which Debian release has this Python? Add it to {__file__}")
    image = f"localhost/podcm-sync-base:{match[1]}"
    if engine.exists(image):
        return image
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    include = "--include=python3,python3-venv,ca-certificates"
    debootstrap = ["debootstrap", "--variant=minbase", include, RELEASES[match[1]], str(root)]
    subprocess.run(debootstrap, check=True, stdout=sys.stderr)
    subprocess.run(["chroot", str(root), "sh", "-exc", IN_THE_ROOT], check=True, stdout=sys.stderr)
    has = subprocess.run(
        ["chroot", str(root), "python", "--version"], check=True, capture_output=True, text=True
    ).stdout
    assert has.startswith(f"Python {match[1]}."), f"{image} would have {has}"
    engine.commit(root, image)
    shutil.rmtree(root)
    return image
