"""The targets' laws hold for every input of their seed corpus, within time and memory.

So no target rots, and what fuzzing found stays fixed. Atheris is not needed.
"""

import resource
import subprocess
import time
from pathlib import Path

import pytest

from podcm_sync.template.engine import hatch_build
from tests.fuzz.targets import NAMES, seeds, target
from tests.template import native

MAX_SECONDS = 2.0
"""CPU time for one input; the largest of these takes a tenth."""
MAX_GROWTH_KIB = 256 << 10
INPUTS = [
    pytest.param(name, path, id=f"{name}-{path.parent.name}-{path.name}")
    for name in NAMES
    for folder in seeds(name)
    for path in sorted(folder.rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts
]


@pytest.mark.parametrize(("name", "path"), INPUTS)
def test_the_law_of_a_target_holds_for_its_seeds(name: str, path: Path) -> None:
    test, data = target(name), path.read_bytes()
    started, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    test(data)
    assert time.process_time() - started < MAX_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < MAX_GROWTH_KIB


@pytest.mark.parametrize("name", NAMES)
def test_each_target_has_seeds_of_its_own(name: str) -> None:
    assert any(path.is_file() for path in seeds(name)[0].iterdir())


def test_the_laws_of_the_engine_hold_for_its_seeds() -> None:
    """Go's own targets: without `-fuzz` they play their seeds."""
    done = subprocess.run(
        [native.go(), "test", "-count=1", "./..."],
        check=False,
        cwd=Path(__file__).parent / "engine",
        env=hatch_build.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
