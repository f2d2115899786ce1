"""What a run does before it touches anything, and how it reads cgroups, on any machine."""

import os
import shutil
from pathlib import Path

import pytest

from tests.node import inside, isolation, memory, needs, run

UID = "0b5c9f0e-0000-4000-8000-000000000001"
OTHER = "0b5c9f0e-0000-4000-8000-000000000002"


def test_what_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in {"runc", "ip"} else name)
    with pytest.raises(SystemExit) as ended:
        needs.check()
    assert (
        "- there is no runc, ip: apt-get install --no-install-recommends iproute2 runc uidmap"
        in str(ended.value)
    )


def test_without_root_nothing_else_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert list(needs.missing()) == [
        "you aren't root: a kubelet needs mounts, networks, and cgroups (sudo)"
    ]


def test_an_unknown_part_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["run", "cronjob", "nothing"])
    monkeypatch.setattr(needs, "check", lambda: pytest.fail("it went on"))
    with pytest.raises(SystemExit, match="no part nothing; there are cronjob"):
        run.main()


def test_settings_survive_the_way_to_the_inner_process(tmp_path: Path) -> None:
    settings = inside.Settings(
        workdir=tmp_path,
        cgroup="c",
        kubernetes=tmp_path / "k",
        debian=tmp_path / "d",
        images={"a": "b"},
        parts=["cronjob"],
    )
    settings.write(tmp_path / "settings.json")
    assert inside.Settings.read(tmp_path / "settings.json") == settings


@pytest.mark.parametrize("hierarchy", ["memory", ""])
def test_a_pods_peak_is_that_of_its_own_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hierarchy: str
) -> None:
    """In cgroup v1, where the controller has a folder, and in v2."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "PERIOD", 0.01)
    file = "memory.max_usage_in_bytes" if hierarchy else "memory.peak"
    for uid, size in ((UID, 3 << 20), (OTHER, 9 << 20)):
        container = tmp_path / hierarchy / "run" / "kubepods" / "burstable" / f"pod{uid}" / "1"
        container.mkdir(parents=True)
        (container / file).write_text(f"{size}\n")
    with memory.Peaks("run") as peaks:
        while not peaks.mib(OTHER):
            pass
    assert (peaks.mib(UID), peaks.mib("another")) == (3, 0)


def test_a_cgroup_is_removed_with_those_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "CGROUPS", tmp_path)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "cgroup.procs").touch()
    (tmp_path / "memory" / "mine" / "left-by-a-killed-run").mkdir(parents=True)
    with isolation.cgroup("mine"):
        assert list((tmp_path / "memory" / "mine").iterdir()) == []
        (tmp_path / "memory" / "mine" / "kubepods" / "pod1").mkdir(parents=True)
    assert not (tmp_path / "memory" / "mine").exists()
