"""Histories: what users, other clients, the network, the clock, and a watching loop do, in order.

A step with `inside` happens between two requests of the pass or full run before it: with 1 as soon
as it can, with a higher number after more requests, or after the run if it doesn't make so many.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.watch import Restart
from podcm_sync.reconcile.names import config_map_name
from podcm_sync.reconcile.snapshot import Scope, Shard
from tests.builders import GENERATED_BY, POD_UID, Json, config_map, manifest, pcmc, pod
from tests.laws.watchloop import Loop
from tests.watched import Stream, has_label

NAMESPACES = ("one", "two")
PODS = ("a", "x", "a-from-b")
CONFIGS = ("c", "b", "b-from-c")
LABELS: Sequence[dict[str, str | None]] = (
    {"app": "web", "team": None},
    {"app": "api", "team": None},
    {"app": None, "team": "x"},
    {"app": "web", "team": "x"},
)
_NO_LABELS: Json = {"app": None, "a b": None}
SELECTORS: Sequence[Json] = (
    {"matchLabels": _NO_LABELS, "matchExpressions": []},
    {"matchLabels": _NO_LABELS | {"app": "web"}, "matchExpressions": []},
    {
        "matchLabels": _NO_LABELS,
        "matchExpressions": [{"key": "team", "operator": "Exists", "values": []}],
    },
    {
        "matchLabels": _NO_LABELS,
        "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}],
    },
)
"""As merge patches: None takes away."""
ANNOTATIONS: Sequence[Json] = ({"note": "n0"}, {"note": "n1", "more": "m"}, {"more": None})
INCLUDED: Sequence[list[str]] = ([], ["note"], ["note", "more"])
FATES = ("refused", "lost before", "lost after", "unsent")
WAITS = (0.3, 1.1, 4.0, 11.0, 200.0)
OUTSIDE = 0


class Step(NamedTuple):
    """One step. The numbers choose among what is there; `inside` counts requests, from 1."""

    do: str
    where: int = 0
    which: int = 0
    how: int = 0
    inside: int = OUTSIDE


class History:
    """Takes the steps, and those that are inside when it is their turn."""

    def __init__(self, loop: Loop, steps: Sequence[Step]) -> None:
        self.loop = loop
        self._steps = list(steps)
        self._next = 0
        self._waited = 0
        self._count = 0
        loop.between = self._between

    def play(self) -> None:
        """Take all steps."""
        while (step := self._take()) is not None:
            self._act(step)

    def _take(self) -> Step | None:
        if self._next == len(self._steps):
            return None
        self._next += 1
        self._waited = 0
        return self._steps[self._next - 1]

    def _between(self) -> None:
        self._waited += 1
        while self._next < len(self._steps):
            step = self._steps[self._next]
            is_possible = step.do not in {"full", "wait"} or not any(
                frame.is_full for frame in self.loop.frames
            )
            if step.inside == OUTSIDE or step.inside - 1 > self._waited or not is_possible:
                return
            self._next += 1
            self._waited = 0
            self._act(step)

    def _act(self, step: Step) -> None:
        acts: dict[str, Callable[[Step], None]] = {
            "pod": self._pod,
            "new pod": self._new_pod,
            "gone pod": lambda step: self._remove("Pod", self._pod_name(step)),
            "ending pod": lambda step: self._end("Pod", self._pod_name(step)),
            "odd pod": self._odd_pod,
            "config": self._config,
            "suspend": self._suspend,
            "bad config": self._bad_config,
            "odd config": self._odd_config,
            "gone config": lambda step: self._remove(KIND, self._config_name(step)),
            "ending config": lambda step: self._end(KIND, self._config_name(step)),
            "config map": self._config_map,
            "foreign": self._foreign,
            "collect": lambda _: self.loop.cluster.collect_garbage(),
            "deliver": lambda step: self._tell(step, 1 + step.how),
            "deliver all": lambda _: self._deliver_all(),
            "bookmark": lambda step: self._stream(step).bookmark(),
            "break": lambda step: self._break(step, Restart.BROKEN),
            "expire": self._expire,
            "open": self._open,
            "wait": self._wait,
            "pass": lambda _: self._pass(),
            "passes": lambda _: self._passes(),
            "full": lambda _: self._full(),
            "rest": lambda _: self._rest(),
            "fate": lambda step: self.loop.server.fates.extend([FATES[step.which % 4]] * 4),
            "list fails": self._fail_list,
            "deny": self._deny,
        }
        self.loop.clock.now += 0.001
        acts[step.do](step)

    # Users and other clients.

    def _namespace(self, step: Step) -> str:
        return NAMESPACES[step.where % 2]

    def _pod_name(self, step: Step) -> NamespacedName:
        return NamespacedName(self._namespace(step), PODS[step.which % 3])

    def _config_name(self, step: Step) -> NamespacedName:
        return NamespacedName(self._namespace(step), CONFIGS[step.which % 3])

    def _pod(self, step: Step) -> None:
        name, cluster = self._pod_name(step), self.loop.cluster
        if ("Pod", name) not in cluster.stored:
            self._add_pod(name)
        patch = {
            "metadata": {
                "labels": LABELS[step.how % 4],
                "annotations": ANNOTATIONS[step.how % 3],
            },
            "spec": {"nodeName": "node-a"},
        }
        cluster.edit("Pod", name, patch)

    def _add_pod(self, name: NamespacedName) -> None:
        self._count += 1
        uid = f"uid-{name.name}-{self._count}"
        self.loop.cluster.add(pod(name.name, namespace=name.namespace, uid=uid))

    def _new_pod(self, step: Step) -> None:
        """A Pod of the same name takes its place."""
        name = self._pod_name(step)
        old = self.loop.cluster.get("Pod", name)
        self._remove("Pod", name)
        self._add_pod(name)
        if old is not None:
            labels = old["metadata"]["labels"]
            self.loop.cluster.edit("Pod", name, {"metadata": {"labels": labels}})

    def _odd_pod(self, step: Step) -> None:
        name = self._pod_name(step)
        if ("Pod", name) in self.loop.cluster.stored:
            # tests/allowed.py knows the uid of such a Pod, which podcm-sync can't.
            patch = {"metadata": {"deletionTimestamp": None}, "spec": {"nodeName": 5}}
            self.loop.cluster.edit("Pod", name, patch)

    def _config(self, step: Step) -> None:
        name, cluster = self._config_name(step), self.loop.cluster
        if (KIND, name) not in cluster.stored:
            created = f"2026-01-0{1 + step.which % 3}T00:00:00Z"
            cluster.add(pcmc(name.name, namespace=name.namespace, created=created))
        spec = {
            "podSelector": SELECTORS[step.how % 4],
            "annotationsToInclude": INCLUDED[step.how % 3],
            "suspend": False,
        }
        cluster.edit(KIND, name, {"metadata": {"generation": 1}, "spec": spec})

    def _suspend(self, step: Step) -> None:
        self._edit_config(step, {"spec": {"suspend": step.how % 2 == 0}})

    def _bad_config(self, step: Step) -> None:
        selector = {"matchLabels": {"a b": "c"}, "matchExpressions": []}
        self._edit_config(step, {"spec": {"podSelector": selector}})

    def _odd_config(self, step: Step) -> None:
        self._edit_config(step, {"metadata": {"generation": "many"}})

    def _edit_config(self, step: Step, patch: Json) -> None:
        name = self._config_name(step)
        stored = self.loop.cluster.get(KIND, name)
        if stored is not None and isinstance(stored["metadata"]["generation"], int):
            self.loop.cluster.edit(KIND, name, patch)

    def _config_map(self, step: Step) -> None:
        """Another client changes or deletes a generated ConfigMap."""
        cluster, namespace = self.loop.cluster, self._namespace(step)
        names = sorted(
            name
            for kind, name in cluster.stored
            if kind == "ConfigMap" and name.namespace == namespace
        )
        if not names:
            return
        name = names[step.which % len(names)]
        patches: Sequence[Json | None] = (
            None,
            {"data": {"phase": "Drifted"}},
            {"metadata": {"labels": {GENERATED_BY: None}}, "data": {"number": None}},
            {"metadata": {"labels": {POD_UID: None}}},
            {"metadata": {"labels": {GENERATED_BY: CONFIGS[step.which % 3], POD_UID: "uid-a-1"}}},
            {"metadata": {"ownerReferences": None}},
            {"metadata": {"annotations": {"podconfig.example.com/prune": "disabled"}}},
            {"metadata": {"annotations": {"podconfig.example.com/prune": None}}},
            # No API server has it without the label, and gives it to who asks by name.
            {"data": {"number": 5 if has_label(cluster.stored["ConfigMap", name]) else None}},
            {"data": {"number": None}},
            {"data": {"namespace": "elsewhere"}},
        )
        patch = patches[step.how % len(patches)]
        if patch is None:
            cluster.remove("ConfigMap", name)
        else:
            cluster.edit("ConfigMap", name, patch)

    def _foreign(self, step: Step) -> None:
        """Another client creates a ConfigMap of such a name."""
        namespace, pod_name = self._pod_name(step)
        made_by = CONFIGS[step.how % 3]
        name = NamespacedName(namespace, config_map_name(pod_name, made_by))
        if ("ConfigMap", name) in self.loop.cluster.stored:
            return
        of_pod = self.loop.cluster.get("Pod", NamespacedName(namespace, pod_name))
        uid = of_pod["metadata"]["uid"] if of_pod else "uid-of-nobody"
        made = manifest(
            config_map(made_for=pod(pod_name, namespace=namespace, uid=uid), made_by=made_by)
        )
        del made["metadata"]["uid"]
        taken: Sequence[Sequence[str]] = ((), (GENERATED_BY,), (POD_UID,), (GENERATED_BY, POD_UID))
        for label in taken[step.how // 3 % 4]:
            del made["metadata"]["labels"][label]
        if step.how // 12 % 2:
            made["metadata"]["ownerReferences"] = []
        self.loop.cluster.add(made)

    def _remove(self, kind: str, name: NamespacedName) -> None:
        if (kind, name) in self.loop.cluster.stored:
            self.loop.cluster.remove(kind, name)

    def _end(self, kind: str, name: NamespacedName) -> None:
        stored = self.loop.cluster.stored.get((kind, name))
        if stored is not None and stored["spec"].get("nodeName") != 5:
            now = "2026-11-22T11:59:00Z"
            self.loop.cluster.edit(kind, name, {"metadata": {"deletionTimestamp": now}})

    def _deny(self, step: Step) -> None:
        name = config_map_name(PODS[step.which % 3], CONFIGS[step.how % 3])
        denied = self.loop.server.denied
        denied ^= {NamespacedName(self._namespace(step), name)}

    # Watches, time, and the loop.

    def _stream(self, step: Step) -> Stream:
        streams = self.loop.streams
        return streams[(step.where * 3 + step.which) % len(streams)]

    def _tell(self, step: Step, count: int) -> None:
        self._stream(step).deliver(count)

    def _deliver_all(self) -> None:
        self.loop.deliver_all()

    def _break(self, step: Step, restart: Restart) -> None:
        stream = self._stream(step)
        if stream.is_open:
            stream.end(restart)

    def _expire(self, step: Step) -> None:
        stream = self._stream(step)
        stream.compacted = self.loop.cluster.version
        if stream.is_open:
            stream.end(Restart.EXPIRED)

    def _open(self, step: Step) -> None:
        if step.how % 2:
            self._stream(step).open()
        else:
            for stream in self.loop.streams:
                stream.open()

    def _wait(self, step: Step) -> None:
        self.loop.clock.now += WAITS[step.how % len(WAITS)]

    def _pass(self) -> None:
        """The next pass, as soon as it is due."""
        loop = self.loop
        if len(loop.frames) < 2:
            due = [at for at, _ in loop.queue._heap[:1]]
            loop.clock.now = max([loop.clock.now, *due])
            loop.make_pass()

    def _passes(self) -> None:
        if not self.loop.frames:
            for _ in range(4):
                self.loop.make_pass()

    def _full(self) -> None:
        self.loop.full_run()

    def _rest(self) -> None:
        if not self.loop.frames:
            self.loop.settle()

    def _fail_list(self, step: Step) -> None:
        resources = sorted({stream.watch.resource for stream in self.loop.streams})
        self.loop.server.failing_lists[resources[step.which % 3]] = 4


KIND = "PodConfigMapConfig"
USERS = (
    *["pod"] * 4,
    "new pod",
    "gone pod",
    "ending pod",
    "odd pod",
    *["config"] * 4,
    "suspend",
    "bad config",
    "odd config",
    "gone config",
    "ending config",
    *["config map"] * 4,
    "foreign",
    "collect",
)
NETWORK = (*["deliver"] * 5, *["deliver all"] * 4, "bookmark", "break", "expire", *["open"] * 3)
LOOP = (*["wait"] * 3, *["pass"] * 6, "passes", "rest", "full", "full")
FAULTS = ("fate", "list fails", "deny")


PRELUDE: Final = (
    Step("config", which=0, how=1),
    Step("config", which=1, how=4),
    Step("pod", which=0, how=0),
    Step("pod", which=1, how=3),
)
"""A small world: two configs, of which one includes an annotation, and two Pods."""

SCOPES: Final = st.sampled_from(
    [
        Scope(namespaces=None),
        Scope(namespaces=None),
        Scope(namespaces=NAMESPACES),
        Scope(namespaces=NAMESPACES[:1]),
        *[Scope(namespaces=None, shard=Shard(index=index, count=3)) for index in range(3)],
    ]
)


def steps(*kinds: str, least: int = 5, most: int = 40) -> st.SearchStrategy[list[Step]]:
    """Histories of these kinds of steps, most of them of only some."""

    def of(some: Collection[str]) -> st.SearchStrategy[list[Step]]:
        step = st.builds(
            Step,
            do=st.sampled_from([kind for kind in kinds if kind in some]),
            where=st.sampled_from([0, 0, 0, 1]),
            which=st.integers(0, 2),
            how=st.integers(0, 23),
            inside=st.sampled_from([OUTSIDE, OUTSIDE, OUTSIDE, 1, 1, 2, 3, 5]),
        )
        return st.lists(step, min_size=least, max_size=most)

    return st.sets(st.sampled_from(kinds), min_size=5).flatmap(of) | of(kinds)


def begun(loop: Loop) -> None:
    """A small world, whose first full run has ended, and whose watches are open."""
    History(loop, PRELUDE).play()
    loop.full_run()
    for stream in loop.streams:
        stream.open()
