"""Any answers to what `doctor` asks: a diagnosis that is harmless to show, never an error."""

import shlex

from podcm_sync.cluster.kube.transport import Response
from podcm_sync.doctor.diagnosis import Diagnosis, diagnose
from podcm_sync.doctor.diagnosis_text import as_json, text
from podcm_sync.doctor.probe import Probe
from podcm_sync.rbac.rights import RunProfile, needed
from podcm_sync.reconcile.renderer import NO_RENDERER
from podcm_sync.reconcile.snapshot import Scope
from tests.laws.test_rendered_text_is_printable import is_harmless
from tests.listserver import ListServer

SCOPE = Scope(namespaces=("shop",))
STATUSES = (200, 201, 401, 403, 404, 500)


class Answering(ListServer):
    """Answers one request after the other with these lines: the status in a byte, and the body."""

    def __init__(self, lines: list[bytes]) -> None:
        super().__init__(())
        self._lines = lines
        self._next = 0

    def get(self, *_: object, **__: object) -> Response:
        line = self._lines[self._next % len(self._lines)]
        self._next += 1
        status = STATUSES[line[0] % len(STATUSES)] if line else 200
        return Response(status=status, body=line[1:], retry_after=None, date="today")

    def request(self, *_: object, **__: object) -> Response:
        return self.get()


def test_one_input(data: bytes) -> None:
    server = Answering(data.split(b"\n"))
    rights = needed(RunProfile())
    facts = Probe(server).facts(SCOPE, rights, NO_RENDERER, "shop")
    found = Diagnosis(
        server="https://server",
        scope=SCOPE,
        checks=diagnose(facts, shlex.join(["podcm-sync", "rbac"]), RunProfile()),
        answers=facts.is_examined,
    )
    assert found.exit_code in {0, 3, 5}
    assert is_harmless(text(found))
    assert is_harmless(as_json(found))
