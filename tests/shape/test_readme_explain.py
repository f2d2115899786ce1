"""README.md's explanation is what `podcm-sync explain` says of examples/shop."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.shape.readme import README


def test_the_explanation_is_the_commands_own(tmp_path: Path) -> None:
    shutil.copytree(README.parent / "examples" / "shop", tmp_path / "examples" / "shop")
    text = README.read_text(encoding="utf-8")
    section = text.partition("## Why is it so?")[2]
    shown = re.search(r"```console\n(.*?)```", section, flags=re.DOTALL)
    command = re.search(r"`podcm-sync (explain .*?)`:", section)
    assert shown is not None
    assert command is not None
    done = subprocess.run(
        [sys.executable, "-m", "podcm_sync", *command[1].split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, shown[1])
