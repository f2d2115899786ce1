"""Each way in which a whole run fails has a word of its own, and the configs hear nothing of it.

One series of podcm_sync_failures_total and a row of the README that names it; the Ready condition
stays as it was and there is no Event, since no config has failed.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.process import started
from tests.chaos.proxy import Proxy as Stalling
from tests.chaos.rules import Fault as Stall
from tests.chaos.rules import Rule
from tests.controlplane import command
from tests.controlplane.accounts import (
    account,
    kubeconfig_of,
    with_server,
    with_user,
    without,
)
from tests.controlplane.api import Api
from tests.controlplane.crd_objects import KIND
from tests.controlplane.faults import Forward, Proxy, Reply, Request
from tests.controlplane.harness import ControlPlane
from tests.controlplane.processes import free_ports
from tests.controlplane.sync_objects import condition, make_config, names
from tests.controlplane.test_errors_kubeconfig import OTHERS_CA
from tests.controlplane.test_events import said
from tests.controlplane.test_failures import failed, is_told
from tests.observability.running import value


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    """Three ConfigMaps are to be made."""
    for number in range(3):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)


def left_alone(api: Api, namespace: str) -> bool:
    """Whether the config's status is that of an object which no run has come to."""
    config = api.get(KIND, namespace, "mine")
    assert config
    ready = condition(config["status"])
    return (ready["status"], ready["reason"]) == ("Unknown", "Pending")


def check(api: Api, namespace: str, metrics: Path, way: tuple[str, str], code: int) -> None:
    """One series, no verdict, no Event, one row."""
    text = metrics.read_text(encoding="utf-8")
    assert failed(metrics) == {way: 1}
    assert value(text, "podcm_sync_last_run_exit_code") == code
    assert left_alone(api, namespace)
    assert said(api, namespace) == []
    assert is_told(way[1], code)


def unreachable(kubeconfig: Path) -> Path:
    return with_server(kubeconfig, f"https://127.0.0.1:{free_ports(1)[0]}")


def refused(kubeconfig: Path) -> Path:
    return with_user(kubeconfig, token="not-a-token")


def without_credentials(kubeconfig: Path) -> Path:
    return with_user(kubeconfig)


def missing(kubeconfig: Path) -> Path:
    return kubeconfig.with_name("nowhere")


@dataclass(frozen=True)
class Way:
    """What is done to the kubeconfig, and what comes of it."""

    reason: str
    change: Callable[[Path], Path]
    code: int = 5


WAYS = [
    Way("ServerUnreachable", unreachable),
    Way("LoginFailed", refused),
    Way("LoginFailed", without_credentials),
    Way("UnusableInput", missing, code=2),
]
