"""Compares a saved plan with today's: which of its changes still fit, and why the others don't.

A saved change fits only if today's plan has exactly the same one. So podcm-sync makes no change
that isn't in the file, and none that a run wouldn't make now, whatever the file says.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import structs

from podcm_sync.api.finding import Quote, quotes
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.api.phrases import listed
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import managed_fields
from podcm_sync.reconcile.changes import WRITES, Change, ChangeKey, Plan, Verb
from podcm_sync.reconcile.plan import Planned

APPLY_FIRST: Final = (
    "the plan was made with -f: run kubectl apply on those files first (or kubectl replace, if "
    "apply keeps other fields)"
)
_HELD_BACK: Final = {Reason.PRUNE_BLOCKED, Reason.PRUNE_TOTAL_BLOCKED, Reason.UPSERT_ONLY}


def still_valid(saved: Iterable[Change], today: Planned, *, is_of_files: bool = False) -> Plan:
    """The plan to apply. It has a Change for each change of the saved plan and of today's.

    - A saved write that today's plan has too stays a write.
    - Another saved write becomes a skip (PlanOutdated), unless it is already done.
    - A write that only today's plan has becomes a skip (NotInPlan).
    - A deletion that a guard or the policy held back in the saved plan stays held back.
    - If neither plan writes, today's change is the right one.
    """
    fit = _Fit(today, is_of_files)
    saved_changes = {change.key: change for change in saved}
    changes = list(fit.changes(saved_changes))
    changes.sort(key=lambda change: change.key)
    return Plan(changes=tuple(changes))


class _Fit:
    """Today's plan and lists, indexed by what a saved change is compared with."""

    def __init__(self, today: Planned, is_of_files: bool) -> None:
        self.today = {change.key: change for change in today.proposed.changes}
        self.writes = {
            change.namespaced_name: change
            for change in today.proposed.changes
            if change.verb in WRITES
        }
        self.names = {change.namespaced_name for change in today.proposed.changes}
        self.names |= {config_map.namespaced_name for config_map in today.snapshot.config_maps}
        self.is_of_files = is_of_files
        self.snapshot = today.snapshot
        self.configs = {config.namespaced_name: config for config in today.snapshot.configs}
        self.pods = {pod.namespaced_name for pod in today.snapshot.pods}

    def changes(self, saved: Mapping[ChangeKey, Change]) -> Iterator[Change]:
        for key, change in saved.items():
            now = self.today.get(key)
            if change.verb in WRITES:
                # Today's change, not the saved one: a patch must start from what the server listed,
                # not from what a file claims.
                if now and _is_same(change, now):
                    yield now
                else:
                    yield self._already_done(change, now) or self._outdated(change, now)
            elif change.reason in _HELD_BACK and now and now.verb is Verb.DELETE:
                yield change
            elif now is not None:
                yield _unplanned(now)
        for key, now in self.today.items():
            if key not in saved:
                yield _unplanned(now)

    def _already_done(self, change: Change, now: Change | None) -> Change | None:
        """The result of a saved write that is already done, so that an `apply` can be repeated."""
        name = change.namespaced_name
        if change.verb is not Verb.DELETE:
            is_done = now and now.verb is Verb.KEEP and now.desired == change.desired
            return now if is_done else None
        # Only a complete list proves that the ConfigMap doesn't exist.
        is_known = self.snapshot.is_plannable(name.namespace) and not self.snapshot.is_incomplete(
            name.namespace
        )
        if not is_known or name in self.names:
            return None
        return _skip(change, Reason.ALREADY_GONE, "the ConfigMap is already deleted")

    def _outdated(self, change: Change, now: Change | None) -> Change:
        message, is_by_config = self._difference(change, now)
        if self.is_of_files and is_by_config:
            message = f"{message}; {APPLY_FIRST}"
        repeated = quotes(now.message, now.quoted) if now else ()
        quoted = tuple(each for each in repeated if each.text in message)
        return _skip(change, Reason.PLAN_OUTDATED, message, quoted)

    def _difference(self, change: Change, now: Change | None) -> tuple[str, bool]:
        """Why a saved write doesn't fit, and whether a changed config can be the cause."""
        name = change.namespaced_name
        if why := self.snapshot.closed.get(name.namespace):
            return why.message, False
        if not self.snapshot.is_plannable(name.namespace):
            return "podcm-sync couldn't list its namespace", False
        now = self.writes.get(name, now)
        if by_config := self._config_change(change):
            return by_config
        if now is None:
            return self._not_planned(change)
        match now.verb:
            case Verb.SKIP:
                return f"a run would leave it alone now: {now.reason}: {now.message}", False
            case Verb.KEEP if change.verb is Verb.DELETE:
                return f"{KIND} {now.pcmc_name} needs it now", True
            case Verb.KEEP if not _is_same_version(change, now):
                where = _paths(_desired(change), _existing(now))
                return f"the ConfigMap was overwritten since the plan was made{where}", True
            case Verb.KEEP:
                return "the ConfigMap already matches its config", True
            case _:
                return self._write_difference(change, now)

    def _config_change(self, change: Change) -> tuple[str, bool] | None:
        """The change of the config, if that alone explains the difference."""
        config = self.configs.get(
            NamespacedName(change.namespaced_name.namespace, change.pcmc_name)
        )
        if change.verb is Verb.DELETE:
            is_wanted = config is not None and change.reason is Reason.CONFIG_GONE
            if is_wanted and not _is_terminating(config):
                return f"{KIND} {change.pcmc_name} exists", True
            return ("the config is suspended now", True) if config and config.suspend else None
        if config is None or _is_terminating(config):
            return f"{KIND} {change.pcmc_name} doesn't exist", True
        if config.suspend:
            return "the config is suspended now", True
        return None

    def _not_planned(self, change: Change) -> tuple[str, bool]:
        """Why today's plan has no change for this name at all."""
        if change.verb is Verb.DELETE:
            return "the ConfigMap is already deleted", False
        pod = NamespacedName(change.namespaced_name.namespace, change.pod_name)
        if pod not in self.pods:
            return f"Pod {change.pod_name} is gone", False
        return f"{KIND} {change.pcmc_name} doesn't select Pod {change.pod_name}", True

    def _write_difference(self, change: Change, now: Change) -> tuple[str, bool]:
        """The difference between two writes to one name."""
        if change.existing is None and now.existing is not None:
            return "a ConfigMap with this name exists now", False
        if change.existing is not None and now.existing is None:
            return "the ConfigMap is gone", False
        if now.verb is Verb.DELETE and change.verb is not Verb.DELETE:
            return f"a run would delete it now: {now.message}", True
        if change.verb is Verb.DELETE and now.verb is not Verb.DELETE:
            return f"{KIND} {now.pcmc_name} needs it now", True
        if not _is_same_version(change, now):
            where = _paths(_existing(change), _existing(now))
            return f"the ConfigMap changed since the plan was made{where}", False
        if change.pcmc_name != now.pcmc_name:
            return f"it belongs to {KIND} {now.pcmc_name} now", True
        if change.desired and now.desired and change.desired.pod_uid != now.desired.pod_uid:
            return f"Pod {now.pod_name} was recreated", False
        where = _paths(_desired(change), _desired(now))
        return f"the desired content changed since the plan was made{where}", True


def _is_terminating(config: PodConfigMapConfig | None) -> bool:
    return config is not None and config.terminating


def _is_same(saved: Change, now: Change) -> bool:
    """Whether both change the same version of the object to the same content."""
    return (
        saved.verb is now.verb
        and saved.key == now.key
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
    """Today's change if it writes nothing; else a skip, because nobody reviewed the write."""
    if now.verb not in WRITES:
        return now
    return _skip(now, Reason.NOT_IN_PLAN, f"a run would {now.verb} it: {now.reason}")


def _skip(change: Change, reason: Reason, message: str, quoted: tuple[Quote, ...] = ()) -> Change:
    return structs.replace(
        change,
        verb=Verb.SKIP,
        reason=reason,
        message=message,
        quoted=quoted,
        existing=None,
        desired=None,
        failing=(),
    )


def _existing(change: Change) -> managed_fields.Json:
    return {} if change.existing is None else managed_fields.view(change.existing)


def _desired(change: Change) -> managed_fields.Json:
    if change.desired is None:
        return {}
    return managed_fields.desired_view(change.existing, change.desired)


def _paths(one: managed_fields.Json, other: managed_fields.Json) -> str:
    """The paths of the fields that differ, three at most, for a message. Values can be secret."""
    paths = list(_changed_paths(one, other))
    return f": {listed(paths)}" if paths else ""


def _changed_paths(
    one: managed_fields.Json, other: managed_fields.Json, path: str = ""
) -> Iterator[str]:
    for key in sorted({*one, *other}):
        here, there = one.get(key), other.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            yield from _changed_paths(here, there, f"{path}{key}.")
        elif here != there:
            yield f"{path}{key}"
