"""The words that text and Markdown share."""

from msgspec.structs import replace

from podcm_sync.api.reasons import Reason
from podcm_sync.output import words
from podcm_sync.reconcile.changes import Result
from tests.builders import change, outcome


def test_a_skip_is_called_by_what_its_reason_means() -> None:
    assert words.word(outcome(Result.SKIPPED, Reason.SUSPENDED)) == "skipped"
    assert words.word(outcome(Result.SKIPPED, Reason.FOREIGN)) == "blocked"
    assert words.word(outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED)) == "held back"
    assert words.word(outcome(Result.FAILED, Reason.FORBIDDEN)) == "failed"


def test_a_create_needs_no_reason_and_a_failed_one_does() -> None:
    assert words.why(outcome(Result.CREATED, Reason.MISSING)) == ""
    failed = outcome(Result.FAILED, Reason.MISSING, message="no")
    assert words.why(failed) == "Missing: no"


def test_what_is_held_back_says_why_it_was_to_go() -> None:
    of = replace(
        change(reason=Reason.PRUNE_BLOCKED),
        planned_reason=Reason.POD_GONE,
        planned_message="its Pod is gone",
    )
    spared = outcome(Result.SKIPPED, Reason.PRUNE_BLOCKED, of=of, message="held back: 3")
    assert words.why(spared) == "PodGone: its Pod is gone"


def test_what_is_in_step_says_so() -> None:
    unchanged = outcome(Result.UNCHANGED, Reason.IN_SYNC)
    assert words.why(unchanged) == "InSync: the ConfigMap is as it should be"


def test_a_failure_says_what_to_do() -> None:
    blocked = outcome(Result.SKIPPED, Reason.IMMUTABLE, message="it is immutable")
    assert (
        words.why(blocked) == "Immutable: it is immutable; delete it; the next run creates it again"
    )
