"""Faults that a watching loop meets, by seed: on its watches, its writes, and its early lists."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from tests.chaos.rules import OF_STREAMS, WRITES, Fault, Rule, random_rule

RESOURCES: Final = ("pods", "podconfigmapconfigs", "configmaps")
MOST_WATCHES: Final = 6
"""So many watches of a resource can meet a fault, one after the other."""
SHARE: Final = 0.6
WEIGHTS: Final = {
    Fault.STREAM_CUT: 5,
    Fault.STREAM_PAUSE: 4,
    Fault.STREAM_SILENT: 1,
    Fault.STREAM_EXPIRED: 1,
    Fault.STREAM_GARBLED: 1,
    Fault.ANSWER: 3,
    Fault.HTML: 1,
    Fault.EMPTY: 1,
    Fault.BALANCER: 1,
    Fault.WRONG_KIND: 1,
    Fault.CUT: 2,
    Fault.DELAY: 2,
    Fault.FREEZE: 1,
}
ANSWERS: Final = ((410, None), (200, b"{}"), (429, None), (500, None), (503, None), (401, None))
"""Statuses, and bodies that aren't a Status."""
AFTER: Final = (0, 1, 30, 300, 1_000, 3_000, 10_000)


def watch_rules(rng: Random, namespace: str) -> Iterator[Rule]:
    """What the watches of a namespace ("" for the whole cluster) meet."""
    place = f"/namespaces/{namespace}" if namespace else r"/v1(alpha1)?"
    for resource in RESOURCES:
        for nth in range(1, MOST_WATCHES + 1):
            if rng.random() < SHARE:
                yield replace(
                    _watch_rule(rng),
                    method="GET",
                    path=f"{place}/{resource}$",
                    query="watch=1",
                    nth=nth,
                )


def request_rules(rng: Random, namespace: str, other_namespace: str) -> Iterator[Rule]:
    """What some writes in a namespace meet, and rarely its lists."""
    for _ in range(rng.choice((0, 1, 2, 3, 4))):
        rule = random_rule(rng, other_namespace)
        is_list = rule.method == "GET"
        if rule.fault is Fault.BYTE_FLIP or (is_list and rng.random() < 0.5):
            continue  # what a list has wrong stays until the next one
        kind = rng.choice(("configmaps", "configmaps", "podconfigmapconfigs", ""))
        yield replace(
            rule,
            method="GET" if is_list else rng.choice((WRITES, WRITES, "POST", "PATCH", "DELETE")),
            path=f"/namespaces/{namespace}/{kind}",
            query="limit=" if is_list else "",
            nth=rng.randrange(2, 6) if is_list else rng.randrange(1, 30),
            times=rng.choice((1, 1, 2, 3)),
        )


def _watch_rule(rng: Random) -> Rule:
    (fault,) = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
    status, body = rng.choice(ANSWERS)
    if fault is not Fault.ANSWER:
        status, body = rng.choice((200, 403, 404, 502)), None
    after = rng.choice(AFTER)
    return Rule(
        fault,
        status=status,
        body=body,
        retry_after=rng.choice((None, 0, 1)),
        seconds=rng.choice((0.2, 0.5, 1.0, 2.0)),
        share=rng.random(),
        after=rng.randrange(after + 1) if fault in OF_STREAMS else 0,
    )
