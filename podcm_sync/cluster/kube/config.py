"""Which API server, as whom: kubeconfig files, a Pod's ServiceAccount, and the order of them.

`--kubeconfig`, then `KUBECONFIG` (a list of paths), then in-cluster, then `~/.kube/config`. What a
kubeconfig says is checked as client-go's `clientcmd` checks it, for the context's entries alone.
"""

import os
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from podcm_sync.cluster.kube import exec_plugin, tls
from podcm_sync.cluster.kube.kubeconfig import Cluster, Context, Kubeconfig, Private, User, read
from podcm_sync.cluster.kube.proxies import proxy_of, without_user
from podcm_sync.cluster.kube.validation import mistake_of_cluster, mistake_of_user
from podcm_sync.core.validate import is_namespace
from podcm_sync.errors import ClusterError, InputError, Unavailable

DEFAULT_KUBECONFIG: Final = "~/.kube/config"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%25[a-z0-9._-]+)?")
"""A name, or an IPv6 address with a zone perhaps; as urlsplit gives it, without brackets."""
DEFAULT_NAMESPACE: Final = "default"
_HEADER_NAME: Final = re.compile(rb"[^A-Za-z0-9!#$&'*+.^_`|~-]")
"""Bytes that RFC 9110 does not allow in a header's name; and `%`, which marks the escaped ones."""


class Target(Private, frozen=True, kw_only=True):
    """An API server and an identity for it.

    `description` names both for people, `source` where they are configured; `namespace` is the
    context's or the ServiceAccount's. `authorities` are the CAs (PEM), "" for the system's;
    `proxy` is a URL with its user, "" for none; `headers` are lines for every request, which say
    whom to impersonate. `cluster_info` is for exec plugins.
    """

    server: str
    authorities: str = ""
    authorities_place: str = "certificate-authority-data in the kubeconfig"
    is_verified: bool = True
    tls_server_name: str = ""
    proxy: str = ""
    user: User
    headers: tuple[str, ...] = ()
    cluster_info: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies it
    description: str
    source: str
    namespace: str
    context: str = ""

    @property
    def is_tls(self) -> bool:
        """Whether credentials may be sent there: client-go sends none over plain HTTP."""
        return urlsplit(self.server).scheme == "https"


def loader(
    kubeconfig: str | None, context: str | None, impersonate: str | None = None
) -> Callable[[], Target]:
    """`load` for one cluster: each call reads the context that the first call found.

    A loop must not follow a person who switches `current-context` to another cluster meanwhile.
    """
    chosen = context

    def load_again() -> Target:
        nonlocal chosen
        target = load(kubeconfig, chosen, impersonate)
        chosen = target.context or chosen
        return target

    return load_again


def load(kubeconfig: str | None, context: str | None, impersonate: str | None = None) -> Target:
    """Find and read the configuration; nobody is asked yet.

    Raises InputError for files and contexts that cannot be used, ClusterError for a ServiceAccount
    that cannot.
    """
    listed = os.environ.get("KUBECONFIG", "")
    paths = [kubeconfig] if kubeconfig else listed.split(os.pathsep) if listed else []
    paths = [str(Path(path).expanduser()) for path in paths if path]
    merged = read(paths)
    if not kubeconfig and context is None and merged.is_empty and _is_in_cluster():
        return _from_service_account(impersonate)
    if not paths:
        paths = [str(Path(DEFAULT_KUBECONFIG).expanduser())]
        merged = read(paths)
    if not any(Path(path).exists() for path in paths):
        raise InputError(
            f"no kubeconfig at {os.pathsep.join(paths)}: give --kubeconfig, set KUBECONFIG, or use "
            "--from DIR to work without a cluster"
        )
    source = f"kubeconfig {os.pathsep.join(paths)}"
    return _target(merged, context or merged.current_context, source, impersonate)


def _is_in_cluster() -> bool:
    has_address = all(os.environ.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    return has_address and (SERVICE_ACCOUNT / "token").is_file()


def _from_service_account(impersonate: str | None) -> Target:
    # Late: importing the package takes longer than all else of a small run.
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.incluster_config import load_incluster_config

    configuration = Configuration(host="")
    source = "this Pod's ServiceAccount"
    try:
        load_incluster_config(client_configuration=configuration)
        authorities = tls.certificates(Path(str(configuration.ssl_ca_cert)).read_bytes())
        namespace = (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (ConfigException, OSError, ValueError) as error:
        raise ClusterError(
            f"{source} cannot be used: {error}", reason=Unavailable.LOGIN_FAILED
        ) from error
    user = User(token_file=str(SERVICE_ACCOUNT / "token"), impersonate=impersonate or "")
    return Target(
        server=configuration.host,
        authorities=authorities,
        proxy=proxy_of(configuration.host, "", os.environ, source),
        authorities_place="ca.crt of this Pod's ServiceAccount",
        user=user,
        headers=_impersonation(user, source),
        description=f"{configuration.host} ({source})",
        source=source,
        namespace=namespace or DEFAULT_NAMESPACE,
    )


def _target(merged: Kubeconfig, name: str, source: str, impersonate: str | None) -> Target:
    context, cluster, user = _entries(merged, name, source)
    where = f"context {name} of {source}"
    if not is_namespace(context.namespace or DEFAULT_NAMESPACE):
        raise InputError(f"{where}: its namespace {context.namespace!r} is not a legal name")
    server = _address(cluster.server, where)
    user = replace(user, impersonate=impersonate or user.impersonate)
    if mistake := mistake_of_cluster(cluster):
        raise InputError(f"{source}: clusters[{context.cluster}] {mistake}")
    if mistake := mistake_of_user(user):
        raise InputError(f"{source}: users[{context.user}] {mistake}")
    try:
        data = _data_or_file(
            "certificate-authority",
            cluster.certificate_authority_data,
            cluster.certificate_authority,
        )
        authorities = tls.certificates(data) if data is not None else ""
    except ValueError as error:
        raise InputError(
            f"{source}: the CA certificates of clusters[{context.cluster}] cannot be used: {error}"
        ) from None
    return Target(
        server=server,
        authorities=authorities,
        is_verified=not cluster.insecure_skip_tls_verify,
        tls_server_name=cluster.tls_server_name,
        proxy=proxy_of(server, cluster.proxy_url, os.environ, source),
        user=user,
        headers=_impersonation(user, f"{source}: users[{context.user}]"),
        cluster_info=exec_plugin.cluster_info(cluster, data or b""),
        description=f"{server} (context {name})",
        source=source,
        namespace=context.namespace or DEFAULT_NAMESPACE,
        context=name,
    )


def _entries(merged: Kubeconfig, name: str, source: str) -> tuple[Context, Cluster, User]:
    """The context of that name, with its cluster and its user. Raises InputError."""
    known = ", ".join(sorted(merged.contexts)) or "none"
    if not name:
        raise InputError(f"{source} has no current-context: give --context; it has: {known}")
    context = merged.contexts.get(name)
    if context is None:
        raise InputError(f"no context {name!r} in {source}; it has: {known}")
    cluster = merged.clusters.get(context.cluster)
    if cluster is None:
        raise InputError(
            f"{source}: contexts[{name}].context.cluster names {context.cluster!r}, "
            "which is not in clusters"
        )
    user = merged.users.get(context.user)
    if user is None and context.user:
        raise InputError(
            f"{source}: contexts[{name}].context.user names {context.user!r}, which is not in users"
        )
    return context, cluster, user or User()


def _address(server: str, where: str) -> str:
    """The server's URL, its scheme in lower case. Raises InputError.

    It must be one that paths can be added to; a user in it would stand in messages.
    """
    scheme, colon, rest = server.partition(":")
    server = scheme.lower() + colon + rest
    try:
        url = urlsplit(server)
        port = url.port
    except ValueError:  # a port that is no number, an IPv6 address that is not closed
        url, port = urlsplit(""), 0
    is_host = HOST.fullmatch(url.hostname or "") is not None
    is_bare = not (url.query or url.fragment or "@" in url.netloc)
    is_printable = server.isascii() and server.isprintable() and " " not in server
    is_http = url.scheme in {"https", "http"}
    if not (is_http and is_host and port != 0 and is_bare and is_printable):
        raise InputError(
            f"{where}: its cluster's server {without_user(server)!r} is not an "
            "https:// address of a host (and a port, and a path; no user, no query)"
        )
    return server


def _data_or_file(name: str, data: str, file: str) -> bytes | None:
    """The content of `name`: of its data (base64) or else of its file; None without either.

    Raises ValueError.
    """
    if data:
        try:
            return b64decode("".join(data.splitlines()), validate=True)
        except ValueError:
            raise ValueError(f"{name}-data is not base64") from None
    if not file:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"{name} {file} cannot be read: {error.strerror}") from None


def client_certificate(user: User) -> tuple[bytes, bytes]:
    """The user's certificate and key (PEM), both empty if there are none. Raises ValueError."""
    if not user.has_certificate:
        return b"", b""
    pair = (
        _data_or_file("client-certificate", user.client_certificate_data, user.client_certificate)
        or b"",
        _data_or_file("client-key", user.client_key_data, user.client_key) or b"",
    )
    tls.check_pair(*pair)
    return pair


def _impersonation(user: User, where: str) -> tuple[str, ...]:
    """The header lines for whom the user impersonates. Raises InputError."""
    if not user.impersonate:
        return ()
    fields = [("User", user.impersonate)]
    if user.impersonate_uid:
        fields.append(("Uid", user.impersonate_uid))
    fields += [("Group", group) for group in user.impersonate_groups]
    for key, values in sorted(user.impersonate_user_extra.items()):
        escaped = _HEADER_NAME.sub(lambda match: b"%%%02X" % match.group()[0], key.encode())
        fields += [(f"Extra-{escaped.decode('ascii')}", value) for value in values]
    for name, value in fields:
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
            raise InputError(f"{where}: Impersonate-{name} has characters that no header can have")
    # libcurl takes a name with a colon and nothing after it as a header to leave out.
    return tuple(
        f"Impersonate-{name}: {value}" if value else f"Impersonate-{name};"
        for name, value in fields
    )
