"""Finds the API server and identity for a run: in kubeconfig files, or a Pod's ServiceAccount.

The order is `--kubeconfig`, `KUBECONFIG` (a path list), in-cluster, `~/.kube/config`. As in
client-go's `clientcmd`, only the entries of the chosen context are checked.
"""

import os
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from podcm_sync.cluster.kube import exec_plugin, tls
from podcm_sync.cluster.kube.kubeconfig import Cluster, Context, Kubeconfig, Private, User, read
from podcm_sync.cluster.kube.kubeconfig_validation import mistake_of_cluster, mistake_of_user
from podcm_sync.cluster.kube.proxies import proxy_of, without_user
from podcm_sync.errors import ClusterError, InputError, Unavailable
from podcm_sync.reconcile.validate import is_namespace

DEFAULT_KUBECONFIG: Final = "~/.kube/config"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%25[a-z0-9._-]+)?")
"""A host name or an IP address as urlsplit returns it: IPv6 without brackets, maybe with a zone."""
DEFAULT_NAMESPACE: Final = "default"
_HEADER_NAME: Final = re.compile(rb"[^A-Za-z0-9!#$&'*+.^_`|~-]")
"""Bytes that RFC 9110 doesn't allow in a header's name, and `%`, which begins an escape."""


class Target(Private, frozen=True, kw_only=True):
    """An API server and an identity for it.

    - `authorities` are the CAs (PEM), or "" for the system's; `authorities_place` is their origin.
    - `proxy` is a URL with its user, or "" for none.
    - `headers` are header lines for every request: the impersonated user.
    - `cluster_info` is for exec plugins with `provideClusterInfo`.
    - `description` names server and context for people, and `source` the configuration.
    - `namespace` is the namespace of the context or the ServiceAccount.
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
        """Whether credentials can be sent there: client-go sends none over plain HTTP."""
        return urlsplit(self.server).scheme == "https"


def loader(
    kubeconfig: str | None,
    context: str | None,
    impersonate: str | None = None,
    groups: Sequence[str] = (),
) -> Callable[[], Target]:
    """A function that loads the configuration again, with the context of the first call.

    If a person switches `current-context` to another cluster, a loop must not follow.
    """
    chosen = context

    def load_again() -> Target:
        nonlocal chosen
        target = load(kubeconfig, chosen, impersonate, groups)
        chosen = target.context or chosen
        return target

    return load_again


def load(
    kubeconfig: str | None,
    context: str | None,
    impersonate: str | None = None,
    groups: Sequence[str] = (),
) -> Target:
    """Find and read the configuration, without a request to the server.

    `impersonate` and `groups` stand in for those of the kubeconfig, as --as and --as-group do for
    kubectl. Raises InputError for files and contexts that cannot be used, and ClusterError for a
    ServiceAccount that cannot be used.
    """
    paths = _paths(kubeconfig)
    merged = read(paths)
    # As in client-go's merged_client_builder.go: in-cluster only if no file has any content.
    if not kubeconfig and context is None and merged.is_empty and _is_in_cluster():
        return _from_service_account(impersonate, groups)
    if not paths:
        paths = [str(Path(DEFAULT_KUBECONFIG).expanduser())]
        merged = read(paths)
    if not any(Path(path).exists() for path in paths):
        raise InputError(
            f"no kubeconfig at {os.pathsep.join(paths)}",
            hint="use --kubeconfig, set KUBECONFIG, or use --from DIR to work without a cluster",
        )
    source = f"kubeconfig {os.pathsep.join(paths)}"
    return _target(merged, context or merged.current_context, source, impersonate, groups)


def context_names(kubeconfig: str | None) -> Iterable[str]:
    """The contexts of the kubeconfigs that `load` reads. Raises InputError."""
    return read(_paths(kubeconfig) or [str(Path(DEFAULT_KUBECONFIG).expanduser())]).contexts


def home_namespace(kubeconfig: str | None, context: str | None) -> str:
    """The namespace of this Pod, if a run without -n syncs that; otherwise `default`.

    It reads no kubeconfig, so that it has the same result whether one can be read or not.
    """
    if context is None and not _paths(kubeconfig) and _is_in_cluster():
        with suppress(OSError, ValueError):
            namespace = (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
            return namespace or DEFAULT_NAMESPACE
    return DEFAULT_NAMESPACE


def _paths(kubeconfig: str | None) -> list[str]:
    """The files that the option or KUBECONFIG names; none for the default."""
    path_list = os.environ.get("KUBECONFIG", "")
    paths = [kubeconfig] if kubeconfig else path_list.split(os.pathsep) if path_list else []
    return [str(Path(path).expanduser()) for path in paths if path]


def _is_in_cluster() -> bool:
    has_address = all(os.environ.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    return has_address and (SERVICE_ACCOUNT / "token").is_file()


def _from_service_account(impersonate: str | None, groups: Sequence[str]) -> Target:
    # Imported here, because the import takes longer than the rest of a small run.
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
    user = User(token_file=str(SERVICE_ACCOUNT / "token"))
    user = _impersonating(user, impersonate, groups)
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


def _impersonating(user: User, impersonate: str | None, groups: Sequence[str]) -> User:
    """The user with the impersonation of the options. Raises InputError for groups alone."""
    user = replace(
        user,
        impersonate=impersonate or user.impersonate,
        impersonate_groups=list(groups) or user.impersonate_groups,
    )
    if groups and not user.impersonate:
        raise InputError("--as-group requires --as", hint="add --as USER")
    return user


def _target(
    merged: Kubeconfig, name: str, source: str, impersonate: str | None, groups: Sequence[str]
) -> Target:
    context, cluster, user = _entries(merged, name, source)
    place = f"context {name} of {source}"
    if not is_namespace(context.namespace or DEFAULT_NAMESPACE):
        raise InputError(f"{place}: the namespace {context.namespace!r} isn't a valid name")
    server = _address(cluster.server, place)
    user = _impersonating(user, impersonate, groups)
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
    """The context with this name, its cluster, and its user. Raises InputError."""
    known = ", ".join(sorted(merged.contexts)) or "none"
    if not name:
        raise InputError(
            f"{source} has no current-context", hint=f"use --context NAME (it has: {known})"
        )
    context = merged.contexts.get(name)
    if context is None:
        raise InputError(
            f"context {name!r} not found in {source}",
            hint=f"use --context NAME (it has: {known})",
        )
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


def _address(server: str, place: str) -> str:
    """The server's URL, with its scheme in lower case. Raises InputError.

    A URL with a query or fragment is refused, because paths are appended to it. One with a user is
    refused, because messages show the URL.
    """
    scheme, colon, rest = server.partition(":")
    server = scheme.lower() + colon + rest
    try:
        url = urlsplit(server)
        port = url.port
    except ValueError:
        # The port isn't a number, or an IPv6 address has no closing bracket.
        url, port = urlsplit(""), 0
    is_host = HOST.fullmatch(url.hostname or "") is not None
    is_bare = not (url.query or url.fragment or "@" in url.netloc)
    is_printable = server.isascii() and server.isprintable() and " " not in server
    is_http = url.scheme in {"https", "http"}
    if not (is_http and is_host and port != 0 and is_bare and is_printable):
        raise InputError(
            f"{place}: the server {without_user(server)!r} isn't an https:// address of a host",
            hint="use https://HOST, https://HOST:PORT, or https://HOST:PORT/PATH",
        )
    return server


def _data_or_file(name: str, data: str, file: str) -> bytes | None:
    """The content of the setting `name`: from its data (base64), or else from its file.

    None if it has neither. Raises ValueError.
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
    """The user's client certificate and key (PEM), both empty for none. Raises ValueError."""
    if not user.has_certificate:
        return b"", b""
    pair = (
        _data_or_file("client-certificate", user.client_certificate_data, user.client_certificate)
        or b"",
        _data_or_file("client-key", user.client_key_data, user.client_key) or b"",
    )
    tls.check_pair(*pair)
    return pair


def _impersonation(user: User, place: str) -> tuple[str, ...]:
    """The header lines of an impersonated user. Raises InputError.

    The headers are those of the Kubernetes documentation, "User impersonation".
    """
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
            raise InputError(f"{place}: Impersonate-{name} has characters that no header can have")
    # libcurl leaves out a header that has nothing after its colon; `;` sends it empty.
    return tuple(
        f"Impersonate-{name}: {value}" if value else f"Impersonate-{name};"
        for name, value in fields
    )
