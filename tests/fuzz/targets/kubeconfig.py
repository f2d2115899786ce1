"""Any bytes as a kubeconfig: a connection that could be made, or a plain error without a secret."""

import re
import tempfile
from pathlib import Path

from podcm_sync.cluster.kube import client_config
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.errors import ClusterError, InputError
from podcm_sync.runtime.masking import MIN_LENGTH, masker

SECRET = b"QZXJKVWQ"
"""Stands in the file wherever the input has a dollar sign."""
IN_A_SECRET_PLACE = re.compile(
    rb"\n {4}(token|password|client-key-data): " + SECRET + rb"\n", re.DOTALL
)
USERS = re.compile(rb"\nusers:\n- name: x\n  user:\n")


def test_one_input(data: bytes) -> None:
    content = data.replace(b"$", SECRET)
    # What the process knows of earlier inputs.
    masker._values, masker._pattern = frozenset(), None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kubeconfig")
        path.write_bytes(content)
        try:
            target = client_config.load(str(path), None)
            _connect(target)
        except (ClusterError, InputError) as error:
            shown = masker.mask_message(str(error))
            assert shown
            assert not _holds_secret(content) or SECRET.decode() not in shown


def _connect(target: client_config.Target) -> None:
    """Log in, and make a connection ready; nothing is sent."""
    user = target.user
    assert all(map(_is_masked, (user.token, user.password, user.client_key_data)))
    if user.exec is not None or user.token_file or user.client_certificate or user.client_key:
        return  # any command and any file of this machine
    connection = Connection(lambda: target, connections=1, request_timeout=None)
    connection._transport._handle().curl.close()


def _is_masked(secret: str) -> bool:
    secret = secret.strip()
    return len(secret) < MIN_LENGTH or secret not in masker.mask(f"before {secret} after")


def _holds_secret(content: bytes) -> bool:
    """Whether the planted value is surely a credential: in block style, in a user's entry."""
    return bool(USERS.search(content) and IN_A_SECRET_PLACE.search(content))
