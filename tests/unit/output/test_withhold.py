"""What stays of a message that may quote a value: all but the quotes that it names."""

import signal

import msgspec
import pytest
from msgspec.structs import replace

from podcm_sync.api import decode_json
from podcm_sync.api.finding import Finding, MalformedError, Quote, Quotes, quote
from podcm_sync.cluster.kube.pager import ListError
from podcm_sync.errors import ClusterError, InputError, Interrupted
from podcm_sync.output.withhold import withheld, withheld_error, withheld_finding
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.validate import findings
from podcm_sync.template import messages
from tests.builders import pcmc

W = "(details withheld by --redact)"


@pytest.mark.parametrize(
    ("message", "quoted", "expected"),
    [
        ("", None, ""),
        ("", (), ""),
        ("s3cret", None, W),
        ("our own words", (), "our own words"),
        ("a: s3cret is wrong", quote("s3cret"), f"a: {W} is wrong"),
        ("s3cret and s3cret", quote("s3cret"), f"{W} and {W}"),
        ("a: s3", quote("s3cret"), W),
        ("cannot: HTTP 500: s3", quote("HTTP 500: s3", "HTTP 500"), f"cannot: HTTP 500 {W}"),
        ("a s3cret b s3", (Quote("s3"), Quote("s3cret")), f"a {W} b {W}"),
        ("s3cret: withheld", (Quote("s3cret"), Quote("withheld")), f"{W}: {W}"),
    ],
)
def test_quotes_go_and_all_else_stays(message: str, quoted: Quotes, expected: str) -> None:
    assert withheld(message, quoted) == expected


def failure(message: str, called: str = "") -> messages.Failure:
    return messages.Failure(
        key='a"b: s3cret',
        line=2,
        column=3,
        message=message,
        hint="write s3cret",
        called=called,
        is_too_large=False,
    )


def test_a_templates_failure_keeps_its_place_and_the_function() -> None:
    said = 'executing "x" at <fail .a>: error calling fail: s3c'
    found = messages.failed(failure(said, "fail"))
    place = r'template "a\"b: s3cret": line 2, column 3'
    assert str(found) == f"{place}: {said} (hint: write s3cret)"
    assert withheld(str(found), found.quotes) == f"{place}: error calling fail {W}"
    unknown = messages.failed(failure('executing "x" at <s3cret>: no'))
    assert withheld(str(unknown), unknown.quotes) == f"{place}: {W}"


def test_a_finding_keeps_its_path_and_loses_its_hint() -> None:
    found = messages.finding(failure('function "s3cret" not defined; spec.a: s3c'))
    path = r'spec.configMapDataTemplate["a\"b: s3cret"]'
    assert withheld(str(found), found.quotes) == f"{path}: line 2, column 3: {W}"
    shown = withheld_finding(found)
    assert (shown.path, shown.message, shown.hint) == (path, f"line 2, column 3: {W}", "")


def test_a_finding_that_does_not_say_what_it_quotes_keeps_its_path_alone() -> None:
    found = Finding(path="spec.a", message="s3cret")
    assert str(withheld_finding(found)) == withheld(str(found), found.quotes) == f"spec.a: {W}"


def test_a_key_that_the_decoder_hid_is_a_quote_in_the_path_too() -> None:
    quoted = (*quote("5"), *quote('["s3cret"]'))
    found = Finding(path='metadata.annotations["s3cret"]', message="5 is a number", quoted=quoted)
    assert str(withheld_finding(found)) == f"metadata.annotations{W}: {W} is a number"


def test_a_value_that_is_a_key_of_the_path_too_is_a_quote_in_both() -> None:
    config = pcmc(match_labels={"s3 cret": "s3 cret"})
    assert config.spec is not None
    for found in findings(config.spec):
        assert "s3 cret" not in str(withheld_finding(found))
        assert "s3 cret" not in withheld(str(found), found.quotes)


def test_a_value_of_a_spec_is_a_quote_and_what_to_write_is_none() -> None:
    config = pcmc(match_expressions=[("a", "In", ["s3 cret"])])
    assert config.spec is not None
    (found,) = findings(config.spec)
    path = "spec.podSelector.matchExpressions[0].values"
    shown = withheld(str(found), found.quotes)
    assert shown.startswith(f"{path}: {W} is not a label value: write letters")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"nodeName": 5}', "spec.nodeName: must be text, not a whole number"),
        (b"[]", "spec: must be a mapping, not a list"),
        (b'{"nodeName": s3cret}', W),
    ],
)
def test_what_does_not_decode_says_where_and_of_what_type(body: bytes, expected: str) -> None:
    pod = b'{"metadata": {"name": "a"}, "spec": %s}' % body
    with pytest.raises(MalformedError) as raised:
        decode_json.decode_pod(pod)
    finding = raised.value.finding
    assert withheld(str(finding), finding.quotes) == expected


def test_an_unknown_field_is_a_quote() -> None:
    spec = {"s3cret": 1}
    body = msgspec.json.encode({"metadata": {"name": "a"}, "spec": spec})
    found = decode_json.decode_config(body).spec_error
    assert found is not None
    assert withheld(str(found), found.quotes) == f"spec: unknown field {W}"
    (stored,) = spec_findings(replace(decode_json.decode_config(body), is_stored=True))
    newer = "is newer than this version of podcm-sync"
    assert withheld(str(stored), stored.quotes) == f"spec: field {W} {newer}"


def test_an_error_loses_what_it_quotes() -> None:
    quoting = InputError("a.yaml:3: does not parse as YAML: 's3cret'", quoted="'s3cret'")
    assert withheld_error(quoting) == f"a.yaml:3: does not parse as YAML: {W}"
    assert withheld_error(ClusterError("cannot reach https://a")) == "cannot reach https://a"
    assert withheld_error(KeyError("s3cret")) == W
    assert "by SIGTERM; nothing" in withheld_error(Interrupted(signal.SIGTERM))
    lost = ListError("no right to list pods: s3cret; grant", quote("s3cret"))
    assert withheld_error(lost) == f"no right to list pods: {W}; grant"
