"""Damaged lists, all the way: bytes, KubeReader, plan, report.

`python -m tests.fuzz.flips [SEEDS] [FIRST]` looks harder than the suite does.

The law: what was in sync is not deleted, and nothing is raised. A damaged page may hold things up.

One kind of damage nobody can tell: one that makes a different valid object of an object, such as
one letter of a label that became another letter. So damage that lies inside one object, and that
changes ASCII into ASCII only, may delete that object's own ConfigMaps: those of a Pod's uid, those
that a config generated, or the ConfigMap itself. All other objects' stay in any case. Damage
between the objects, a byte that became or was none of ASCII, and a page that ends early delete
nothing at all. The server refuses a continue token that it did not give out, as the real one does.
"""

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.transport import Response
from podcm_sync.output.text import text
from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.snapshot import Scope, Shard
from podcm_sync.sync import Policy, run
from tests.builders import GENERATED_BY, NOW, POD_UID, Json, pcmc, pod
from tests.listserver import Asked, ListServer, in_sync
from tests.speed import encode

SCOPES: Final = (
    Scope(namespaces=None),
    Scope(namespaces=("bank", "shop")),
    Scope(namespaces=None, shard=Shard(index=0, count=1)),
)
DAMAGES: Final = ("0xff", "high bit", "one bit", "random byte", "truncated", "duplicated")


class Damage(NamedTuple):
    """The page's bytes from `start` to `end` become others."""

    kind: str
    start: int
    end: int
    replacement: bytes

    def of(self, body: bytes) -> bytes:
        return body[: self.start] + self.replacement + body[self.end :]

    def is_ascii(self, body: bytes) -> bool:
        """Whether it changes ASCII into ASCII; a page that ends early never does."""
        is_cut = self.kind == "truncated"
        return not is_cut and (body[self.start : self.end] + self.replacement).isascii()


def random_damage(rng: random.Random, body: bytes, between: Sequence[int]) -> Damage:
    """Damage somewhere in a page, often between its objects: few bytes, on which all depends."""
    kind = rng.choice(DAMAGES)
    at = rng.choice(between) if rng.random() < 0.3 else rng.randrange(len(body))
    match kind:
        case "0xff":
            return Damage(kind, at, at + 1, b"\xff")
        case "high bit":
            return Damage(kind, at, at + 1, bytes([body[at] | 0x80]))
        case "one bit":
            return Damage(kind, at, at + 1, bytes([body[at] ^ 1 << rng.randrange(8)]))
        case "random byte":
            return Damage(kind, at, at + 1, bytes([rng.randrange(256)]))
        case "truncated":
            return Damage(kind, at, len(body), b"")
        case _:
            end = rng.randrange(at, min(len(body), at + rng.choice((8, 64, 2_000)))) + 1
            return Damage(kind, at, end, body[at:end] * 2)


class World:
    """Objects in sync in two namespaces, and the pages in which a run of a scope reads them."""

    def __init__(self, scope: Scope, *, is_protobuf: bool) -> None:
        self.scope = scope
        self.is_protobuf = is_protobuf
        self.objects = OBJECTS
        self.pages: dict[Asked, bytes] = {}

        def note(asked: Asked, response: Response) -> Response:
            self.pages[asked] = response.body
            return response

        server = self.server()
        server.answer = note
        assert self.deletes(server) == set(), "in sync, so that nothing is deleted"
        self.gaps = {asked: self._between(asked) for asked in self.pages}
        """The places of each page that are in none of its objects."""

    def server(self) -> ListServer:
        return ListServer(self.objects, is_protobuf=self.is_protobuf)

    def deletes(self, server: ListServer) -> set[NamespacedName]:
        """What a run of these lists would delete, reported to the end, as a dry run does."""
        report = run(self.scope, KubeReader(server), None, Policy(), now=NOW)
        text(report, is_verbose=True)
        return {
            each.change.namespaced_name
            for each in report.outcomes
            if each.change.verb is Verb.DELETE
        }

    def lost(self, asked: Asked, damage: Damage) -> set[NamespacedName]:
        """What is in sync, and would be deleted because one page is damaged, each time it comes."""
        body = self.pages[asked]
        server = self.server()

        def answer(now_asked: Asked, response: Response) -> Response:
            is_it = now_asked == asked
            return structs.replace(response, body=damage.of(body)) if is_it else response

        server.answer = answer
        lost = self.deletes(server) & CONFIG_MAPS.keys()
        if damage.is_ascii(body):
            lost -= self._own(asked, damage)
        return lost

    def _between(self, asked: Asked) -> list[int]:
        inside = {at for start, end, _ in self._spans(asked) for at in range(start, end)}
        return [at for at in range(len(self.pages[asked])) if at not in inside]

    def _own(self, asked: Asked, damage: Damage) -> set[NamespacedName]:
        """The ConfigMaps of the one object that the damage lies in."""
        return {
            name
            for start, end, obj in self._spans(asked)
            if start <= damage.start and damage.end <= end
            for name in _config_maps_of(obj)
        }

    def _spans(self, asked: Asked) -> list[tuple[int, int, Json]]:
        """From where to where each object of a page is."""
        body = self.pages[asked]
        encodings = [(part, obj) for obj in self.objects for part in self._encoded(obj, asked)]
        found = [(body.find(part), len(part), obj) for part, obj in encodings]
        return [(start, start + size, obj) for start, size, obj in found if start >= 0]

    def _encoded(self, obj: Json, asked: Asked) -> Iterator[bytes]:
        """The object as it may be on such a page."""
        bare = {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}
        if asked.is_metadata:
            bare = {"metadata": obj["metadata"]}
            obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", **bare}
        yield msgspec.json.encode(obj)
        yield msgspec.json.encode(bare)
        if self.is_protobuf:
            yield encode.config_map(bare) if obj["kind"] == "ConfigMap" else encode.pod(bare)


def _config_maps_of(obj: Json) -> Iterator[NamespacedName]:
    metadata = obj["metadata"]
    for name, config_map in CONFIG_MAPS.items():
        labels = config_map["metadata"]["labels"]
        is_its = {
            "Pod": labels[POD_UID] == metadata["uid"],
            "PodConfigMapConfig": (name.namespace, labels[GENERATED_BY])
            == (metadata["namespace"], metadata["name"]),
            "ConfigMap": name == (metadata["namespace"], metadata["name"]),
        }
        if is_its[obj["kind"]]:
            yield name


def _objects() -> list[Json]:
    """Names that are one another's beginnings, values of more than ASCII, a config for any Pod."""
    pods = [
        pod(
            name,
            namespace=namespace,
            labels={"app": "web", "pod-template-hash": "5d8f7c9b64", "tier": tier},
            annotations={"note": "übergröße 😀", "build": "4711"},
        )
        for namespace in ("bank", "shop")
        for name, tier in (("web-0", "front"), ("web-00", "back"), ("web", "front"))
    ]
    configs = [
        pcmc(match_labels={"app": "web"}, labels=["tier"], annotations=["note"]),
        pcmc("front", match_expressions=[("tier", "In", ["front"])]),
        pcmc("any", namespace="bank"),
    ]
    return in_sync(*pods, *configs)


OBJECTS: Final = _objects()
CONFIG_MAPS: Final[Mapping[NamespacedName, Json]] = {
    NamespacedName(obj["metadata"]["namespace"], obj["metadata"]["name"]): obj
    for obj in OBJECTS
    if obj["kind"] == "ConfigMap"
}


def worlds() -> list[World]:
    """One a scope and content type."""
    return [
        World(scope, is_protobuf=is_protobuf) for scope in SCOPES for is_protobuf in (True, False)
    ]


def one(seed: int, among: list[World]) -> str:
    """One trial; "" if the law holds, or what broke it."""
    rng = random.Random(seed)  # noqa: S311 - the seed gives the damage again
    world = rng.choice(among)
    asked = rng.choice(sorted(world.pages))
    damage = random_damage(rng, world.pages[asked], world.gaps[asked])
    what = f"seed {seed}: {world.scope}, protobuf {world.is_protobuf}, {asked}, {damage}"
    try:
        lost = world.lost(asked, damage)
    except Exception as error:  # noqa: BLE001 - whatever is raised breaks the law
        return f"{what}: raised {error!r}"
    return f"{what}: deletes {', '.join(map(str, lost))}" if lost else ""


def main() -> None:
    """Try so many seeds, print each that breaks the law, and exit 1 if there are any."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    among = worlds()
    broken = 0
    for seed in range(first, first + count):
        if message := one(seed, among):
            broken += 1
            print(message)
    print(f"{count} seeds, {broken} broke the law")
    sys.exit(broken > 0)


if __name__ == "__main__":
    main()
