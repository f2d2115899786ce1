"""As large as a ConfigMap can be, and a little larger (behavior.md §3)."""

from pathlib import Path

import pytest

from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.sync_objects import generated, make_config, names
from tests.controlplane.syncing import sync

NAME = "pod-web-from-mine-cfg"
MEBIBYTE = 1_048_576


@pytest.mark.parametrize(
    ("text", "size", "is_possible"),
    [
        ("x", MEBIBYTE, True),
        ("x", MEBIBYTE + 1, False),
        ("é", MEBIBYTE, True),
        ("é", MEBIBYTE + 2, False),
        # Six bytes each in JSON: the limit is now that of a request, 3 MiB.
        (r"\u0001", 518_000, True),
        (r"\u0001", 530_000, False),
    ],
)
def test_the_largest_that_a_config_map_can_be(
    api: Api,
    audit: Audit,
    namespace: str,
    kubeconfig: Path,
    *,
    text: str,
    size: int,
    is_possible: bool,
) -> None:
    """§3: just as much as the server takes; over that nothing is sent, and it is said why."""
    api.make_pod(namespace, "web")
    facts = len("web" + namespace + "Pending")
    assert facts == 20  # even, as é has two bytes
    count = (size - facts) // (2 if text == "é" else 1)
    halves = count // 2, count - count // 2
    sources = [f'{{{{ repeat {half} "{text}" }}}}' for half in halves]
    make_config(
        api, namespace, spec={"configMapDataTemplate": dict(zip("ab", sources, strict=True))}
    )
    mark = audit.mark()
    run = sync(kubeconfig)
    # A namespace's own controllers create in it too, a moment after it was made.
    ours = audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
    sent = [e.code for e in ours if (e.verb, e.resource) == ("create", "configmaps")]
    if is_possible:
        assert (run.code, sent) == (0, [201])
        data = generated(api, namespace)["data"]
        assert sum(len(value.encode()) for value in data.values()) == size
    else:
        assert (run.came_to, sent) == ({NAME: ("skipped", "TooLarge")}, [])
        assert run.code == 3
        assert names(api, namespace) == []
