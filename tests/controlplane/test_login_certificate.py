"""Client certificates, as kind, minikube and kubeadm hand them out (§7: kubectl's habits)."""

from base64 import b64encode
from pathlib import Path

import pytest
import trustme

from tests import command
from tests.controlplane.accounts import with_user
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config

USER = "jane"


def issued(authority: trustme.CA) -> tuple[bytes, bytes]:
    """A certificate of an administrator, and its key: the user is CN, the group O."""
    # Go refuses the empty list of names that a certificate without any would have.
    leaf = authority.issue_cert(USER, common_name=USER, organization_name="system:masters")
    return leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes()


def data(certificate: bytes, key: bytes) -> dict[str, str]:
    return {
        "client-certificate-data": b64encode(certificate).decode(),
        "client-key-data": b64encode(key).decode(),
    }


@pytest.mark.parametrize("is_file", [False, True])
def test_a_certificate_is_who_we_are(  # noqa: PLR0917 - fixtures
    api: Api,
    audit: Audit,
    control_plane: ControlPlane,
    namespace: str,
    kubeconfig: Path,
    is_file: bool,
) -> None:
    """Data in the kubeconfig, or files named relative to it; no token is sent."""
    make_config(api, namespace)
    certificate, key = issued(control_plane.client_ca)
    if is_file:
        kubeconfig.with_name("jane.crt").write_bytes(certificate)
        kubeconfig.with_name("jane.key").write_bytes(key)
        user = {"client-certificate": "jane.crt", "client-key": "jane.key"}
    else:
        user = data(certificate, key)
    with_user(kubeconfig, **user)
    mark = audit.mark()
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stderr.count("\n")) == (0, 1), done
    events = audit.since(mark, user=USER)
    assert {event.verb for event in events} >= {"list", "patch"}


def test_a_certificate_of_another_authority_is_no_login(
    control_plane: ControlPlane, kubeconfig: Path
) -> None:
    with_user(kubeconfig, **data(*issued(trustme.CA())))
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (5, "")
    error = command.error_of(done)
    assert control_plane.server in error
    assert "credentials" in error


def test_a_key_of_another_certificate_is_unusable_input(
    control_plane: ControlPlane, kubeconfig: Path
) -> None:
    certificate, _ = issued(control_plane.client_ca)
    _, key = issued(control_plane.client_ca)
    with_user(kubeconfig, **data(certificate, key))
    done = command.run(kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (2, "")
    assert "certificates" in command.error_of(done)
