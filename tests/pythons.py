"""Runs the tests of connections, decoding, and planning on every supported Python installed here.

`make test-pythons`: what a TLS context demands, which wheels are used, and how an error reads
depend on the interpreter. Each has a virtual environment in the cache. The end names the
interpreters that were not there.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
TESTS = (
    "tests/unit/api",
    "tests/unit/cluster",
    "tests/unit/reconcile",
    "tests/cases/kubeconfig",
)
TOOLS = ("cmarkgfm", "hypothesis", "jsonschema", "pytest", "trustme")


def main() -> int:
    """0 if the tests pass on each interpreter that is there, and there is at least one."""
    missing, failed = [], []
    for version in VERSIONS:
        interpreter = find(version)
        if interpreter is None:
            missing.append(version)
            continue
        print(f"=== Python {version} ({interpreter})", flush=True)
        python = environment(version, interpreter)
        command = [str(python), "-m", "pytest", "-q", *TESTS, "-k", "not kubectl", *sys.argv[1:]]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(version)
    ran = [version for version in VERSIONS if version not in missing]
    print(f"ran on {', '.join(ran) or 'none'}; failed on {', '.join(failed) or 'none'}")
    if missing:
        print(f"not installed, not run: {', '.join(missing)}")
    return int(bool(failed) or not ran)


def find(version: str) -> str | None:
    """The path of an interpreter that is really that version; a shim may stand for none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        *(str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"))),
        shutil.which(f"python{version}") or "",
    ]
    for candidate in filter(None, candidates):
        program = "import sys; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run(
            [candidate, "-c", program], capture_output=True, text=True, check=False
        )
        if done.stdout.strip() == version:
            return candidate
    return None


def environment(version: str, interpreter: str) -> Path:
    """The Python of a virtual environment with what these tests import."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = project["optional-dependencies"]["test"]
    tools = [pin for pin in pinned if re.split(r"[=<>]", pin)[0] in TOOLS]
    requirements = "\n".join([*project["dependencies"], *tools])
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "podcm-sync-tests"
    folder = cache / f"python-{version}"
    python, mark = folder / "bin" / "python", folder / "requirements"
    if not mark.exists() or mark.read_text() != requirements:
        subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True)
        wanted = [*project["dependencies"], *tools]
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--only-binary=:all:", *wanted],
            check=True,
        )
        mark.write_text(requirements)
    # The tests start `podcm-sync` with nothing of this environment, PYTHONPATH included.
    site = folder / "lib" / f"python{version}" / "site-packages"
    (site / "checkout.pth").write_text(f"{ROOT}\n")
    return python


if __name__ == "__main__":
    sys.exit(main())
