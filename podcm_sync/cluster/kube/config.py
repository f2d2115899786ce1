"""Which API server, as whom: kubeconfig files, a Pod's ServiceAccount, and kubectl's order of them.

`--kubeconfig`, then `KUBECONFIG` (a list of paths), then in-cluster, then `~/.kube/config`.
"""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import yaml
from kubernetes.client.configuration import Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import load_incluster_config
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger
from msgspec import Struct

from podcm_sync.clock import Clock, timed_out
from podcm_sync.cluster.kube.bounded import Waiting, in_time
from podcm_sync.cluster.kube.kubeconfig_secrets import remember
from podcm_sync.core.validate import is_namespace
from podcm_sync.errors import ClusterError, InputError, Unavailable
from podcm_sync.runtime.masking import masker

DEFAULT_KUBECONFIG: Final = "~/.kube/config"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%25[a-z0-9._-]+)?")
"""A name, or an IPv6 address with a zone perhaps; as urlsplit gives it, without brackets."""
T = TypeVar("T")
DEFAULT_NAMESPACE: Final = "default"
UNREADABLE: Final = (ConfigException, OSError, AttributeError, KeyError, TypeError, ValueError)
"""What the package raises for kubeconfigs of a shape that it does not expect."""
AUTHENTICATION_SECONDS: Final = 30.0
"""How long an exec plugin, or an identity provider, may take; the package itself sets no limit."""


class Target(Struct, frozen=True, kw_only=True):
    """An API server and an identity for it.

    `description` names both for people, `source` where they stand; `namespace` is the context's
    or the ServiceAccount's.
    """

    configuration: Configuration
    description: str
    source: str
    namespace: str
    impersonate: str | None


def load(
    kubeconfig: str | None,
    context: str | None,
    impersonate: str | None = None,
    clock: Clock | None = None,
) -> Target:
    """Find and read the configuration, and authenticate.

    Raises InputError for files and contexts that cannot be used, ClusterError where an exec plugin
    or an identity provider fails.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG", "")
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and (SERVICE_ACCOUNT / "token").exists()
    if not paths and in_cluster and context is None:
        return _from_service_account(impersonate)
    paths = paths or DEFAULT_KUBECONFIG
    remember(paths, masker)
    return _from_files(paths, context, impersonate, clock or Clock())


def _from_service_account(impersonate: str | None) -> Target:
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
        namespace = (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (ConfigException, OSError) as error:
        raise ClusterError(
            f"this Pod's ServiceAccount cannot be used: {error}", reason=Unavailable.LOGIN_FAILED
        ) from error
    return Target(
        configuration=configuration,
        description=f"{configuration.host} (this Pod's ServiceAccount)",
        source="this Pod's ServiceAccount",
        namespace=namespace or DEFAULT_NAMESPACE,
        impersonate=impersonate,
    )


def _from_files(paths: str, context: str | None, impersonate: str | None, clock: Clock) -> Target:
    loader = _loader(paths, context or _current_context(paths))
    configuration = Configuration(host="")
    with _Complaints() as complaints:
        try:
            authenticated(
                lambda: loader.load_and_set(configuration), f"authentication ({paths})", clock
            )
            current = loader.current_context
            details = current.get("context") or {}
            namespace = details.get("namespace") or DEFAULT_NAMESPACE
            name = impersonate or _impersonated(paths, details.get("user"))
        except UNREADABLE as error:
            said = _one_line(error)
            raise InputError(f"kubeconfig {paths}: {said}", quoted=said) from error
    if complaints.messages:
        # The package logs a failing exec plugin and goes on as system:anonymous.
        said = complaints.messages[0]
        raise ClusterError(
            f"authentication failed ({paths}): {said}",
            reason=Unavailable.LOGIN_FAILED,
            quoted=said,
        )
    where = f"context {current.get('name')} of kubeconfig {paths}"
    if not is_namespace(namespace):
        raise InputError(f"{where}: its namespace {namespace!r} is not a legal name")
    if not _is_address(configuration.host):
        raise InputError(
            f"{where}: its cluster's server {without_user(configuration.host)!r} is not an "
            "https:// address of a host (and a port, and a path; no user, no query)"
        )
    return Target(
        configuration=configuration,
        description=f"{configuration.host} (context {current.get('name')})",
        source=f"kubeconfig {paths}",
        namespace=namespace,
        impersonate=name,
    )


def _is_address(server: str) -> bool:
    """Whether it is a URL to which paths can be added; a user in it would stand in messages."""
    try:
        url = urlsplit(server)
        port = url.port
    except ValueError:  # a port that is no number, an IPv6 address that is not closed
        return False
    is_host = HOST.fullmatch(url.hostname or "") is not None
    is_bare = not (url.query or url.fragment or "@" in url.netloc)
    is_printable = server.isascii() and server.isprintable() and " " not in server
    return url.scheme in {"https", "http"} and is_host and port != 0 and is_bare and is_printable


def without_user(url: str) -> str:
    """A URL for people to read, without a user and a password."""
    user, at, host = url.rpartition("@")
    scheme, slashes, _ = user.partition("//")
    return (f"{scheme}//{host}" if slashes else host) if at else url


def _current_context(paths: str) -> str | None:
    """The first file's current-context, as kubectl has it; the package takes the last one's."""
    for path in paths.split(os.pathsep):
        file = Path(path).expanduser()
        if path and file.exists():
            try:
                content = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (OSError, ValueError, yaml.YAMLError):
                return None  # the package's own reading says what is wrong with it
            if isinstance(content, dict) and content.get("current-context"):
                return str(content["current-context"])
    return None


def _loader(paths: str, context: str | None) -> KubeConfigLoader:
    try:
        merged = KubeConfigMerger(paths).config
    except yaml.YAMLError as error:
        said = _one_line(error)
        raise InputError(f"kubeconfig {paths} does not parse: {said}", quoted=said) from error
    except UNREADABLE as error:
        raise InputError(f"kubeconfig {paths} cannot be read: {_one_line(error)}") from error
    if merged is None:
        raise InputError(
            f"no kubeconfig at {paths}: give --kubeconfig, set KUBECONFIG, or use --from DIR "
            "to work without a cluster"
        )
    try:
        return KubeConfigLoader(merged, active_context=context, config_base_path=None)
    except UNREADABLE as error:
        if context is not None and f"name {context} in " in str(error) and "contexts" in str(error):
            known = ", ".join(sorted(_names(merged.value.get("contexts"))))
            raise InputError(
                f"no context {context!r} in kubeconfig {paths}; it has: {known or 'none'}"
            ) from error
        said = _one_line(error)
        raise InputError(f"kubeconfig {paths}: {said}", quoted=said) from error


def _names(nodes: Any) -> list[str]:
    return [str(node["name"]) for node in nodes or ()]


def _impersonated(paths: str, user: str | None) -> str | None:
    """The user's `as` in the kubeconfig, which the package ignores: kubectl would not."""
    merged = KubeConfigMerger(paths).config
    for node in merged.value.get("users") or () if merged is not None else ():
        if node["name"] == user:
            details = node.safe_get("user") or {}
            name = details.get("as")
            return str(name) if name else None
    return None


def authenticated(work: Callable[[], T], what: str, clock: Clock) -> T:
    """The result of work that may run an exec plugin: it has 30 s, or what the run has left.

    Raises ClusterError if it takes longer, with the limit that was too short.
    """
    left, limit = clock.limit()
    is_own = left is None or left > AUTHENTICATION_SECONDS
    seconds = AUTHENTICATION_SECONDS if left is None else min(AUTHENTICATION_SECONDS, left)
    try:
        return in_time(work, seconds, waiting=Waiting(what))
    except TimeoutError as error:
        why = (
            f"was not finished within {AUTHENTICATION_SECONDS:g} s: check the exec plugin"
            if is_own
            else timed_out(limit)
        )
        raise ClusterError(f"{what} {why}", reason=Unavailable.LOGIN_FAILED) from error


class _Complaints(logging.Filter):
    """Collects, in place of the log, what the package logs as errors instead of raising them.

    The package logs to the root logger itself. A filter of that logger sees only its own records,
    not those of ours, which another thread may write meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return True
        self.messages.append(_one_line(record.getMessage()))
        return False

    def __enter__(self) -> Self:
        logging.getLogger().addFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeFilter(self)


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
