"""A signal before the first write ends the command within half a second, whatever it is doing."""

import json
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import command
from tests.builders import Object, manifest, pcmc, pod
from tests.command import Completed, Running, started, until
from tests.frozen import (
    NAMESPACE,
    Answer,
    FrozenServer,
    Request,
    empty,
    lease_of,
    list_of,
    serving,
)

AT_ONCE = 0.5
MARGIN = 2.5
"""What a busy machine may add. Whatever else would end the wait takes ten seconds or more."""
SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
ELECT = ("--loop", "--leader-elect")
FREE = {"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 0}


@pytest.fixture
def server() -> Iterator[FrozenServer]:
    with serving() as server:
        yield server


def interrupted(running: Running, number: signal.Signals = signal.SIGTERM) -> Completed:
    """How it ended after the signal: at once, and with one line that names the signal."""
    asked = time.monotonic()
    running.signal(number)
    ended = running.end()
    assert ended.code == 128 + number, ended.stderr
    assert ended.at - asked < AT_ONCE + MARGIN
    said = [line for line in ended.stderr.splitlines() if "interrupted" in line]
    assert len(said) == 1, ended.stderr
    assert said[0].startswith(f"podcm-sync: interrupted by {number.name}; ")
    assert "deadline" not in ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


@SIGNALS
@pytest.mark.parametrize("arguments", [(), ("--loop",)], ids=["once", "loop"])
def test_while_it_reads_from_a_frozen_server(
    server: FrozenServer, tmp_path: Path, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    with started(server.kubeconfig(tmp_path), *arguments) as running:
        until(lambda: server.requests, "a list")
        ended = interrupted(running, number)
    assert "nothing was changed" in ended.stderr
    assert ended.stdout == ""


def test_while_a_standby_asks_a_frozen_server_for_the_lease(
    server: FrozenServer, tmp_path: Path
) -> None:
    with started(server.kubeconfig(tmp_path), *ELECT) as running:
        until(lambda: server.requests, "a look at the lease")
        ended = interrupted(running)
    assert "waiting to lead" in ended.stderr


def test_while_a_standby_waits_for_its_turn(server: FrozenServer, tmp_path: Path) -> None:
    held = {"holderIdentity": "another", "leaseDurationSeconds": 15, "leaseTransitions": 1}
    server.answers = lambda _: (200, lease_of(held))
    with started(server.kubeconfig(tmp_path), *ELECT) as running:
        until(lambda: "another holds" in running.stderr, "a look at the lease")
        interrupted(running)


class Leases:
    """The answers of a server that keeps a lease, and freezes for everything else."""

    def __init__(self) -> None:
        self.spec = dict(FREE)
        self.is_frozen = False

    def __call__(self, request: Request) -> Answer:
        if "/leases" not in request.path or self.is_frozen:
            return None
        if request.is_write:
            self.spec |= request.body["spec"]
        return 200, lease_of(self.spec)


def test_while_a_leader_reads_it_gives_the_lease_up(server: FrozenServer, tmp_path: Path) -> None:
    server.answers = leases = Leases()
    with started(server.kubeconfig(tmp_path), *ELECT) as running:
        until(lambda: any("/configmaps" in each.path for each in server.requests), "a list")
        assert leases.spec["holderIdentity"]
        ended = interrupted(running)
    assert leases.spec["holderIdentity"] == ""
    assert "nothing was changed" in ended.stderr


def test_while_a_leader_reads_from_a_server_that_answers_nothing_at_all(
    server: FrozenServer, tmp_path: Path
) -> None:
    """Then the lease is left to run out: to give it up must not take longer than the end may."""
    server.answers = leases = Leases()
    with started(server.kubeconfig(tmp_path), *ELECT) as running:
        until(lambda: any("/configmaps" in each.path for each in server.requests), "a list")
        leases.is_frozen = True
        seen = len(server.requests)
        until(lambda: len(server.requests) > seen, "a renewal that is not answered")
        interrupted(running)


def test_between_two_runs(server: FrozenServer, tmp_path: Path) -> None:
    server.answers = empty
    with started(server.kubeconfig(tmp_path), "--loop", "--interval", "60s") as running:
        until(lambda: running.stdout, "a report")
        time.sleep(0.2)  # the pause comes after the report
        ended = interrupted(running)
    assert "between two runs" in ended.stderr


def test_while_it_logs_in(server: FrozenServer, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho > {shlex.quote(str(tmp_path / 'asked'))}\nexec sleep 30\n")
    plugin.chmod(0o755)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    kubeconfig = server.kubeconfig(tmp_path, user)
    # Over plain HTTP no plugin is run, as credentials would not be sent.
    kubeconfig.write_text(kubeconfig.read_text().replace("http://", "https://"))
    with started(kubeconfig) as running:
        until((tmp_path / "asked").exists, "the plugin")
        interrupted(running)
    assert server.requests == []


@pytest.mark.parametrize("words", [("doctor",), ("explain", "pod/web")], ids=" ".join)
def test_in_other_commands_that_read(
    server: FrozenServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    kubeconfig = server.kubeconfig(tmp_path)
    with started(None, *words, "--kubeconfig", kubeconfig) as running:
        until(lambda: server.requests, "a question")
        interrupted(running)


RENDERING = """
    import sys
    from podcm_sync.template.parsed import Parsed
    from podcm_sync.__main__ import main

    render = Parsed.render

    def announced(*arguments):
        print("rendering", file=sys.stderr, flush=True)
        render(*arguments)

    Parsed.render = announced
    main()
"""
TEMPLATE = "{{ range until 3000 }}{{ range until 3000 }}{{ end }}{{ end }}"


def test_while_it_renders(tmp_path: Path) -> None:
    """Python must not raise inside of the engine's callbacks: that crashes the process."""
    objects: list[Object] = []
    for namespace in map("n{}".format, range(40)):
        objects.append(pcmc(namespace=namespace, templates={"a": TEMPLATE}))
        objects += [pod(f"web-{number}", namespace=namespace) for number in range(20)]
    (tmp_path / "all.yaml").write_text(
        "\n---\n".join(json.dumps(manifest(item)) for item in objects)
    )
    with started(None, "--from", tmp_path, "--dry-run", program=RENDERING) as running:
        until(lambda: "rendering" in running.stderr, "a batch of Pods in the engine")
        assert running.process.poll() is None
        asked = time.monotonic()
        running.signal(signal.SIGTERM)
        ended = running.end()
    assert ended.code == 143, ended.stderr
    assert ended.at - asked < AT_ONCE + MARGIN
    assert "Traceback" not in ended.stderr
    # The engine ends at once, too. If it does so before the signal comes again, a report tells it.
    line = "podcm-sync: interrupted by SIGTERM; nothing was changed"
    assert ended.stdout or line in ended.stderr.splitlines()
    assert not ended.stdout or "Interrupted" in ended.stdout


STUCK = """
    import time
    from podcm_sync.cli import logs
    from podcm_sync.runtime.signals import Signals
    from podcm_sync.runtime.context import RunContext
    from podcm_sync.errors import Interrupted

    logs.begin([])
    Signals(RunContext()).install()
    while True:
        try:
            print("ready", flush=True)
            time.sleep(60)
        except Interrupted:
            pass
"""


def test_if_something_swallows_the_exception(tmp_path: Path) -> None:
    """As a callback of a C library does; or if Python is not at work at all, as in a template."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STUCK)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        _, stderr = process.communicate(timeout=10)
    assert time.monotonic() - asked < AT_ONCE + MARGIN
    assert process.returncode == 143
    assert stderr == "podcm-sync: interrupted by SIGTERM; nothing was changed\n"


EARLY = """
    import os, signal, time
    import podcm_sync.cli

    def invoke(arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    podcm_sync.cli.invoke = invoke
    from podcm_sync.__main__ import main
    main()
"""


def test_before_a_command_has_even_begun() -> None:
    done = command.python("-c", textwrap.dedent(EARLY))
    assert done.code == 143
    assert done.stderr == "podcm-sync: interrupted by SIGTERM; nothing was changed\n"


class Contested:
    """A create meets a conflict, so another pass is due; its lists are never answered."""

    def __init__(self) -> None:
        self.is_refused = False

    def __call__(self, request: Request) -> Answer:
        if request.method == "PATCH":
            return 200, {**manifest(pcmc()), "apiVersion": "podconfig.example.com/v1alpha1"}
        if request.is_write:
            self.is_refused = True
            name = request.body["metadata"]["name"]
            details = {"name": name, "kind": "configmaps"}
            return 409, {
                "apiVersion": "v1",
                "kind": "Status",
                "status": "Failure",
                "reason": "AlreadyExists",
                "message": f'configmaps "{name}" already exists',
                "details": details,
                "code": 409,
            }
        if self.is_refused:
            return None
        items = {"pods": [manifest(pod())], "podconfigmapconfigs": [manifest(pcmc())]}
        return 200, list_of(request.path, items.get(request.path.rsplit("/", 1)[-1], []))


def test_after_the_first_write_a_list_for_a_later_pass_is_cut_at_once(
    server: FrozenServer, tmp_path: Path
) -> None:
    """The run ends in good order: with its report, and without a word of a deadline."""
    server.answers = namespaces_to_requeue = Contested()
    with started(server.kubeconfig(tmp_path), "-n", NAMESPACE, "--no-events") as running:
        until(lambda: namespaces_to_requeue.is_refused, "a create")
        seen = len(server.requests)
        until(lambda: len(server.requests) > seen, "a list of the second pass")
        asked = time.monotonic()
        running.signal(signal.SIGTERM)
        ended = running.end()
    assert ended.code == 143
    assert ended.at - asked < AT_ONCE + MARGIN
    assert "Interrupted by" in ended.stdout
    assert "cut short by SIGTERM" in ended.stderr
    assert "deadline" not in ended.stderr
