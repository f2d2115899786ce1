"""prometheus, promtool and prometheus-pushgateway: PATH's, else Debian's packages, unpacked."""

import shutil
import sys
from pathlib import Path

from tests import debian
from tests.debian import PackagesUnavailable

PROGRAMS = ("prometheus", "promtool", "prometheus-pushgateway")
PACKAGES = ("prometheus", "prometheus-pushgateway")


def find_or_fetch() -> Path:
    """A folder with the three programs. Raises PackagesUnavailable."""
    found = [shutil.which(name) for name in PROGRAMS]
    if all(found):
        folders = {Path(path).parent for path in found if path}
        if len(folders) == 1:
            return folders.pop()
    programs = [f"usr/bin/{name}" for name in PROGRAMS]
    return debian.unpacked("observability-debian", PACKAGES, programs) / "usr" / "bin"


if __name__ == "__main__":
    try:
        print(find_or_fetch())
    except PackagesUnavailable as problem:
        sys.exit(f"observability: {problem}")
