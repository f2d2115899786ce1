"""A digest is written as a dry run prints it, and its value is a promise between versions."""

import pytest

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.digest import digest, parse_digest
from tests.builders import change, config_map, desired


def test_a_digest_is_the_same_wherever_and_by_whatever_version_it_is_computed() -> None:
    """CI and the deploy job may run other builds: another value would be another digest/v2."""
    changes = [
        change(wanted=desired()),
        change(Verb.DELETE, Reason.POD_GONE, name="b", existing=config_map()),
    ]
    assert (
        digest(changes) == "sha256:44b4d0090cfa66c29ef7514f7f2e57e717095311726c3617f76f6e3b5b7f6941"
    )


def test_of_nothing_to_do_it_is_one_value() -> None:
    assert digest([]) == digest([change(Verb.KEEP, Reason.IN_SYNC)])
    assert digest([]) != digest([change(wanted=desired())])


def test_a_printed_digest_is_taken() -> None:
    printed = digest([])
    assert parse_digest(printed) == printed


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:" + "0" * 63, "sha256:" + "A" * 64, "0" * 64, "x\n"]
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        parse_digest(text)
