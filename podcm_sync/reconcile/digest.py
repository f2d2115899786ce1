"""A plan's digest: names a reviewed plan, so that a run can apply that plan or nothing.

Two plans with one digest write the same content to the same objects. The digest doesn't cover
resourceVersions, ConfigMap uids, statuses or messages: they differ between a preview of files and
the run after the merge, and the two must have one digest.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from podcm_sync.reconcile import managed_fields
from podcm_sync.reconcile.changes import WRITES, Change

_PREFIX: Final = "sha256:"
_FORM: Final = b"podcm-sync/digest/v1\n"
"""The hash starts with this, so that a later version of the format can't give the same digest."""
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def digest(changes: Iterable[Change]) -> str:
    """`sha256:…` over the creates, updates and deletes among these changes, in any order.

    `keep` and `skip` write nothing, so they don't count.
    """
    writes = sorted((change for change in changes if change.verb in WRITES), key=_place)
    total = hashlib.sha256(_FORM)
    for change in writes:
        total.update(_encoder.encode(_content(change)))
        total.update(b"\n")  # compact JSON has no newline, so two lists never give the same bytes
    return _PREFIX + total.hexdigest()


def parse_digest(text: str) -> str:
    """Check a digest that a user gives. Raises ValueError with what to write."""
    if not re.fullmatch(_PREFIX + "[0-9a-f]{64}", text):
        raise ValueError(
            f"{text!r} isn't the digest of a plan; write {_PREFIX} and 64 hex digits, as a dry run "
            "prints them"
        )
    return text


def _place(change: Change) -> tuple[str, ...]:
    return (*change.namespaced_name, change.pcmc_name, change.pod_name)


def _content(change: Change) -> tuple[object, ...]:
    """What a change writes, and what it replaces: the managed fields before and after."""
    existing, desired = change.existing, change.desired
    return (
        change.verb,
        *_place(change),
        None if existing is None else managed_fields.view(existing),
        None if desired is None else managed_fields.desired_view(existing, desired),
    )
