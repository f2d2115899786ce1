"""What is true of a Pod, a config and a ConfigMap apart from any plan: an explanation's head."""

from podcm_sync.api.finding import Finding, Findings
from podcm_sync.api.meta import GENERATED_BY_LABEL, KIND, POD_UID_LABEL, NamespacedName
from podcm_sync.api.objects import Condition, ConfigMap, PodConfigMapConfig
from podcm_sync.explain.explanation import CONFIG_MAP, ConfigFacts, ConfigMapFacts, PodFacts
from podcm_sync.explain.view import View
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import StatusPrediction
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.selector import requirements
from podcm_sync.reconcile.status import ready


def of_pod(view: View, name: str) -> PodFacts:
    """A Pod, whether it exists or not."""
    if pod := view.pods.get(name):
        return PodFacts(
            name=name,
            exists=True,
            uid=pod.uid,
            phase=pod.phase,
            node_name=pod.node_name,
            terminating=pod.terminating,
            labels=pod.labels,
        )
    lost = view.problems.get(("Pod", name))
    return PodFacts(
        name=name,
        exists=lost is not None,
        unknown=lost is None and bool(view.incomplete),
        labels=(lost.labels or {}) if lost else {},
        problem=lost.message if lost else "",
    )


def of_config(view: View, name: str) -> ConfigFacts:
    """A config, whether it exists or not."""
    config = view.configs.get(name)
    if config is None:
        problem = view.problems.get((KIND, name))
        return ConfigFacts(
            name=name,
            exists=problem is not None,
            unknown=problem is None and bool(view.incomplete),
            findings=(Finding(path="", message=problem.message, quoted=problem.quoted),)
            if problem
            else (),
        )
    selector = view.selector_of(name)
    asked = requirements(selector, {}) if selector is not None else ()
    return ConfigFacts(
        name=name,
        exists=True,
        terminating=config.terminating,
        suspended=config.suspend,
        findings=_findings(view, config),
        selector=asked,
        generation=config.generation,
        observed_generation=config.status.observed_generation,
    )


def of_config_map(view: View, name: str, *, is_taken: bool) -> ConfigMapFacts:
    """A ConfigMap, whether it exists or not; `is_taken` says that one without our label does."""
    existing = view.config_maps.get(name)
    if existing is not None:
        return _listed(view, existing)
    problem = view.problems.get((CONFIG_MAP, name))
    exists = is_taken or problem is not None
    return ConfigMapFacts(
        name=name,
        exists=exists,
        unknown=not exists and bool(view.incomplete),
        foreign=f"it has no label {GENERATED_BY_LABEL}" if is_taken and not problem else "",
        problem=problem.message if problem else "",
    )


def ready_planned(statuses: tuple[StatusPrediction, ...], name: NamespacedName) -> Condition | None:
    """The Ready condition that a run would stamp; None where it would leave the status alone."""
    updates = (status.update for status in statuses)
    found = [update.desired for update in updates if update.namespaced_name == name]
    return ready(found[0]) if found else None


def _findings(view: View, config: PodConfigMapConfig) -> Findings:
    """What is wrong with a spec, a suspended config's too; templates' syntax as the plan has it."""
    return spec_findings(config) or view.findings_of(config.namespaced_name.name)


def _listed(view: View, existing: ConfigMap) -> ConfigMapFacts:
    namespaced_name = existing.namespaced_name
    return ConfigMapFacts(
        name=namespaced_name.name,
        exists=True,
        ours=names.is_ours(existing),
        foreign=foreign(existing),
        generated_by=names.generated_by(existing),
        pod_uid=existing.labels.get(POD_UID_LABEL, ""),
        owner_references=existing.owner_references,
        terminating=existing.terminating,
        immutable=existing.immutable,
        prune_disabled=names.is_prune_disabled(existing),
        place=view.planned.snapshot.read_only.get(namespaced_name, ""),
    )


def foreign(existing: ConfigMap) -> str:
    """Which of the conditions of behavior.md §3 fail; "" for one of ours."""
    if names.is_ours(existing):
        return ""
    parts = [
        f"it has no label {label}"
        for label in (GENERATED_BY_LABEL, POD_UID_LABEL)
        if label not in existing.labels
    ]
    if not names.is_generated_name(existing.namespaced_name.name):
        parts.append("its name doesn't have the form pod-…-cfg")
    return " and ".join(parts)
