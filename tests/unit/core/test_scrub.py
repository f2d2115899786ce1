"""What stays of a message that may quote a value: what is certainly ours."""

import pytest

from podcm_sync.core import scrub
from podcm_sync.errors import ClusterError, InputError

W = "(details withheld by --redact)"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", ""),
        ("s3cret", W),
        (
            'template "url": line 2, column 3: executing "x" at <fail .a>: error calling fail: s3c',
            f'template "url": line 2, column 3: error calling fail {W}',
        ),
        (
            'template "url": line 2: executing "x" at <s3cret>: error calling s3cret: no',
            f'template "url": line 2: {W}',
        ),
        (
            'template "a\\"b: s3cret": took too long',
            f'template "a\\"b: s3cret": {W}',
        ),
        (
            'spec.configMapDataTemplate["url"]: line 1: function "s3cret" not defined; spec.a: s3c',
            f'spec.configMapDataTemplate["url"]: line 1: {W}',
        ),
        (
            'spec.podSelector.matchExpressions[0].values: "s3 cret" is not a label value',
            f"spec.podSelector.matchExpressions[0].values: {W}",
        ),
        (
            "shop/web.yaml:12: spec.nodeName: must be of type `str`, not `int`",
            f"shop/web.yaml:12: spec.nodeName: must be of type `str`, not `int` {W}",
        ),
        (
            "its Pod cannot be decoded: metadata.labels[...]: must be of type `str`, not `int`",
            "its Pod cannot be decoded: metadata.labels[...]: must be of type `str`, not `int` "
            + W,
        ),
        ("JSON is malformed: s3cret", W),
        (
            'template "t": line 1: s3cret: must be of type `str`, not `int`',
            f'template "t": line 1: {W}',
        ),
    ],
)
def test_place_and_type_stay_and_all_else_goes(message: str, expected: str) -> None:
    assert scrub.scrubbed(message) == expected


def test_a_refusal_keeps_its_code() -> None:
    assert scrub.refusal('Invalid value: "s3cret"', 422) == f"HTTP 422 {W}"
    assert scrub.refusal("no answer: s3cret", None) == W
    assert scrub.refusal("", 200) == ""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "no right to list pods in namespace team: s3cret; grant",
            "no right to list pods in namespace team " + W,
        ),
        ("cannot list pods: HTTP 500: s3cret", f"cannot list pods: HTTP 500 {W}"),
        ("cannot list pods: s3cret: HTTP 500", f"cannot list pods {W}"),
        ("s3cret", W),
    ],
)
def test_a_list_keeps_what_it_was_of(message: str, expected: str) -> None:
    assert scrub.list_failure(message) == expected


def test_an_error_loses_what_it_quotes() -> None:
    quoting = InputError("a.yaml:3: does not parse as YAML: 's3cret'", quoted="'s3cret'")
    assert scrub.failure(quoting) == f"a.yaml:3: does not parse as YAML: {W}"
    assert scrub.failure(ClusterError("cannot reach https://a")) == "cannot reach https://a"
    assert scrub.failure(KeyError("s3cret")) == W
