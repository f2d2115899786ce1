"""A write counts by what the API server says of its object; anything else is settled by a look."""

import json
import signal
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import pytest

from podcm_sync.api.decode_json import decode_config_map
from podcm_sync.api.meta import API_VERSION, KIND, NamespacedName
from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.cluster.kube import retry
from podcm_sync.cluster.kube.client import Connection, RequestCounter
from podcm_sync.cluster.kube.retry import NotBegunError
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.reconcile import managed_fields
from podcm_sync.reconcile.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.status import conditions
from podcm_sync.runtime.context import RunContext
from tests.builders import pcmc, snapshot

NAME = NamespacedName("shop", "pod-web-from-mine-cfg")
DESIRED = DesiredConfigMap(
    namespaced_name=NAME,
    pod_name="web",
    pod_uid="u-1",
    pcmc_name="mine",
    data={"podName": "web"},
)
Object = dict[str, Any]
HTML = b"<html>Bad Gateway</html>"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.0)


def stored(data: Mapping[str, str] = DESIRED.data, version: str = "2", uid: str = "c-1") -> Object:
    """The object as an API server stores it."""
    found = json.loads(json.dumps(managed_fields.manifest(DESIRED)))
    found["metadata"] |= {"uid": uid, "resourceVersion": version}
    found["data"] = dict(data)
    return dict(found)


OF_VERSION_1 = stored({"podName": "old"}, "1")
EXISTING = decode_config_map(json.dumps(OF_VERSION_1).encode())


def status(code: int, name: str = NAME.name, **more: Any) -> bytes:
    """A v1 Status of a refusal. It is about this ConfigMap, unless another name is given."""
    about = {"name": name, "kind": "configmaps"} if name else None
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return json.dumps(body | {"details": about} | more).encode()


DELETED = json.dumps(
    {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Success",
        "details": {"name": NAME.name, "kind": "configmaps", "uid": "c-1"},
    }
).encode()


class Server:
    """A connection in which each write gets the next answer, and each read the current object."""

    def __init__(
        self, *answers: tuple[int, bytes] | TransportError | NotBegunError, there: Object | None
    ) -> None:
        self.context = RunContext()
        self.requests = RequestCounter()
        self.writes: list[tuple[str, Object]] = []
        self.looks = 0
        self.there = there
        self._answers = list(answers)

    def request(self, method: str, _path: str, *, body: bytes, content_type: str) -> Response:
        assert content_type
        self.writes.append((method, json.loads(body)))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, TransportError | NotBegunError):
            raise answer
        return Response(status=answer[0], body=answer[1], retry_after=None)

    def get(self, path: str) -> Response:
        self.looks += 1
        _, mark, query = path.partition("?")
        if mark:
            return self._listed(query)
        if self.there is None:
            return Response(status=404, body=status(404, reason="NotFound"), retry_after=None)
        return Response(status=200, body=json.dumps(self.there).encode(), retry_after=None)

    def _listed(self, query: str) -> Response:
        """The list of the configs with that name: empty unless it is `there`."""
        assert query == "fieldSelector=metadata.name%3Dmine"
        page = {
            "apiVersion": API_VERSION,
            "kind": f"{KIND}List",
            "metadata": {"resourceVersion": "1"},
            "items": [self.there] if self.there else [],
        }
        return Response(status=200, body=json.dumps(page).encode(), retry_after=None)


LOST = TransportError("the connection broke", is_sent=True)
UNSENT = TransportError("connection refused", is_sent=False)


def create(writer: KubeWriter) -> Answer:
    return writer.create(DESIRED)


def update(writer: KubeWriter) -> Answer:
    return writer.update(EXISTING, DESIRED)


def delete(writer: KubeWriter) -> Answer:
    return writer.delete(EXISTING)


Verb = Callable[[KubeWriter], Answer]


def carried_out(verb: Verb, server: Server) -> Answer:
    return verb(KubeWriter(cast("Connection", server)))


OTHER_ANSWERS = [
    pytest.param(200, HTML, id="200 HTML"),
    pytest.param(201, HTML, id="201 HTML"),
    pytest.param(200, b"", id="200 empty"),
    pytest.param(200, b"{}", id="200 {}"),
    pytest.param(200, b"[]", id="200 []"),
    pytest.param(200, b"null", id="200 null"),
    pytest.param(200, b"\xff", id="200 no text"),
    pytest.param(200, json.dumps({"kind": "NodeList", "metadata": {}}).encode(), id="200 NodeList"),
    pytest.param(
        200,
        json.dumps(stored() | {"kind": "Secret"}).encode(),
        id="200 another kind of that name",
    ),
    pytest.param(
        200,
        json.dumps(stored() | {"metadata": {"name": "other", "namespace": "shop"}}).encode(),
        id="200 another name",
    ),
    pytest.param(
        200,
        json.dumps(stored() | {"metadata": {"name": NAME.name, "namespace": "x"}}).encode(),
        id="200 another namespace",
    ),
    pytest.param(200, DELETED.replace(NAME.name.encode(), b"other"), id="200 another's Status"),
    pytest.param(204, b"", id="204"),
    pytest.param(302, b"", id="302"),
    pytest.param(404, b"404 page not found\n", id="404 plain"),
    pytest.param(404, HTML, id="404 HTML"),
    pytest.param(404, b'{"error": "no route"}', id="404 JSON"),
    pytest.param(404, status(404, "other"), id="404 about another"),
    pytest.param(404, status(404, ""), id="404 about nothing"),
    pytest.param(409, HTML, id="409 HTML"),
    pytest.param(409, status(409, "other"), id="409 about another"),
    pytest.param(403, HTML, id="403 HTML"),
    pytest.param(422, HTML, id="422 HTML"),
    *(pytest.param(code, HTML, id=f"{code}") for code in (499, 500, 502, 503, 504, 520, 522, 524)),
]


@pytest.mark.parametrize(("code", "body"), OTHER_ANSWERS)
@pytest.mark.parametrize("verb", [create, update, delete], ids=["create", "update", "delete"])
def test_an_answer_that_is_not_the_api_servers_is_no_success_and_no_verdict(
    verb: Verb, code: int, body: bytes
) -> None:
    """If the object is as it was before, nothing was done, whatever the answer looks like."""
    there = None if verb is create else stored({"podName": "old"}, "1")
    server = Server((code, body), there=there)
    answer = carried_out(verb, server)
    assert answer.result is Result.FAILED
    assert answer.reason is not None
    assert class_of(answer.reason) is ReasonClass.API
    assert server.looks == 1


@pytest.mark.parametrize(("code", "body"), [(0, b""), *((502, HTML), (404, HTML), (200, b"{}"))])
@pytest.mark.parametrize(
    ("verb", "after", "result"),
    [
        (create, stored(), Result.CREATED),
        (update, stored(), Result.UPDATED),
        (delete, None, Result.DELETED),
        (delete, stored(uid="c-2"), Result.DELETED),
    ],
    ids=["create", "update", "delete", "delete, and made again by somebody"],
)
def test_a_write_that_was_carried_out_unseen_is_found_by_a_look(
    verb: Verb, after: Object | None, result: Result, code: int, body: bytes
) -> None:
    """Even if each repeat is refused because the first attempt was carried out."""
    lost = (code, body) if code else LOST
    for answers in ((lost,), (lost, (409, status(409))), (lost, (404, status(404)))):
        if verb is create and len(answers) > 1:
            continue
        server = Server(*answers, there=after)
        assert carried_out(verb, server).result is result
        assert len(server.writes) == 1 or verb is not create, "a create is never repeated"


@pytest.mark.parametrize("verb", [update, delete], ids=["update", "delete"])
def test_a_lost_write_to_an_object_that_changed_meanwhile_is_a_conflict(verb: Verb) -> None:
    answer = carried_out(verb, Server(LOST, there=stored({"podName": "theirs"}, "9")))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)


def test_a_lost_create_that_meets_anothers_object_is_a_conflict() -> None:
    there = stored()
    del there["metadata"]["labels"]
    answer = carried_out(create, Server(LOST, there=there))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)


@pytest.mark.parametrize("verb", [create, update, delete], ids=["create", "update", "delete"])
def test_a_write_that_does_not_begin_names_what_keeps_it_from_beginning(verb: Verb) -> None:
    server = Server(NotBegunError(), there=None)
    server.context.receive(signal.SIGTERM)
    answer = carried_out(verb, server)
    assert answer.reason is Reason.INTERRUPTED
    assert answer.message == "not begun: cut short by SIGTERM"


@pytest.mark.parametrize("verb", [create, update, delete], ids=["create", "update", "delete"])
def test_a_request_that_was_never_sent_needs_no_look(verb: Verb) -> None:
    server = Server(UNSENT, there=None)
    answer = carried_out(verb, server)
    assert (answer.reason, server.looks) == (Reason.UNREACHABLE, 0)


@pytest.mark.parametrize(
    ("verb", "code", "body", "result"),
    [
        (create, 201, json.dumps(stored()).encode(), Result.CREATED),
        (update, 200, json.dumps(stored()).encode(), Result.UPDATED),
        (delete, 200, DELETED, Result.DELETED),
        (delete, 202, json.dumps(stored()).encode(), Result.DELETED),
    ],
)
def test_an_answer_about_the_object_counts(
    verb: Verb, code: int, body: bytes, result: Result
) -> None:
    server = Server((code, body), there=None)
    answer = carried_out(verb, server)
    assert (answer.result, answer.code, server.looks) == (result, code, 0)
    assert len(server.writes) == 1


@pytest.mark.parametrize("verb", [create, update], ids=["create", "update"])
def test_a_write_that_admission_changes_is_no_success_and_names_the_field(verb: Verb) -> None:
    body = json.dumps(stored({"podName": "web", "added": "by a policy"})).encode()
    answer = carried_out(verb, Server((200, body), there=None))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CHANGED_BY_ADMISSION)
    assert "data.added" in answer.message
    assert class_of(Reason.CHANGED_BY_ADMISSION) is ReasonClass.BLOCKING


def test_who_manages_it_is_no_field_of_ours_to_insist_on() -> None:
    """behavior.md §2.4: `managed-by` goes with every write, but isn't itself a reason for one."""
    there = stored()
    there["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"
    answer = carried_out(update, Server((200, json.dumps(there).encode()), there=None))
    assert answer.result is Result.UPDATED


def test_a_delete_of_an_object_that_is_gone_already_deleted_nothing() -> None:
    answer = carried_out(delete, Server((404, status(404)), there=None))
    assert (answer.result, answer.reason) == (Result.SKIPPED, Reason.ALREADY_GONE)
    assert class_of(Reason.ALREADY_GONE) is ReasonClass.INTENDED


def test_only_a_404_about_the_namespace_says_that_it_is_gone() -> None:
    about = {"name": "shop", "kind": "namespaces"}
    answer = carried_out(create, Server((404, status(404, details=about)), there=None))
    assert (answer.result, answer.reason) == (Result.SKIPPED, Reason.NAMESPACE_TERMINATING)
    about = {"name": "other", "kind": "namespaces"}
    answer = carried_out(create, Server((404, status(404, details=about)), there=None))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.UNREACHABLE)


@pytest.mark.parametrize("code", [409, 500])
@pytest.mark.parametrize("verb", [create, update], ids=["create", "update"])
def test_a_conflict_over_a_quota_is_the_objects_and_for_another_pass(verb: Verb, code: int) -> None:
    message = 'Operation cannot be fulfilled on resourcequotas "few": the object has been modified'
    about = {"name": "few", "kind": "resourcequotas"}
    server = Server((code, status(code, message=message, details=about)), there=None)
    answer = carried_out(verb, server)
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)
    assert len(server.writes) == 1


WEBHOOK = 'Internal error occurred: failed calling webhook "w.example.com": Post "https://…": EOF'


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (500, WEBHOOK, Reason.WEBHOOK_FAILED),
        (500, "etcdserver: request is too large", Reason.TOO_LARGE),
        (
            500,
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max",
            Reason.TOO_LARGE,
        ),
    ],
)
@pytest.mark.parametrize("verb", [create, update, delete], ids=["create", "update", "delete"])
def test_a_failure_of_one_object_is_sent_once_and_blames_no_server(
    verb: Verb, code: int, message: str, reason: Reason
) -> None:
    server = Server((code, status(code, "", message=message)), there=None)
    answer = carried_out(verb, server)
    assert (answer.result, answer.reason, len(server.writes)) == (Result.FAILED, reason, 1)
    assert message in answer.message
    assert class_of(reason) is ReasonClass.BLOCKING


def test_a_body_that_a_proxy_finds_too_large_is_the_objects_failure() -> None:
    answer = carried_out(create, Server((413, HTML), there=None))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.TOO_LARGE)


@pytest.mark.parametrize("body", [b"Too many requests, please try again later.", status(429, "")])
def test_a_429_was_never_begun_and_is_repeated_for_any_verb(body: bytes) -> None:
    """The overload filter of kube-apiserver answers in plain text."""
    server = Server((429, body), (201, json.dumps(stored()).encode()), there=None)
    assert carried_out(create, server).result is Result.CREATED
    assert (len(server.writes), server.looks) == (2, 0)


@pytest.mark.parametrize(
    ("first", "is_done"),
    [((429, b"Too many requests"), False), (UNSENT, False), (LOST, False), (LOST, True)],
)
def test_each_attempt_to_delete_must_be_confirmed(
    first: tuple[int, bytes] | TransportError, *, is_done: bool
) -> None:
    """Much can happen while a delete waits for its next attempt."""
    server = Server(first, (200, status(200, NAME.name)), there=None if is_done else OF_VERSION_1)
    changed = Answer(result=Result.SKIPPED, reason=Reason.UNCONFIRMED, message="it is needed")
    confirmed = iter([None, changed])
    writer = KubeWriter(cast("Connection", server))
    answer = writer.delete(EXISTING, lambda: next(confirmed))
    assert len(server.writes) == 1
    assert answer == (Answer(result=Result.DELETED, code=404) if is_done else changed)


def status_update() -> StatusUpdate:
    world = snapshot(pcmc("mine"))
    (made,) = conditions(world, build(world), (), "2026-11-26T12:00:00Z")
    return made


def config_with(status: Object, name: str = "mine") -> bytes:
    return json.dumps(
        {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"name": name, "namespace": "shop", "resourceVersion": "9"},
            "spec": {},
            "status": status,
        }
    ).encode()


def test_a_status_counts_only_as_it_was_sent() -> None:
    made = status_update()
    sent = msgspec.to_builtins(made.desired)
    for body, result, reason in [
        (config_with(sent), Result.UPDATED, None),
        (config_with({}), Result.FAILED, Reason.STATUS_NOT_STORED),
        (config_with(sent | {"conditions": []}), Result.FAILED, Reason.STATUS_NOT_STORED),
        (config_with(sent, "other"), Result.FAILED, Reason.UNREACHABLE),
        (HTML, Result.FAILED, Reason.UNREACHABLE),
    ]:
        writer = KubeWriter(cast("Connection", Server((200, body), there=None)))
        answer = writer.update_status(made)
        assert (answer.result, answer.reason) == (result, reason), body


@pytest.mark.parametrize(
    ("is_there", "reason"), [(True, Reason.STATUS_NOT_STORED), (False, Reason.CONFLICT)]
)
def test_a_crd_without_a_status_subresource_is_told_from_a_config_that_is_gone(
    is_there: bool, reason: Reason
) -> None:
    """Both answer 404 with the config's name. The Go controller's CRD has no status subresource."""
    about = {"name": "mine", "kind": "podconfigmapconfigs"}
    there = json.loads(config_with({})) if is_there else None
    server = Server((404, status(404, details=about)), there=there)
    answer = KubeWriter(cast("Connection", server)).update_status(status_update())
    assert (answer.result, answer.reason) == (Result.FAILED, reason)
    assert class_of(Reason.STATUS_NOT_STORED) is ReasonClass.API
