"""A report in a real terminal: nothing is wider than it, and elsewhere nothing is cut."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

from podcm_sync.render.columns import columns

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
metadata: {{name: "{"n" * 230}", namespace: shop}}
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
        [sys.executable, "-m", "podcm_sync", "--from", str(directory), *options],
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
def test_no_line_is_wider_than_the_terminal(
    shop: Path, width: int, environment: dict[str, str]
) -> None:
    said = in_terminal(shop, width, "--dry-run", "-v", **environment)
    assert bool(SGR.search(said)) == (not environment)
    lines = SGR.sub("", said).split("\n")
    assert len(lines) > 30
    assert max(map(cell_len, lines)) <= width
    assert max(map(columns, lines)) > width - 12
    cuts = [line for line in lines if re.search(r"… [0-9]+ more$", line)]
    assert any("annotation_long" in line for line in cuts)
    assert {"+    a: 1", "+    b: 2"} < set(lines)


def test_elsewhere_nothing_is_cut_or_coloured(shop: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "podcm_sync", "--from", str(shop), "--dry-run"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert LONG in done.stdout
    assert "\x1b" not in done.stdout


def test_other_formats_are_never_cut(shop: Path) -> None:
    for output in ("json", "yaml", "markdown"):
        said = in_terminal(shop, 80, "--dry-run", "-o", output)
        assert LONG in re.sub(r"\\\n *", "", said)  # as YAML breaks its lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "markdown", "--loop"), "-o markdown is one comment for one run"),
        (("--max-bytes", "5000"), "--max-bytes cuts Markdown only: give -o markdown"),
        (("-o", "markdown", "--max-bytes", "3999"), "greater than or equal to 4000"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    shop: Path, options: tuple[str, ...], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "podcm_sync", "--from", str(shop), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_markdown_on_the_command_line_keeps_to_its_limit(shop: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "podcm_sync", "--from", str(shop), "--dry-run"),
            *("-o", "markdown", "--max-bytes", "4000"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout.startswith("## podcm-sync would create 2 ConfigMaps; 1 blocked; 1 problem\n")
    assert len(done.stdout.encode()) <= 4_000
