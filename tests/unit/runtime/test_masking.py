"""The masker hides credentials in every form in which somebody can quote them."""

import base64
import json
from urllib.parse import quote

import pytest

from podcm_sync.runtime.masking import MASK, Masker

TOKEN = 's3cret/t0ken+of=the "user"'  # noqa: S105 - nobody's
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.fixture
def masker() -> Masker:
    created = Masker()
    created.add(TOKEN)
    return created


@pytest.mark.parametrize(
    "quoted",
    [
        TOKEN,
        json.dumps({"header": f"Bearer {TOKEN}"}),
        f"https://host/?token={quote(TOKEN, safe='')}",
        base64.b64encode(TOKEN.encode()).decode(),
        f"{TOKEN}{TOKEN}",
    ],
)
def test_no_form_of_a_value_is_left(masker: Masker, quoted: str) -> None:
    shown = masker.mask(f"before {quoted} after")
    for part in ("s3cret", "t0ken", quoted):
        assert part not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_of_a_basic_header_the_password_counts_too() -> None:
    masker = Masker()
    masker.add_header("Basic " + base64.b64encode(b"admin:passw0rd").decode())
    assert masker.mask("admin passw0rd YWRtaW46cGFzc3cwcmQ=") == f"admin {MASK} {MASK}"


def test_a_longer_value_is_masked_whole_though_a_shorter_one_begins_it() -> None:
    masker = Masker()
    masker.add("secret-1")
    masker.add("secret-1-and-more")
    assert masker.mask("secret-1-and-more") == MASK


def test_every_line_of_a_key_is_masked_given_as_base64_or_not() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----"
    for secret in (pem, base64.b64encode(pem.encode()).decode()):
        masker = Masker()
        masker.add(secret)
        assert masker.mask("kqhkiG9w0BAQEF") == MASK


@pytest.mark.parametrize("value", ["", "a", "token", " \n"])
def test_what_is_a_part_of_ordinary_words_is_not_masked(value: str) -> None:
    masker = Masker()
    masker.add(value)
    assert masker.mask("a token in a line\n") == "a token in a line\n"


@pytest.mark.parametrize(
    "message",
    [
        "Authorization: Bearer abcdefghijklmnopqrstuvwx",
        "missing key 'status'. plugin output: '{\"token\": \"abcdef\"}'",
        "{'user': {'password': 'abcdef', 'client-key-data': 'abcdef'}}",
        "{'refresh-token': \"abcdef\"}",
        f"got {JWT}",
        "-----BEGIN EC PRIVATE KEY-----\nabcdef\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nabcdef",
    ],
)
def test_of_a_message_what_looks_like_a_credential_goes_too(message: str) -> None:
    shown = Masker().mask_message(message)
    assert "abcdef" not in shown
    assert JWT not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "message",
    [
        "basic authentication is not supported",
        "check the user of the context (token, exec plugin or client certificate)",
        "the token has characters that no header can have",
        "'tokenFile': '/var/run/token'",
    ],
)
def test_a_message_that_speaks_of_credentials_stays(message: str) -> None:
    assert Masker().mask_message(message) == message
