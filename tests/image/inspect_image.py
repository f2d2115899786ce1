"""Runs inside the image, by its Python: what is in there, and what can be done, as JSON."""

import importlib
import importlib.util
import io
import json
import logging
import os
import shutil
import sys
from pathlib import Path

TOOLS = ["pip", "pip3", "uv", "cc", "gcc", "c++", "g++", "clang", "ld", "as", "make", "go", "cargo"]
MODULES = ["pip", "ensurepip", "setuptools", "wheel", "hatchling", "pytest", "mypy"]
TEMPORARY = ["/tmp", "/var/tmp"]  # noqa: S108 - tried, not used
PLACES = ["/", "/run", "/opt/podcm-sync", str(Path.home()), *TEMPORARY]


def writable(folder: str) -> bool:
    probe = Path(folder, "probe")
    try:
        probe.touch()
    except OSError:
        return False
    return True


def changeable(folder: str) -> list[str]:
    """What others than root may change, were the root not read-only."""
    paths = (path for path in Path(folder).rglob("*") if not path.is_symlink())
    return [str(path) for path in paths if path.stat().st_mode & 0o022 or path.stat().st_uid]


def without_bytecode() -> list[str]:
    """The modules of a run that have to be compiled at each start."""
    for name in (
        "cli.run",
        "cli.ports",
        "cli.show",
        "cluster.kube.read",
        "cluster.kube.write",
        "render.text",
    ):
        importlib.import_module(f"podcm_sync.{name}")
    specs = [module.__spec__ for module in list(sys.modules.values()) if module.__spec__]
    return [
        spec.name
        for spec in specs
        if spec.has_location and spec.cached and not Path(spec.cached).exists()
    ]


def said_of_the_engine() -> list[str]:
    """What the first template makes the log say: that the engine has to be compiled, if it has."""
    said = io.StringIO()
    logging.basicConfig(stream=said, level=logging.INFO, format="%(message)s")
    sandbox = importlib.import_module("podcm_sync.template.sandbox")
    # A machine that cannot be made raises.
    sandbox.machine()
    return said.getvalue().splitlines()


print(
    json.dumps(
        {
            "user": [os.getuid(), os.getgid()],
            "tools": [tool for tool in TOOLS if shutil.which(tool)],
            "modules": [name for name in MODULES if importlib.util.find_spec(name)],
            "writable": [place for place in PLACES if writable(place)],
            "changeable": changeable("/opt/podcm-sync"),
            "planted": [str(path) for path in Path("/opt/podcm-sync").rglob("planted*")],
            "said of the engine": said_of_the_engine(),
            "without bytecode": without_bytecode(),
        }
    )
)
