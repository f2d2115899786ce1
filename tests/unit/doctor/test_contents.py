"""The summary of a snapshot for the operator."""

import pytest

from podcm_sync.api.objects import PodConfigMapConfigStatus
from podcm_sync.doctor.contents import Contents, contents
from podcm_sync.reconcile.renderer import NO_RENDERER
from tests.builders import (
    MANAGED_BY,
    condition,
    config_map,
    newer_pcmc,
    pcmc,
    problem,
    snapshot,
)

FAILING = PodConfigMapConfigStatus(conditions=(condition(status="False", reason="PruneBlocked"),))
BROKEN = "spec: is a number"


def test_a_world_in_step_is_only_counted() -> None:
    summary = contents(snapshot(pcmc(), config_map()), NO_RENDERER)
    assert summary == Contents(configs=1, config_maps=1)


def test_configs_are_invalid_failing_or_suspended_and_only_one_of_these() -> None:
    summary = contents(
        snapshot(
            pcmc("fine"),
            pcmc("failing", status=FAILING),
            pcmc("invalid", spec_error=BROKEN, status=FAILING),
            pcmc("refused", labels=["not a key"]),
            pcmc("templated", templates={"a": "{{ .name }}"}),
            pcmc("resting", spec_error=BROKEN, suspend=True, status=FAILING),
            newer_pcmc("newer", status=FAILING),
        ),
        NO_RENDERER,
    )
    assert summary.configs == 7
    assert summary.newer == ("shop/newer",)
    assert summary.invalid == ("shop/invalid", "shop/refused", "shop/templated")
    assert summary.not_ready == ("shop/failing",)
    assert summary.suspended == ("shop/resting",)


def test_config_maps_are_told_apart() -> None:
    summary = contents(
        snapshot(
            pcmc(suspend=True),
            config_map(),
            config_map(made_by="other", labels={MANAGED_BY: None}),
            config_map("settings", labels={MANAGED_BY: None}),
            config_map(
                made_by="kept",
                annotations={"podconfig.example.com/prune": "Disabled"},
                labels={MANAGED_BY: "somebody"},
            ),
        ),
        NO_RENDERER,
    )
    assert (summary.config_maps, summary.foreign) == (3, 1)
    assert (summary.of_suspended, summary.prune_disabled, summary.unadopted) == (1, 1, 2)


def test_a_config_that_cannot_be_decoded_at_all_is_counted_as_invalid() -> None:
    problems = [problem("PodConfigMapConfig", "odd"), problem("Pod", "web")]
    summary = contents(snapshot(pcmc(), problems=problems), NO_RENDERER)
    assert (summary.configs, summary.invalid) == (2, ("shop/odd",))


@pytest.mark.parametrize("where", ["", "shop"])
def test_what_was_not_seen_whole_is_not_counted(where: str) -> None:
    world = snapshot(pcmc(), incomplete={where: "cannot list pods"})
    assert contents(world, NO_RENDERER) == Contents(incomplete="cannot list pods")
