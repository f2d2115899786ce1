"""A saved plan held against today's: which of its changes still fit, and why the others do not.

A change is carried out only where today's plan has the very same one. So nothing is ever done that
is not in the file, nor anything that a run of today would not do; whatever the file says.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import structs

from podcm_sync.core import managed
from podcm_sync.core.plan import Planned
from podcm_sync.model.changes import WRITES, Change, Outcome, Plan, Result, Verb
from podcm_sync.model.meta import KIND, NamespacedName
from podcm_sync.model.objects import PodConfigMapConfig
from podcm_sync.model.reasons import Reason

APPLY_FIRST: Final = (
    "the plan is of files: kubectl apply them first, or replace where that leaves other fields"
)
NAMED: Final = 3
_HELD_BACK: Final = {Reason.PRUNE_BLOCKED, Reason.PRUNE_TOTAL_BLOCKED, Reason.UPSERT_ONLY}
_Key = tuple[NamespacedName, str, str]


def fitted(saved: Iterable[Change], today: Planned, *, is_of_files: bool = False) -> Plan:
    """What of a saved plan is to be done: a Change for each of its own, and for each of today's.

    A saved write that today's plan has not is a skip (PlanOutdated), unless it is done already, and
    so is a write that only today's plan has (NotInPlan). Where neither writes, today's word is the
    true one. A deletion that a guard or the policy held back in the saved plan stays held back.
    """
    comparison = _Comparison(today, is_of_files)
    saved_changes = {_key(each): each for each in saved}
    changes = list(comparison.changes(saved_changes))
    changes.sort(key=_key)
    return Plan(changes=tuple(changes))


def refused(outcome: Outcome) -> Outcome:
    """The outcome; one that met an object which had changed is held back, for the next plan."""
    if outcome.reason is not Reason.CONFLICT:
        return outcome
    return structs.replace(
        outcome,
        result=Result.SKIPPED,
        reason=Reason.PLAN_OUTDATED,
        message=f"it changed while the plan was being applied: {outcome.message}",
    )


class _Comparison:
    """Today's plan and lists, indexed for asking about a saved change."""

    def __init__(self, today: Planned, is_of_files: bool) -> None:
        self.today = {_key(each): each for each in today.proposed.changes}
        self.writes = {
            each.namespaced_name: each for each in today.proposed.changes if each.verb in WRITES
        }
        self.names = {each.namespaced_name for each in today.proposed.changes}
        self.names |= {each.namespaced_name for each in today.snapshot.config_maps}
        self.is_of_files = is_of_files
        self.snapshot = today.snapshot
        self.configs = {each.namespaced_name: each for each in today.snapshot.configs}
        self.pods = {each.namespaced_name for each in today.snapshot.pods}

    def changes(self, saved: Mapping[_Key, Change]) -> Iterator[Change]:
        for key, change in saved.items():
            now = self.today.get(key)
            if change.verb in WRITES:
                # Today's: a patch is made of what was listed, not of what a file says was there.
                if now and _is_same(change, now):
                    yield now
                else:
                    yield self._done(change, now) or self._outdated(change, now)
            elif change.reason in _HELD_BACK and now and now.verb is Verb.DELETE:
                yield change
            elif now is not None:
                yield _unplanned(now)
        for key, now in self.today.items():
            if key not in saved:
                yield _unplanned(now)

    def _done(self, change: Change, now: Change | None) -> Change | None:
        """The saved write as what it came to already: an apply that was cut short is taken up."""
        name = change.namespaced_name
        if change.verb is not Verb.DELETE:
            is_done = now and now.verb is Verb.KEEP and now.desired == change.desired
            return now if is_done else None
        is_known = self.snapshot.is_plannable(name.namespace) and not self.snapshot.is_incomplete(
            name.namespace
        )
        if not is_known or name in self.names:
            return None
        return _skip(change, Reason.ALREADY_GONE, "nothing of podcm-sync's has this name any more")

    def _outdated(self, change: Change, now: Change | None) -> Change:
        message, is_of_config = self._what_moved(change, now)
        if self.is_of_files and is_of_config:
            message = f"{message}; {APPLY_FIRST}"
        return _skip(change, Reason.PLAN_OUTDATED, message)

    def _what_moved(self, change: Change, now: Change | None) -> tuple[str, bool]:
        """Why a saved write does not fit, and whether another config may be the cause."""
        name = change.namespaced_name
        if why := self.snapshot.closed.get(name.namespace):
            return why.message, False
        if not self.snapshot.is_plannable(name.namespace):
            return "its namespace could not be listed", False
        now = self.writes.get(name, now)
        if moved := self._of_config(change):
            return moved
        if now is None:
            return self._gone(change)
        match now.verb:
            case Verb.SKIP:
                return f"now it is left alone: {now.reason}: {now.message}", False
            case Verb.KEEP:
                return "nothing to do any more: it is as its config wants it", True
            case _:
                return self._between(change, now)

    def _of_config(self, change: Change) -> tuple[str, bool] | None:
        """What became of the config, where that says it all."""
        config = self.configs.get(
            NamespacedName(change.namespaced_name.namespace, change.pcmc_name)
        )
        if change.verb is Verb.DELETE:
            is_wanted = config is not None and change.reason is Reason.CONFIG_GONE
            if is_wanted and not _is_going(config):
                return f"{KIND} {change.pcmc_name} is there", True
            return ("the config is suspended now", True) if config and config.suspend else None
        if config is None or _is_going(config):
            return f"{KIND} {change.pcmc_name} is not there", True
        if config.suspend:
            return "the config is suspended now", True
        return None

    def _gone(self, change: Change) -> tuple[str, bool]:
        """Today's plan has nothing to say of it at all."""
        if change.verb is Verb.DELETE:
            return "it is gone already", False
        pod = NamespacedName(change.namespaced_name.namespace, change.pod_name)
        if pod not in self.pods:
            return f"Pod {change.pod_name} is gone", False
        return f"{KIND} {change.pcmc_name} does not select Pod {change.pod_name}", True

    def _between(self, change: Change, now: Change) -> tuple[str, bool]:
        """What differs of two writes to one name."""
        if change.existing is None and now.existing is not None:
            return "a ConfigMap of its name exists by now", False
        if change.existing is not None and now.existing is None:
            return "the ConfigMap is gone", False
        if now.verb is Verb.DELETE and change.verb is not Verb.DELETE:
            return f"now it would be deleted: {now.message}", True
        if change.verb is Verb.DELETE and now.verb is not Verb.DELETE:
            return f"now it is wanted, by {KIND} {now.pcmc_name}", True
        if not _is_same_version(change, now):
            where = _paths(_existing(change), _existing(now))
            return f"the ConfigMap changed since the plan was made{where}", False
        if change.pcmc_name != now.pcmc_name:
            return f"now it is of {KIND} {now.pcmc_name}", True
        if change.desired and now.desired and change.desired.pod_uid != now.desired.pod_uid:
            return f"Pod {now.pod_name} was made anew", False
        where = _paths(_desired(change), _desired(now))
        return f"what its Pod and config ask for changed{where}", True


def _key(change: Change) -> _Key:
    return change.namespaced_name, change.pcmc_name, change.pod_name


def _is_going(config: PodConfigMapConfig | None) -> bool:
    return config is not None and config.terminating


def _is_same(saved: Change, now: Change) -> bool:
    """Whether both are one change: of one version of the object, to one content."""
    return (
        saved.verb is now.verb
        and _key(saved) == _key(now)
        and _is_same_version(saved, now)
        and saved.desired == now.desired
    )


def _is_same_version(saved: Change, now: Change) -> bool:
    if saved.existing is None or now.existing is None:
        return saved.existing is now.existing
    return (saved.existing.uid, saved.existing.resource_version) == (
        now.existing.uid,
        now.existing.resource_version,
    )


def _unplanned(now: Change) -> Change:
    """Today's change, if it writes nothing; else what is not done, since nobody reviewed it."""
    if now.verb not in WRITES:
        return now
    return _skip(now, Reason.NOT_IN_PLAN, f"it would be a {now.verb}: {now.reason}")


def _skip(change: Change, reason: Reason, message: str) -> Change:
    return structs.replace(
        change, verb=Verb.SKIP, reason=reason, message=message, existing=None, desired=None
    )


def _existing(change: Change) -> managed.Json:
    return {} if change.existing is None else managed.view(change.existing)


def _desired(change: Change) -> managed.Json:
    if change.desired is None:
        return {}
    return managed.desired_view(change.existing, change.desired)


def _paths(one: managed.Json, other: managed.Json) -> str:
    """Where two views differ, at most three places named; never the values."""
    paths = list(_differing(one, other))
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f": {', '.join(paths[:NAMED])}{more}" if paths else ""


def _differing(one: managed.Json, other: managed.Json, path: str = "") -> Iterator[str]:
    for key in sorted({*one, *other}):
        here, there = one.get(key), other.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            yield from _differing(here, there, f"{path}{key}.")
        elif here != there:
            yield f"{path}{key}"
