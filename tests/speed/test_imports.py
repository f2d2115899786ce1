"""What need not be paid is not imported: no protobuf for `--help` and for a directory."""

from pathlib import Path

import pytest

from tests import command

SHOP = Path(__file__).parents[2] / "examples" / "shop"


@pytest.mark.parametrize("arguments", [["--help"], ["--from", str(SHOP), "--dry-run"]])
def test_protobuf_and_kubernetes_are_for_an_api_server_alone(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from podcm_sync.__main__ import run\n"
        f"run({arguments!r})\n"
        "heavy = {'google.protobuf', 'kubernetes', 'prometheus_client', 'urllib3'}\n"
        "sys.stderr.write('loaded: ' + ' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = command.python("-c", script)
    assert done.code == 0, done.stderr
    assert done.stderr.endswith("loaded: ")
    assert done.stdout
