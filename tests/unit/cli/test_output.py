"""A report in a real terminal: nothing is wider than it, and elsewhere nothing is cut."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

from podcm_sync.output.terminal import columns
from tests import command

LONG = "0123456789" * 40
CLUSTER = f"""\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: web, namespace: shop}}
spec: {{annotationsToInclude: [long, wide, lines]}}
---
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {{name: wrong, namespace: shop}}
spec: {{podSelector: {{matchExpressions: [{{key: app, operator: in, values: [web]}}]}}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  namespace: shop
  annotations: {{long: "{LONG}", wide: "{"日本語" * 40}", lines: "a: 1\\nb: 2\\n"}}
status: {{phase: Running}}
---
apiVersion: v1
kind: Pod
metadata: {{name: "x{"n" * 229}", namespace: shop}}
status: {{phase: Running}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-1, namespace: shop}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: pod-web-1-from-web-cfg, namespace: shop}}
data: {{}}
"""
SGR = re.compile(r"\x1b\[[0-9;]*m")


def in_terminal(directory: Path, width: int, *options: str, **environment: str) -> str:
    """What podcm-sync writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    others = {key: os.environ[key] for key in os.environ if key not in {"COLUMNS", "NO_COLOR"}}
    with subprocess.Popen(
        [*command.PROGRAM, "--from", str(directory), *options],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**others, "TERM": "xterm", **environment},
    ):
        os.close(theirs)
        said = b""
        # Where nobody has the other end open any more, Linux says EIO.
        while part := _read(ours):
            said += part
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(CLUSTER, "utf-8")
    return tmp_path


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
@pytest.mark.parametrize("options", [(), ("--diff", "full")])
def test_no_line_is_wider_than_the_terminal(
    shop: Path, width: int, environment: dict[str, str], options: tuple[str, ...]
) -> None:
    said = in_terminal(shop, width, "--dry-run", "-v", *options, **environment)
    assert bool(SGR.search(said)) == (not environment)
    lines = SGR.sub("", said).split("\n")
    assert len(lines) > 20
    assert max(map(cell_len, lines)) <= width
    assert max(map(columns, lines)) > width - 12
    cuts = [line for line in lines if re.search(r"… [0-9]+ more$", line)]
    assert any("annotation_long" in line for line in cuts)
    sign, indent = ("+", "    ") if options else (" ", " " * 9)
    assert {f"{sign}{indent}a: 1", f"{sign}{indent}b: 2"} < set(lines)


@pytest.mark.parametrize("options", [("-n", "shop"), ("--diff", "full")])
def test_elsewhere_nothing_is_cut_or_coloured(shop: Path, options: tuple[str, ...]) -> None:
    done = command.run("--from", shop, "--dry-run", *options, env={"COLUMNS": "80"})
    assert LONG in done.stdout
    assert "\x1b" not in done.stdout


def test_other_formats_are_never_cut(shop: Path) -> None:
    for output in ("json", "yaml", "markdown"):
        said = in_terminal(shop, 80, "--dry-run", "-o", output)
        assert LONG in re.sub(r"\\\n *", "", said)  # as YAML breaks its lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "markdown", "--loop"), "-o markdown can't be combined with --loop"),
        (("--max-bytes", "5000"), "--max-bytes requires -o markdown"),
        (("-o", "markdown", "--max-bytes", "3999"), "a number of 4000 or more"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    shop: Path, options: tuple[str, ...], said: str
) -> None:
    done = command.run("--from", shop, *options)
    assert done.code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_markdown_on_the_command_line_keeps_to_its_limit(shop: Path) -> None:
    done = command.run("--from", shop, "--dry-run", "-o", "markdown", "--max-bytes", "4000")
    assert done.code == 3
    assert done.stdout.startswith("## podcm-sync would create 2 ConfigMaps; 1 blocked; 1 problem\n")
    assert len(done.stdout.encode()) <= 4_000
