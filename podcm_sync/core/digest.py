"""A plan's digest: one value for what it would write, so that what was reviewed can be named.

Two plans with one digest would write the same to the same objects, whenever and wherever they were
made. Versions, uids of ConfigMaps, statuses and messages are not in it: they differ between a
preview of files and the run after the merge, which is to have the preview's digest.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from podcm_sync.core import managed
from podcm_sync.model.changes import WRITES, Change

_PREFIX: Final = "sha256:"
_FORM: Final = b"podcm-sync/digest/v1\n"
"""What comes first, so that another way to compute it never gives one of these."""
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def digest(changes: Iterable[Change]) -> str:
    """`sha256:…` over the creates, updates and deletes among these changes, in any order."""
    writes = sorted((each for each in changes if each.verb in WRITES), key=_place)
    total = hashlib.sha256(_FORM)
    for change in writes:
        total.update(_encoder.encode(_content(change)))
        total.update(b"\n")  # JSON has none in it, so that no two lists of changes are one text
    return _PREFIX + total.hexdigest()


def parse_digest(text: str) -> str:
    """A digest as it was printed. Raises ValueError with what to write."""
    if not re.fullmatch(_PREFIX + "[0-9a-f]{64}", text):
        raise ValueError(
            f"{text!r} is no digest of a plan: write {_PREFIX} and 64 hex digits, as a dry run "
            "prints them"
        )
    return text


def _place(change: Change) -> tuple[str, ...]:
    return (*change.namespaced_name, change.pcmc_name, change.pod_name)


def _content(change: Change) -> tuple[object, ...]:
    """What of a change is written, and over what: both sides of what is ours."""
    existing, desired = change.existing, change.desired
    return (
        change.verb,
        *_place(change),
        None if existing is None else managed.view(existing),
        None if desired is None else managed.desired_view(existing, desired),
    )
