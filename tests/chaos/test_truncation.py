"""An answer that breaks off anywhere is no answer: asked for again, or settled, never believed."""

from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import run_once
from tests.command import started
from tests.controlplane.api import Api
from tests.controlplane.sync_objects import config_map, made_for, make_config, names

SHARES = (0.0, 0.01, 0.1, 0.3, 0.45, 0.5, 0.6, 0.99)
"""Nothing, a part of the status line, parts of the head, the whole head, parts of the body."""
WANTED = [f"pod-web-{number}-from-mine-cfg" for number in range(3)]


@pytest.fixture(autouse=True)
def work(api: Api, namespace: str) -> None:
    """Something to create, to update and to delete."""
    pods = [api.make_pod(namespace, f"web-{number}") for number in range(3)]
    make_config(api, namespace)
    drifted = config_map(namespace, WANTED[0], {"podName": "drifted"}, **made_for(pods[0]))
    api.create(drifted)
    gone = {"metadata": {"name": "gone", "uid": "0-0"}}
    labels = made_for(gone)["labels"]
    api.create(config_map(namespace, "pod-gone-from-mine-cfg", {}, labels=labels))


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.usefixtures("quick_retries")
def test_a_list_that_breaks_off_is_asked_for_again(
    proxy: Proxy, through: Path, share: float, is_chunked: bool
) -> None:
    """Each list once: the run is as if nothing had been."""
    proxy.begin(
        *(
            Rule(Fault.TRUNCATE, path=path, share=share, is_chunked=is_chunked)
            for path in ("/configmaps$", "/podconfigmapconfigs$", "/pods$")
        )
    )
    ran = run_once(through)
    assert ran.code == 0, ran


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.usefixtures("quick_retries")
def test_a_write_whose_answer_breaks_off_is_settled(
    api: Api, namespace: str, proxy: Proxy, through: Path, share: float
) -> None:
    """Each write once: the run finds out what came of it, and ends well."""
    proxy.begin(
        *(Rule(Fault.TRUNCATE, method=each, share=share) for each in ("POST", "PATCH", "DELETE"))
    )
    ran = run_once(through)
    assert ran.code == 0, ran
    assert names(api, namespace) == WANTED
    assert [each.codes for each in proxy.writes() if each.method == "POST"] == [[201], [201]]


def test_a_head_that_breaks_off_puts_no_traceback_on_stderr(proxy: Proxy, through: Path) -> None:
    """behavior.md §7: one line that says what failed; the traceback only with -v."""
    said = ""
    for share in (0.04, 0.16, 0.22, 0.31, 0.34):
        proxy.begin(Rule(Fault.TRUNCATE, share=share, times=2))
        with started(through) as running:
            said += running.end().stderr
    assert "Traceback" not in said
