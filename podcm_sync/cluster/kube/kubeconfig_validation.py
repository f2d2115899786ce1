"""The checks of client-go's `tools/clientcmd/validation.go` on kubeconfig entries, as tables."""

from collections.abc import Callable
from typing import Final

from podcm_sync.cluster.kube.kubeconfig import Cluster, ExecConfig, User

EXEC_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES: Final = ("Never", "IfAvailable", "Always")
_CLUSTER: Final[tuple[tuple[Callable[[Cluster], object], str], ...]] = (
    (
        lambda c: c.certificate_authority and c.certificate_authority_data,
        "has both certificate-authority and certificate-authority-data: remove one",
    ),
    (
        lambda c: (
            c.insecure_skip_tls_verify and (c.certificate_authority or c.certificate_authority_data)
        ),
        "has both insecure-skip-tls-verify and a certificate authority: remove one",
    ),
)
_USER: Final[tuple[tuple[Callable[[User], object], str], ...]] = (
    (
        lambda u: u.token and (u.username or u.password),
        "has both a token and a username or password: remove one",
    ),
    (
        lambda u: u.client_certificate and u.client_certificate_data,
        "has both client-certificate and client-certificate-data: remove one",
    ),
    (
        lambda u: u.has_certificate and u.client_key and u.client_key_data,
        "has both client-key and client-key-data: remove one",
    ),
    (
        lambda u: u.has_certificate and not (u.client_key or u.client_key_data),
        "has a client certificate without client-key or client-key-data",
    ),
    (
        # They restrict what a login can do, so podcm-sync must not ignore them in silence.
        lambda u: (
            not u.impersonate
            and (u.impersonate_groups or u.impersonate_uid or u.impersonate_user_extra)
        ),
        "has as-groups, as-uid or as-user-extra without as: name the user to impersonate",
    ),
    (
        lambda u: u.exec is not None and u.auth_provider is not None,
        "has both exec and auth-provider: remove one",
    ),
)
_EXEC: Final[tuple[tuple[Callable[[ExecConfig], object], str], ...]] = (
    (lambda e: not e.command, "has an exec plugin without command"),
    (
        lambda e: e.api_version not in EXEC_VERSIONS,
        f"has an exec plugin whose apiVersion is not {' or '.join(EXEC_VERSIONS)}",
    ),
    (
        lambda e: not all(variable.name for variable in e.env),
        "has an exec plugin with a variable in env that has no name",
    ),
    (
        lambda e: e.mode not in INTERACTIVE_MODES,
        "has an exec plugin whose interactiveMode is not Never, IfAvailable or Always",
    ),
)


def mistake_of_cluster(cluster: Cluster) -> str:
    """The first mistake in a cluster's entry, or "" if the entry can be used."""
    return next((message for is_wrong, message in _CLUSTER if is_wrong(cluster)), "")


def mistake_of_user(user: User) -> str:
    """The first mistake in a user's entry, or "" if the entry can be used."""
    mistake = next((message for is_wrong, message in _USER if is_wrong(user)), "")
    if mistake or user.exec is None:
        return mistake
    return next((message for is_wrong, message in _EXEC if is_wrong(user.exec)), "")
