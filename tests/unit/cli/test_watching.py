"""§10: once the CRD was missing, its configs can still be restored for some minutes."""

from collections.abc import Collection
from contextlib import nullcontext
from typing import Any, cast

import pytest

from podcm_sync.cli import watching
from podcm_sync.cluster.kube.pager import Pager
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.reconcile.bounds import LIMITS
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.watch.lives import Lives

GONE = ClusterError("no CRD", reason=Unavailable.CRD_MISSING)
UNREACHABLE = ClusterError("cannot reach")


@pytest.mark.parametrize(
    ("found", "is_lost"), [(True, False), (False, True), (GONE, True), (UNREACHABLE, False)]
)
def test_discovery_that_lacks_the_crd_begins_that_time(
    monkeypatch: pytest.MonkeyPatch, found: bool | ClusterError, *, is_lost: bool
) -> None:
    """While it is being removed, and afterwards: a pass may see either one."""

    def check_crd(_pager: Pager, _namespaces: Collection[str], _builder: SnapshotBuilder) -> bool:
        if isinstance(found, ClusterError):
            raise found
        return found

    monkeypatch.setattr(watching, "check_crd", check_crd)
    lives = Lives(Scope(namespaces=None))
    checked = watching.checking_crd(cast("Any", None), lives)
    is_raised = isinstance(found, ClusterError)
    with pytest.raises(ClusterError) if is_raised else nullcontext():
        checked(("shop",), SnapshotBuilder(LIMITS))
    assert lives.are_configs_lost is is_lost
