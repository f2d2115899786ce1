"""The documents' screens of `doctor` are what it says of such a cluster."""

import re
from pathlib import Path

import pytest

from podcm_sync.core.doctor.contents import Contents
from podcm_sync.core.doctor.diagnosis import Diagnosis, diagnose
from podcm_sync.core.doctor.facts import Facts, Lease, NotChecked
from podcm_sync.core.doctor.schema import FIELDS
from podcm_sync.core.rights import needed
from podcm_sync.model.objects import Scope
from podcm_sync.model.rights import Use
from podcm_sync.render.diagnosis import text
from tests.shape.readme import README, ROOT

SHOP = Scope(namespaces=("shop",))
VERBS = frozenset({"create", "delete", "get", "list", "patch"})
GO = Lease(
    namespace="default",
    holder="podconfigmap-controller-6c9f7d5b4-x2xkq",
    renewed_seconds=1.0,
    duration_seconds=15,
)


@pytest.mark.parametrize(
    ("path", "leases"), [(README, ()), (ROOT / "docs" / "operations.md", (GO,))]
)
def test_the_screen_is_the_commands_own(path: Path, leases: tuple[Lease, ...]) -> None:
    (delete,) = [each for each in needed(Use()) if str(each) == "delete configmaps"]
    facts = Facts(
        scope=SHOP,
        version="v1.37.2",
        username="system:serviceaccount:shop:sync",
        resources={
            "podconfigmapconfigs": VERBS,
            "podconfigmapconfigs/status": frozenset({"patch"}),
        },
        schema=FIELDS,
        rights=9,
        missing={"shop": (delete,)},
        skew_seconds=0.4,
        leases=leases,
        policies=NotChecked(why="no permission to look for the admission policy"),
        contents=Contents(configs=1, config_maps=0),
    )
    checks = diagnose(facts, "podcm-sync rbac -n shop --bind=shop:sync")
    server = "https://10.0.0.1:6443 (context prod)"
    said = text(Diagnosis(server=server, scope=SHOP, checks=checks, answers=True))
    shown = re.search(r"\$ podcm-sync doctor [^\n]*\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    assert shown is not None
    assert shown[1] == said
