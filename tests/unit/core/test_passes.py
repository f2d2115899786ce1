"""Which namespaces get another pass (spec §2): where a write met a conflict, or may yet come."""

import pytest

from podcm_sync.core.passes import contested
from podcm_sync.model.changes import Outcome, Result, Verb
from podcm_sync.model.reasons import Reason
from tests.builders import change, outcome

CREATE = change(Verb.CREATE, Reason.MISSING)


@pytest.mark.parametrize(
    ("made", "is_contested"),
    [
        (outcome(), False),
        (outcome(Result.FAILED, Reason.CONFLICT, code=409), True),
        (outcome(Result.FAILED, Reason.FORBIDDEN, code=403), False),
        # No answer, and a get found nothing: it may come, or be done again.
        (outcome(Result.FAILED, Reason.UNREACHABLE, of=CREATE, code=404), True),
        (outcome(Result.FAILED, Reason.SERVER_ERROR, of=CREATE, code=404), True),
        # No answer to the get either: another pass would have none.
        (outcome(Result.FAILED, Reason.UNREACHABLE, of=CREATE), False),
        (outcome(Result.FAILED, Reason.SERVER_ERROR, code=503), False),
    ],
)
def test_another_pass_is_for_what_it_may_settle(made: Outcome, is_contested: bool) -> None:
    assert contested([outcome(namespace="bank"), made]) == (("shop",) if is_contested else ())
