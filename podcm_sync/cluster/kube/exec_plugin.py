"""Exec plugins: commands that print credentials, run as client-go's exec authenticator does.

A plugin has the working directory and environment of podcm-sync, and its stderr is shown as it
comes. At its time limit podcm-sync kills it, with its process group if no terminal is there. The
rules are those of client-go's plugin/pkg/client/auth/exec.
"""

import atexit
import json
import math
import os
import selectors
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from podcm_sync.cluster.kube import tls
from podcm_sync.cluster.kube.kubeconfig import Cluster, ExecConfig, Private, parse
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.runtime.context import RunContext, duration, timed_out
from podcm_sync.runtime.workers import Waiting

UNATTENDED_SECONDS: Final = 30.0
"""The limit for a plugin without a terminal. kubectl has no limit, so a job would hang."""
PERSON_SECONDS: Final = 300.0
"""The limit for a plugin with a terminal: a person can have to sign in with a browser."""
MAX_OUTPUT_BYTES: Final = 1 << 20
"""The limit for a plugin's stdout. A token and a certificate are some kilobytes."""
MAX_LINE_BYTES: Final = 500
"""The limit for the last line of a plugin's stderr, which errors quote."""
EXEC_INFO: Final = "KUBERNETES_EXEC_INFO"
CLUSTER_EXTENSION: Final = "client.authentication.k8s.io/exec"
STEP_SECONDS: Final = 0.05
_running: set[subprocess.Popen[bytes]] = set()
"""The plugins to kill when the process exits."""


class Credential(Private, frozen=True, kw_only=True):
    """The credential of a plugin: a token, a certificate with its key (PEM), or both.

    `expires` is in seconds since 1970, infinite if the plugin names no time.
    """

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float = math.inf


class _Status(Private, frozen=True, kw_only=True, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: str = ""


class _ExecCredential(Private, frozen=True, kw_only=True, rename="camel"):
    kind: str = ""
    api_version: str = ""
    status: _Status | None = None


def cluster_info(cluster: Cluster, authorities: bytes) -> dict[str, Any]:
    """The `spec.cluster` of ExecCredential, for plugins with `provideClusterInfo`.

    `authorities` are the cluster's CAs (PEM).
    """
    info = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": b64encode(authorities).decode("ascii"),
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    config = {extension.name: extension.extension for extension in cluster.extensions}
    present = {key: value for key, value in info.items() if value or key == "server"}
    return present | {"config": config.get(CLUSTER_EXTENSION)}


def run(
    plugin: ExecConfig, info: Mapping[str, Any], source: str, context: RunContext
) -> Credential:
    """Run a plugin and return the credential that it prints. Raises ClusterError.

    `info` comes from `cluster_info`. `source` names the configuration of the plugin, for messages.
    """
    try:
        is_interactive = _is_interactive(plugin)
        process = _start(plugin, info, is_interactive=is_interactive)
        output = _PluginRun(plugin, process, context).finish(f"authentication ({source})")
        return _credential(plugin, output)
    except ValueError as error:
        raise ClusterError(
            f"authentication failed ({source}): {error}",
            reason=Unavailable.LOGIN_FAILED,
            quoted=error,
        ) from None


def _is_interactive(plugin: ExecConfig) -> bool:
    """Whether the plugin gets podcm-sync's stdin. Raises ValueError if it needs a terminal."""
    match plugin.mode:
        case "Always" if not _is_terminal(0):
            raise ValueError(
                f"the exec plugin {plugin.command!r} has interactiveMode Always, "
                "and stdin isn't a terminal"
            )
        case "Never":
            return False
    return _is_terminal(0)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _is_person_there() -> bool:
    """Whether stdin or stderr is a terminal."""
    return _is_terminal(0) or _is_terminal(2)


def _start(
    plugin: ExecConfig, info: Mapping[str, Any], *, is_interactive: bool
) -> subprocess.Popen[bytes]:
    """Start the plugin. Raises ValueError."""
    command = shutil.which(plugin.command)
    # As in Go: never a program that PATH finds in the working directory, which can be a checkout.
    if command is None or not Path(command).is_absolute():
        hint = _printable(plugin.install_hint)
        raise ValueError(
            f"the exec plugin {plugin.command!r} is not installed, or not executable: "
            f"{hint or 'install it, or correct its command in the kubeconfig'}"
        )
    spec: dict[str, Any] = {"interactive": is_interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = info
    exec_info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    variables = {variable.name: variable.value for variable in plugin.env}
    try:
        return subprocess.Popen(  # noqa: S603 - the kubeconfig's own command
            [plugin.command, *plugin.args],
            executable=command,
            env={**os.environ, **variables, EXEC_INFO: json.dumps(exec_info)},
            stdin=None if is_interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A new process group can be killed with all that the plugin started. But only the
            # terminal's foreground group can read from it, to ask a person for a password.
            process_group=None if _is_person_there() else 0,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its arguments cannot be passed on"
        raise ValueError(f"the exec plugin {plugin.command!r} cannot be run: {why}") from None


class _PluginRun:
    """One run of a plugin: collects its stdout and passes its stderr on."""

    def __init__(
        self, plugin: ExecConfig, process: subprocess.Popen[bytes], context: RunContext
    ) -> None:
        self._plugin = plugin
        self._process = process
        self._context = context
        self._limit_seconds = PERSON_SECONDS if _is_person_there() else UNATTENDED_SECONDS
        self._ends = time.monotonic() + self._limit_seconds
        self._output = bytearray()
        self._tail = b""

    def finish(self, name: str) -> bytes:
        """The plugin's whole stdout. Raises ValueError if it fails or takes too long.

        `name` is for the warning about a plugin that takes long.
        """
        _running.add(self._process)
        try:
            self._read(Waiting(name))
        finally:
            # Here, because the exception of a signal can end the wait.
            _end(self._process)
            _running.discard(self._process)
            for stream in (self._process.stdout, self._process.stderr):
                assert stream is not None, "both are pipes"
                stream.close()
        code = self._process.returncode
        if code:
            why = f"exit code {code}" if code > 0 else signal.Signals(-code).name
            raise self._error(f"failed ({why})")
        return bytes(self._output)

    def _read(self, waiting: Waiting) -> None:
        process = self._process
        assert process.stdout is not None, "a pipe"
        assert process.stderr is not None, "a pipe"
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, self._collect)
            selector.register(process.stderr, selectors.EVENT_READ, self._forward)
            while True:
                is_ended = process.poll() is not None
                ready = selector.select(0 if is_ended else STEP_SECONDS)
                for key, _ in ready:
                    if piece := os.read(key.fd, 1 << 16):
                        key.data(piece)
                    else:
                        selector.unregister(key.fileobj)
                # Not only at the pipes' end: a program that the plugin left running, such as a
                # browser, holds them open.
                if is_ended and not ready:
                    return
                # Both pipes are closed: only the end of the process is left to wait for.
                if not (is_ended or selector.get_map()):
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(STEP_SECONDS)
                self._check_time()
                waiting.warn_if_due()

    def _collect(self, piece: bytes) -> None:
        self._output += piece
        if len(self._output) > MAX_OUTPUT_BYTES:
            raise self._error(f"printed more than {MAX_OUTPUT_BYTES >> 20} MiB")

    def _forward(self, piece: bytes) -> None:
        lines = (self._tail + piece).rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
        self._tail = lines[-MAX_LINE_BYTES:] + (b"\n" if piece.endswith(b"\n") else b"")
        # Nobody reads podcm-sync's stderr any more if this fails.
        with suppress(OSError):
            os.write(2, piece)

    def _check_time(self) -> None:
        remaining, limit = self._context.limit()
        if remaining is not None and remaining <= 0:
            raise self._error(timed_out(limit))
        if time.monotonic() >= self._ends:
            raise self._error(f"did not finish within {duration(self._limit_seconds)}")

    def _error(self, event: str) -> ValueError:
        """An error with the last line of the plugin's stderr.

        Values of the plugin's `env` in the kubeconfig are masked in that line.
        """
        line = self._tail.decode("utf-8", "replace")
        for variable in self._plugin.env:
            if variable.value:
                line = line.replace(variable.value, "***")
        line = _printable(line)
        return ValueError(
            f"the exec plugin {self._plugin.command!r} {event}" + (f": {line}" if line else "")
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a plugin that still runs, and its process group if it is the leader of one."""
    if process.poll() is not None:
        return
    with suppress(OSError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.wait()


@atexit.register
def _end_all() -> None:
    """Kill all plugins: one that a daemon thread waits for would outlive this process."""
    for process in tuple(_running):
        _end(process)


def _credential(plugin: ExecConfig, output: bytes) -> Credential:
    """The credential that a plugin printed. Raises ValueError, which quotes no part of it."""
    name = f"the exec plugin {plugin.command!r}"
    try:
        printed = msgspec.convert(parse(output), _ExecCredential)
    except (msgspec.ValidationError, ValueError):
        raise ValueError(f"{name} didn't print an ExecCredential") from None
    if printed.kind != "ExecCredential":
        raise ValueError(f"{name} didn't print an ExecCredential")
    if printed.api_version != plugin.api_version:
        raise ValueError(f"{name} printed another apiVersion than {plugin.api_version}")
    status = printed.status or _Status()
    pair = (status.client_certificate_data.encode(), status.client_key_data.encode())
    if bool(pair[0]) != bool(pair[1]):
        raise ValueError(f"{name} printed only one of certificate and key")
    if not (status.token or pair[0]):
        raise ValueError(f"{name} printed no credentials: no token and no certificate")
    if pair[0]:
        try:
            tls.check_pair(*pair)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return Credential(
        token=status.token,
        certificate=pair[0],
        key=pair[1],
        expires=_seconds(status.expiration_timestamp, name),
    )


def _seconds(timestamp: str, name: str) -> float:
    """An RFC 3339 time in seconds since 1970, infinite for "". Raises ValueError."""
    if not timestamp:
        return math.inf
    try:
        parsed = datetime.fromisoformat(timestamp)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ValueError(f"{name} printed an expirationTimestamp that is not an RFC 3339 time")
    return parsed.timestamp()


def _printable(text: str) -> str:
    """The text on one line, without characters that can move a cursor."""
    line = " ".join(text.split())
    return "".join(character for character in line if character.isprintable())
