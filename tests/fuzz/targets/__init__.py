"""Fuzz targets: one file each, with `test_one_input(data)`, which raises if its law is broken."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

NAMES = sorted(module.name for module in iter_modules(__path__))
TESTS = Path(__file__).parents[2]


def seeds(name: str) -> list[Path]:
    """The folders with the target's seed corpus: its own, and public bug reports that fit."""
    return [
        each for each in (TESTS / "fuzz" / "seeds" / name, TESTS / "cases" / name) if each.is_dir()
    ]


def target(name: str) -> Callable[[bytes], None]:
    """The `test_one_input` of the target of this name."""
    test: Callable[[bytes], None] = import_module(f"{__name__}.{name}").test_one_input
    return test
