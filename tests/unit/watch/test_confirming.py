"""§10: a pass deletes only what the API server, asked again, doesn't need either."""

from collections.abc import Sequence
from typing import cast

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, LookError, needs_no_look
from podcm_sync.reconcile.changes import Answer, Result
from podcm_sync.reconcile.names import config_map_name, label_value
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.watch.confirming import Claimants, ConfirmingWriter, claimants_of
from podcm_sync.watch.namespace import Namespace
from podcm_sync.watch.readers import StoreReader
from podcm_sync.watch.store import Store
from tests.builders import (
    GENERATED_BY,
    NAMESPACE,
    POD_UID,
    Object,
    config_map,
    owner,
    pcmc,
    pod,
    problem,
)
from tests.fakes import FakeCluster

WEB = {"app": "web"}
REFUSED = Answer(result=Result.FAILED, reason=Reason.FORBIDDEN, message="the server says no")
DELETED = Answer(result=Result.DELETED)
LONG = "a" * 100
HASHED = label_value(LONG)


class Server(FakeCluster):
    """What looks find, and which deletes come. It refuses looks at `forbidden` names."""

    def __init__(self, *objects: Object, forbidden: str = "") -> None:
        super().__init__()
        self.objects = {(type(each), each.namespaced_name): each for each in objects}
        self.forbidden = forbidden
        self.deleted: list[ConfigMap] = []

    def pod(self, name: NamespacedName) -> Pod | None:
        return cast("Pod | None", self._found(Pod, name))

    def config(self, name: NamespacedName) -> PodConfigMapConfig | None:
        return cast("PodConfigMapConfig | None", self._found(PodConfigMapConfig, name))

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        if (held := confirm()) is not None:
            return held
        self.deleted.append(existing)
        return DELETED

    def _found(self, kind: type, name: NamespacedName) -> Object | None:
        if name.name == self.forbidden:
            raise LookError(REFUSED)
        return self.objects.get((kind, name))


def part(*objects: Object | Problem) -> Namespace:
    """A namespace of the store."""
    made = Namespace()
    for each in objects:
        made.put(each)
    return made


def answer(existing: ConfigMap, planned: Sequence[Object], server: Server) -> Answer:
    """The answer to a delete that a pass planned from these objects."""
    reader = StoreReader(Store(Scope(namespaces=(NAMESPACE,))), lambda *_: None)
    reader.planned = part(*planned)
    return ConfirmingWriter(server, server, reader).delete(existing)


CONFIG = pcmc(match_labels=WEB)


@pytest.mark.parametrize(
    "objects",
    [
        [pod(), CONFIG],
        [CONFIG],
        [pod()],
        [],
    ],
)
def test_what_is_as_planned_is_deleted(objects: list[Object]) -> None:
    server = Server(*objects)
    assert answer(config_map(), objects, server) == DELETED
    assert server.deleted == [config_map()]


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ([pod(labels=WEB), CONFIG], "Pod web-0"),
        ([pod(terminating=True), CONFIG], "Pod web-0"),
        ([pod(uid="new"), CONFIG], "Pod web-0"),
        ([CONFIG], "Pod web-0"),
        ([pod()], "config web"),
        ([pod(), replace(CONFIG, resource_version="2")], "config web"),
        ([pod(), replace(CONFIG, uid="new")], "config web"),
    ],
)
def test_what_the_watches_have_not_told_keeps_it(now: list[Object], changed: str) -> None:
    server = Server(*now)
    given = answer(config_map(), [pod(), CONFIG], server)
    assert (given.result, given.reason) == (Result.SKIPPED, Reason.UNCONFIRMED)
    assert given.message.startswith(f"{changed} has changed")
    assert server.deleted == []


def test_what_says_nothing_about_selection_can_change_meanwhile() -> None:
    """A Pod's status changes all the time."""
    server = Server(pod(phase="Failed", annotations={"note": "new"}), CONFIG)
    assert answer(config_map(), [pod(), CONFIG], server) == DELETED


@pytest.mark.parametrize("forbidden", ["web-0", "web"])
def test_a_look_that_fails_is_the_answer(forbidden: str) -> None:
    server = Server(pod(), CONFIG, forbidden=forbidden)
    assert answer(config_map(), [pod(), CONFIG], server) == REFUSED
    assert server.deleted == []


@pytest.mark.parametrize(
    ("existing", "pods", "configs"),
    [
        (config_map(), {"web-0"}, {"web"}),
        (config_map(owners=[]), {"web-0"}, {"web"}),
        (config_map(owners=[owner(), owner("web-1")]), {"web-0", "web-1"}, {"web"}),
        (config_map(labels={GENERATED_BY: "api"}), {"web-0"}, {"web", "api"}),
        (config_map(owners=[owner(), owner("?watch=1&x=/")]), {"web-0"}, {"web"}),
        (config_map(labels={GENERATED_BY: "We_b"}), {"web-0"}, {"web"}),
        (config_map("pod-from-a-from-web-cfg"), {"web-0", "from-a"}, {"web", "a-from-web"}),
        (config_map(made_by=LONG, labels={GENERATED_BY: HASHED}), {"web-0"}, {LONG, HASHED}),
        (
            config_map("pod-web-0-from-b-from-c-cfg", made_by="c"),
            {"web-0", "web-0-from-b"},
            {"c", "b-from-c"},
        ),
    ],
)
def test_all_that_it_can_be_for_has_a_say(
    existing: ConfigMap, pods: set[str], configs: set[str]
) -> None:
    assert claimants_of(existing, part(pod())) == Claimants(frozenset(pods), frozenset(configs))


@pytest.mark.parametrize("kind", ["Pod", "PodConfigMapConfig"])
def test_a_look_at_what_cant_be_decoded_shows_nothing(kind: str) -> None:
    name = "web-0" if kind == "Pod" else "web"
    assert claimants_of(config_map(), part(problem(kind, name))) is None


@pytest.mark.parametrize(
    "existing",
    [
        config_map(owners=[], labels={POD_UID: "of-nobody"}),
        config_map(labels={POD_UID: "of-nobody"}),
        config_map("pod-web-0-cfg"),
        config_map(owners=[owner(f"web-{number}") for number in range(20)]),
        config_map(config_map_name("b" * 200, LONG), labels={GENERATED_BY: "web"}),
        config_map(labels={GENERATED_BY: HASHED}),
    ],
)
def test_if_it_is_in_doubt_whose_it_is_the_next_full_run_decides(existing: ConfigMap) -> None:
    server = Server()
    assert claimants_of(existing, part()) is None
    given = answer(existing, [], server)
    assert (given.result, given.reason) == (Result.SKIPPED, Reason.AWAITING_LIST)
    assert server.deleted == []


def test_beside_a_full_run_nothing_is_deleted() -> None:
    """Its limits don't count what a pass deletes meanwhile."""
    server = Server()
    reader = StoreReader(Store(Scope(namespaces=(NAMESPACE,))), lambda *_: None)
    given = ConfirmingWriter(server, server, reader, lambda: True).delete(config_map())
    assert (given.result, given.reason) == (Result.SKIPPED, Reason.UNCONFIRMED)
    assert server.deleted == []
