"""What the documents show of the command: its screens, a generated ConfigMap, and a picture.

`python -m tests.shape.readme` writes each between its markers, and the picture to docs/dry-run.svg.
"""

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import typer.main
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from podcm_sync.cli import app
from podcm_sync.doctor.contents import Contents
from podcm_sync.doctor.crd_schema import FIELDS
from podcm_sync.doctor.diagnosis import Diagnosis, diagnose
from podcm_sync.doctor.diagnosis_text import text
from podcm_sync.doctor.facts import Facts, Lease, NotChecked
from podcm_sync.rbac.rights import RunProfile, needed
from podcm_sync.reconcile.snapshot import Scope

ROOT: Final = Path(__file__).parents[2]
PICTURE: Final = ROOT / "docs" / "dry-run.svg"
PICTURED: Final = "podcm-sync --from examples/shop --dry-run"
COLUMNS: Final = 100

CONFIG: Final = """\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata:
  name: web
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: web
  labelsToInclude: [version]
  annotationsToInclude: [example.com/build]
"""


@cache
def screens() -> dict[str, str]:
    """Each part by the name of its markers."""
    workflow = (ROOT / "examples" / "pull-request.yaml").read_text(encoding="utf-8")
    go = Lease(
        namespace="default",
        holder="podconfigmap-controller-6c9f7d5b4-x2xkq",
        renewed_seconds=1.0,
        duration_seconds=15,
    )
    return {
        "config": _block("yaml", CONFIG),
        "configmap": _block("yaml", _config_map()),
        "screen-explain": _explain(),
        "screen-doctor": _doctor(),
        "screen-doctor-go": _doctor(go),
        # Its first line is a comment about this page.
        "workflow": _block("yaml", workflow.partition("\n")[2]),
    }


@cache
def commands() -> dict[str, str]:
    """Each subcommand that is listed in `--help`, with the first sentence of its help."""
    root: Any = typer.main.get_command(app)
    return {
        name: command.get_short_help_str(limit=200)
        for name, command in root.commands.items()
        if not command.hidden
    }


def _config_map() -> str:
    """What `--from` writes for the first Pod of examples/shop and the config of the README."""
    pods = (ROOT / "examples" / "shop" / "shop" / "pods.yaml").read_text(encoding="utf-8")
    with _examples() as folder:
        work = folder / "one"
        work.mkdir()
        (work / "pod.yaml").write_text(pods.partition("\n---\n")[0], encoding="utf-8")
        (work / "config.yaml").write_text(CONFIG, encoding="utf-8")
        done = _run(["--from", "one"], folder)
        assert done.returncode == 0, done.stderr
        (written,) = (work / "generated").rglob("*.yaml")
        return written.read_text(encoding="utf-8")


def _explain() -> str:
    words = ["explain", "pod/web-0", "--from", "examples/shop"]
    with _examples() as folder:
        done = _run(words, folder)
    assert done.returncode == 0, done.stderr
    return _block("console", f"$ podcm-sync {' '.join(words)}\n{done.stdout}")


def _doctor(*leases: Lease) -> str:
    """What `doctor` shows of a namespace where its account lacks one permission."""
    scope = Scope(namespaces=("shop",))
    verbs = frozenset({"create", "delete", "get", "list", "patch"})
    (delete,) = [right for right in needed(RunProfile()) if str(right) == "delete configmaps"]
    facts = Facts(
        scope=scope,
        version="v1.37.2",
        username="system:serviceaccount:shop:sync",
        resources={
            "podconfigmapconfigs": verbs,
            "podconfigmapconfigs/status": frozenset({"patch"}),
        },
        schema=FIELDS,
        rights=9,
        missing={"shop": (delete,)},
        skew_seconds=0.4,
        leases=leases,
        policies=NotChecked(why="no permission to look for the admission policy"),
        workloads=NotChecked(why="no permission to list CronJobs in all namespaces"),
        contents=Contents(configs=1, config_maps=0),
    )
    checks = diagnose(facts, "podcm-sync rbac -n shop --bind=shop:sync", RunProfile())
    server = "https://10.0.0.1:6443 (context prod)"
    shown = text(Diagnosis(server=server, scope=scope, checks=checks, answers=True))
    command = "podcm-sync doctor -n shop --as system:serviceaccount:shop:sync"
    return _block("console", f"$ {command}\n{shown}")


def picture() -> str:
    """The dry run of examples/shop on a terminal, as SVG, without fonts from the network."""
    terminal = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    terminal.print(Text.from_ansi(_on_a_terminal(PICTURED.split()[1:])))
    return terminal.export_svg(
        title=PICTURED,
        theme=SVG_EXPORT_THEME,
        code_format=re.sub(r"\s*@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL),
        unique_id="dry-run",
    )


def shown(svg: str) -> list[str]:
    """The lines of text in such a picture, so that another version of Rich changes nothing."""
    lines: dict[float, str] = {}
    for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314 - our own file
        if (height := node.get("y")) is not None:
            lines[float(height)] = lines.get(float(height), "") + (node.text or "")
    return [lines[height].replace("\xa0", " ").rstrip() for height in sorted(lines)]


def _on_a_terminal(arguments: list[str]) -> str:
    """What the command prints on a terminal with colors and UTF-8."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    read = b""
    with _examples() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "podcm_sync", *arguments],
            cwd=folder,
            env=_environment() | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS)},
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not part:
                break
            read += part
        code = process.wait()
    os.close(ours)
    assert code == 3, code
    return read.decode().replace("\r\n", "\n")


def _run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "podcm_sync", *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def _environment() -> dict[str, str]:
    """The environment without what changes a screen, and with this checkout's code."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PODCM_SYNC_") and name not in {"NO_COLOR", "COLUMNS", "LC_ALL"}
    }
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}


@contextmanager
def _examples() -> Iterator[Path]:
    """A folder with a copy of the examples."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder) / "examples")
        yield Path(folder)


def _block(language: str, content: str) -> str:
    return f"```{language}\n{content}```"
