"""The image takes nothing that is not pinned by hash, and no stray file of the checkout."""

import re

import pytest

from tests.shape.readme import ROOT

DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8")


def pip_commands() -> list[str]:
    runs = re.findall(r"^RUN (.*)$", DOCKERFILE, re.MULTILINE)
    commands = [command for run in runs for command in run.split(" && ")]
    return [x for x in commands if re.search(r"\bpip\b.* (install|wheel|download) ", x)]


def test_the_base_image_is_pinned_by_its_digest() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert images == ["${PYTHON_IMAGE}"] * 2
    assert re.search(r"^ARG PYTHON_IMAGE=[\w.:/-]+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)


def test_pip_takes_packages_with_hashes_or_none() -> None:
    commands = pip_commands()
    assert len(commands) == 4
    for command in commands:
        is_locked = "--require-hashes --only-binary :all:" in command
        assert is_locked != ("--no-index --no-deps" in command), command


def _pattern(text: str) -> re.Pattern[str]:
    """A line of .dockerignore as Docker reads it: `**/` is any folders, `*` is within one name."""
    regex = re.escape(text).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(re.sub(r"\\\[(\w+)\\\]", r"[\1]", regex) + "(?:/.*)?")


def is_ignored(path: str) -> bool:
    """Whether Docker leaves a path out: the last line that fits decides."""
    verdict = False
    for line in IGNORED.splitlines():
        if line and not line.startswith("#") and _pattern(line.removeprefix("!")).fullmatch(path):
            verdict = not line.startswith("!")
    return verdict


@pytest.mark.parametrize(
    "path",
    [
        "podcm_sync/errors.pyc",
        "podcm_sync/errors.pyd",
        "podcm_sync/core/plan.so",
        "podcm_sync/core/plan.cpython-313-x86_64-linux-gnu.so",
        "podcm_sync/core/__pycache__/plan.cpython-313.pyc",
        "podcm_sync/template/engine.wasm",
        "podcm_sync/template/engine.stamp",
        "podcm_sync/template/engine.12.partial",
        "podcm_sync/template/engine-0123.cwasm",
        "requirements/planted.so",
        "kubeconfig",
        ".git/config",
    ],
)
def test_a_stray_file_never_reaches_the_build(path: str) -> None:
    assert is_ignored(path)


def test_every_source_reaches_the_build() -> None:
    sources = [
        path.relative_to(ROOT).as_posix()
        for folder in ("podcm_sync", "requirements")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".go", ".mod", ".sum", ".txt", ".json", ".typed"}
    ]
    assert "podcm_sync/template/engine/engine.go" in sources
    assert "requirements/build.txt" in sources
    assert [path for path in sources if is_ignored(path)] == []
    assert not any(map(is_ignored, ("pyproject.toml", "README.md", "LICENSE")))
