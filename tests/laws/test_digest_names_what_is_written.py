"""A digest is of what is written: blind to order and versions, and to nothing else.

And so a preview of files has the digest of the run after they were applied.
"""

import json
import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.files.preview import Overlay, configs
from podcm_sync.reconcile.changes import Change, Verb
from podcm_sync.reconcile.digest import digest
from podcm_sync.sync import Policy, run
from tests.builders import NOW, change, manifest, pcmc
from tests.fakes import FakeCluster
from tests.laws.worlds import CONFIGS, EVERYWHERE, World, worlds


def planned(world: World) -> list[Change]:
    report = run(EVERYWHERE, world.cluster(), None, Policy(), now=NOW)
    return [each.change for each in report.outcomes]


def elsewhere(each: Change) -> Change:
    """The same change in another cluster: other versions and uids, and other words for it."""
    existing = each.existing and structs.replace(each.existing, uid="u", resource_version="99")
    return structs.replace(
        each, existing=existing, reason=Reason.OUT_OF_SYNC, message="said otherwise"
    )


@given(world=worlds(), order=st.randoms(use_true_random=False))
def test_order_versions_and_words_do_not_matter(world: World, order: random.Random) -> None:
    changes = planned(world)
    others = [elsewhere(each) for each in changes]
    order.shuffle(others)
    assert digest(others) == digest(changes)


@given(world=worlds())
def test_what_is_not_written_does_not_matter(world: World) -> None:
    changes = planned(world)
    writes = [each for each in changes if each.verb not in {Verb.KEEP, Verb.SKIP}]
    more = [change(Verb.SKIP, Reason.PRUNE_BLOCKED, name="x"), change(Verb.KEEP, name="y")]
    assert digest([*writes, *more]) == digest(changes)


@given(world=worlds(), which=st.integers(0), what=st.sampled_from(["data", "name", "verb", "pcmc"]))
def test_any_other_write_has_another_digest(world: World, which: int, what: str) -> None:
    changes = planned(world)
    places = [n for n, each in enumerate(changes) if each.verb not in {Verb.KEEP, Verb.SKIP}]
    if not places:
        return
    place = places[which % len(places)]
    each = changes[place]
    name = each.namespaced_name
    match what:
        case "data" if each.desired is not None:
            data = {**each.desired.data, "phase": "Other"}
            other = structs.replace(each, desired=structs.replace(each.desired, data=data))
        case "data":
            assert each.existing is not None
            data = {**each.existing.data, "phase": "Other"}
            other = structs.replace(each, existing=structs.replace(each.existing, data=data))
        case "name":
            other = structs.replace(each, namespaced_name=NamespacedName(name.namespace, "other"))
        case "verb":
            other = structs.replace(
                each, verb=Verb.UPDATE if each.verb is not Verb.UPDATE else Verb.DELETE
            )
        case _:
            other = structs.replace(each, pcmc_name="another")
    assert digest([*changes[:place], other, *changes[place + 1 :]]) != digest(changes)
    assert digest([*changes[:place], *changes[place + 1 :]]) != digest(changes)


@given(
    world=worlds(),
    names=st.lists(st.sampled_from(CONFIGS), min_size=1, max_size=3, unique=True),
    labels=st.sampled_from([(), ("app",)]),
    selector=st.sampled_from([{}, {"app": "web"}]),
    suspend=st.booleans(),
    is_complete=st.booleans(),
)
def test_a_preview_of_files_has_the_digest_of_the_run_after_them(
    *,
    world: World,
    names: list[str],
    labels: tuple[str, ...],
    selector: dict[str, str],
    suspend: bool,
    is_complete: bool,
) -> None:
    files = [
        pcmc(
            name,
            namespace="one",
            labels=labels,
            match_labels=selector,
            created="2026-12-01T00:00:00Z",
            suspend=suspend and name == names[0],
        )
        for name in names
    ]
    cluster = world.cluster()
    for (kind, _), raw in cluster.stored.items():
        if kind == "PodConfigMapConfig":  # what a server holds has a time
            raw["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    with tempfile.TemporaryDirectory() as folder:
        for number, each in enumerate(files):
            text = json.dumps({**manifest(each), "metadata": metadata_of(each)})
            (Path(folder) / f"{number}.json").write_text(text)
        given_ones = configs([folder], EVERYWHERE)
    overlay = Overlay(cluster, given_ones, is_complete=is_complete)
    preview = run(EVERYWHERE, overlay, None, Policy(), now=NOW)
    applied(cluster, files, is_complete=is_complete)
    after = run(EVERYWHERE, cluster, None, Policy(), now=NOW)
    assert preview.digest == after.digest
    assert [each.change for each in preview.outcomes] == [each.change for each in after.outcomes]


def metadata_of(config: PodConfigMapConfig) -> dict[str, str]:
    """What a file says of a config's metadata."""
    namespace, name = config.namespaced_name
    return {"name": name, "namespace": namespace}


def applied(cluster: FakeCluster, files: list[PodConfigMapConfig], *, is_complete: bool) -> None:
    """`kubectl apply -f`, and with `is_complete` the removal of all others."""
    names = {each.namespaced_name for each in files}
    for kind, name in list(cluster.stored):
        if kind == "PodConfigMapConfig" and is_complete and name not in names:
            cluster.remove(kind, name)
    for each in files:
        stored = cluster.get("PodConfigMapConfig", each.namespaced_name)
        if stored is None:
            cluster.add(each)
        else:
            cluster.add({**stored, "spec": manifest(each)["spec"]})
