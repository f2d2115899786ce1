"""Fuzzes one target, guided by coverage, or all: `python -m tests.fuzz.run [TARGET] [--seconds N]`.

Ends with 0 when the time is up. It ends with another code as soon as an input breaks the target's
law, is slow, or takes too much memory: README.md says where that input is, and what to do with it.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from podcm_sync.template.engine import hatch_build
from tests.fuzz.targets import NAMES, seeds, target
from tests.template import native

ENGINE = Path(__file__).parent / "engine"
OF_THE_ENGINE = ("FuzzParse", "FuzzRender")
CORPUS = Path(".fuzz")
MAX_BYTES = 8_192
"""Of one input."""
MAX_SECONDS = 10
"""For one input. The targets are instrumented, and the machine may be busy."""
MAX_MEMORY_MIB = 2_048
"""Of the whole process. Templates get 64 MiB each, and libFuzzer keeps its corpus in memory."""


def main() -> None:
    """Run one target in this process, or each in one of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    parser.add_argument("target", nargs="?", choices=[*NAMES, *OF_THE_ENGINE])
    parser.add_argument("--seconds", type=int, default=180)
    options = parser.parse_args()
    if options.target is None:
        for name in (*NAMES, *OF_THE_ENGINE):
            command = [sys.executable, "-m", "tests.fuzz.run", name]
            subprocess.run([*command, f"--seconds={options.seconds}"], check=True)
    elif options.target in OF_THE_ENGINE:
        _fuzz_engine(options.target, options.seconds)
    else:
        _fuzz(options.target, options.seconds)


def _fuzz(name: str, seconds: int) -> None:
    """Ends the process."""
    import atheris

    found = CORPUS / name
    found.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=["podcm_sync", "http.server", "email"]):
        test = target(name)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-max_len={MAX_BYTES}",
        f"-timeout={MAX_SECONDS}",
        f"-rss_limit_mb={MAX_MEMORY_MIB}",
        f"-artifact_prefix={found}-",
        "-print_final_stats=1",
        str(found),
        *map(str, seeds(name)),
    ]
    atheris.Setup(arguments, test)
    atheris.Fuzz()


def _fuzz_engine(name: str, seconds: int) -> None:
    command = [native.go(), "test", "-run=^$", f"-fuzz=^{name}$", f"-fuzztime={seconds}s"]
    # By default an interesting input is made smaller for up to a minute, and nothing else is tried.
    command += ["-fuzzminimizetime=20x", "-parallel=1", "."]
    environment = hatch_build.environment(GOMEMLIMIT=f"{MAX_MEMORY_MIB}MiB")
    done = subprocess.run(command, check=False, cwd=ENGINE, env=environment)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
