"""What an explanation is made of: facts about objects, and a verdict for each Pod and config.

It is also the JSON document of `explain`, so that a field's name here is its name there; what is
at its default is absent. Label values of Pods stand in `labels` and `actual` alone.
"""

from typing import Final

from msgspec import Struct

from podcm_sync.api.finding import Findings, Quotes
from podcm_sync.api.meta import OwnerReference
from podcm_sync.api.objects import Condition
from podcm_sync.api.reasons import Reason, ReasonClass
from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.selector import Requirement

POD: Final = "Pod"
CONFIG_MAP: Final = "ConfigMap"


class Subject(Struct, frozen=True, kw_only=True):
    """The object that is asked about: its kind, and its name within a namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        """The object in an error: `pod "web-0"`."""
        return f'{self.kind.lower()} "{self.name}"'


class PodFacts(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A Pod. `problem` says why it cannot be decoded; its labels are then known or empty.

    Of any object: `unknown` where it was not seen, and a list that may have it did not complete.
    """

    name: str
    exists: bool
    unknown: bool = False
    uid: str = ""
    phase: str = ""
    node_name: str = ""
    terminating: bool = False
    labels: dict[str, str] = {}
    problem: str = ""


class ConfigFacts(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A PodConfigMapConfig, its stored Ready condition, and the one that a run would stamp.

    `selected_pods` counts those of the living Pods that its selector matches; None where it is not
    valid, and `findings` say what is wrong.
    """

    name: str
    exists: bool
    unknown: bool = False
    terminating: bool = False
    suspended: bool = False
    findings: Findings = ()
    selector: tuple[Requirement, ...] = ()
    generation: int | None = None
    observed_generation: int | None = None
    ready: Condition | None = None
    ready_planned: Condition | None = None
    pods: int | None = None
    selected_pods: int | None = None


class ConfigMapFacts(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A ConfigMap: whose it is (`foreign` says why not ours), and what bears on its fate.

    `generated_by` and `pod_uid` are its labels; `place` is the manifest that is never edited.
    """

    name: str
    exists: bool
    unknown: bool = False
    ours: bool = False
    foreign: str = ""
    generated_by: str = ""
    pod_uid: str = ""
    owner_references: tuple[OwnerReference, ...] = ()
    terminating: bool = False
    immutable: bool = False
    prune_disabled: bool = False
    place: str = ""
    problem: str = ""


class HeldBack(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The delete that a guard turned into a skip, with its own reason."""

    reason: Reason
    message: str


class Contender(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Another pair that gives the same name."""

    pod: str
    pod_config_map_config: str


class Verdict(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the plan says of one Pod, config and ConfigMap, which may be there (`exists`) or not.

    Without a verb the pair is not in the plan: nothing is made for it, and nothing of it goes.
    `problem` says what is wrong with the config, where that is the reason.
    """

    verb: Verb | None = None
    pod: str
    pod_config_map_config: str
    config_map: str
    exists: bool
    reason: Reason
    kind: ReasonClass
    message: str
    problem: str = ""
    action: str = ""
    differing: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    held_back: HeldBack | None = None
    also: Reason | None = None
    """What else is in the way: such as Suspended or InvalidSpec, for a Pod that isn't selected."""
    contenders: tuple[Contender, ...] = ()
    earlier_uid: str = ""
    """The uid of the Pod it was made for, where the Pod of that name has another by now."""


class UnselectedPod(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A Pod, and the requirements that it fails."""

    name: str
    requirements: tuple[Requirement, ...]


class Unselected(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Pods that fail the same requirements: how many, and the first few by name."""

    requirements: tuple[Requirement, ...]
    count: int
    pods: tuple[UnselectedPod, ...]


class Explanation(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All there is to say about one object. `incomplete` says which list did not complete.

    Of a Pod there is a verdict for each config of its namespace; of a ConfigMap for each pair that
    has or wants its name; of a config for each Pod that it selects, and each of its ConfigMaps.
    """

    kind: str
    namespace: str
    name: str
    exists: bool
    pod: PodFacts | None = None
    pod_config_map_config: ConfigFacts | None = None
    config_map: ConfigMapFacts | None = None
    verdicts: tuple[Verdict, ...]
    unselected: tuple[Unselected, ...] = ()
    incomplete: str = ""
    redacted: bool = False
    quoted: dict[str, Quotes] = {}
    """What the messages quote, by message. It is no part of the document."""

    @property
    def is_known(self) -> bool:
        """Whether the object exists, or the plan has something to say about its name."""
        return self.exists or bool(self.verdicts)
