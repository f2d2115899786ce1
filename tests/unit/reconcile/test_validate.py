"""The validation of a run gives the same verdicts as the API server (behavior.md §1)."""

import msgspec
import pytest
from msgspec.structs import replace

from podcm_sync.api.decode_json import decode_config
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.validate import (
    findings,
    is_data_key,
    is_label_value,
    is_namespace,
    is_qualified_name,
    is_subdomain,
)
from tests.builders import pcmc
from tests.controlplane.crd_case import OMITTED, Case
from tests.controlplane.crd_cases import CASES


def with_spec(spec: object) -> PodConfigMapConfig:
    """A config with this spec, as if the server had stored it before the CRD had rules."""
    config = {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1},
    }
    return decode_config(
        msgspec.json.encode(config if spec is OMITTED else config | {"spec": spec})
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_the_verdict_is_the_api_servers(case: Case) -> None:
    """tests/controlplane/test_crd.py sends the same specs to a real server."""
    problems = spec_findings(with_spec(case.spec))
    assert (not problems) is case.accepted, problems


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ([], "spec"),
        ({"suspend": "yes"}, "spec.suspend"),
        ({"podSelector": {"app": "web"}}, "spec.podSelector"),
        ({"podSelector": {"matchLabels": {"my app": "x"}}}, "spec.podSelector.matchLabels"),
        ({"podSelector": {"matchLabels": {"a": "b c"}}}, 'spec.podSelector.matchLabels["a"]'),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "in"}]}},
            "spec.podSelector.matchExpressions[0].operator",
        ),
        ({"labelsToInclude": ["a/b/c"]}, "spec.labelsToInclude"),
        ({"labelsToInclude": [1]}, "spec.labelsToInclude[0]"),
        ({"annotationsToInclude": ["a/b/c"]}, "spec.annotationsToInclude"),
        ({"configMapDataTemplate": {"a b": "x"}}, "spec.configMapDataTemplate"),
    ],
)
def test_a_problem_begins_with_the_field_that_has_it(spec: object, field: str) -> None:
    first, *_ = spec_findings(with_spec(spec))
    assert str(first).startswith(f"{field}: ")


def test_all_that_is_wrong_is_said_at_once() -> None:
    config = pcmc(labels=["a b"], annotations=["c d"], match_labels={"e f": "x"})
    assert config.spec is not None
    assert [finding.path for finding in findings(config.spec)] == [
        "spec.podSelector.matchLabels",
        "spec.labelsToInclude",
        "spec.annotationsToInclude",
    ]


def stored(spec: object) -> PodConfigMapConfig:
    """A config with this spec in a list of an API server."""
    return replace(with_spec(spec), is_stored=True)


def requiring(operator: str) -> dict[str, object]:
    return {"podSelector": {"matchExpressions": [{"key": "a", "operator": operator}]}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"maxPods": 3}, "spec: field `maxPods` is newer than this version of podcm-sync"),
        (
            {"podSelector": {"matchFields": []}},
            "spec.podSelector: field `matchFields` is newer than this version of podcm-sync",
        ),
        (
            requiring("Gt"),
            (
                'spec.podSelector.matchExpressions[0].operator: operator "Gt" is newer than this '
                "version of podcm-sync"
            ),
        ),
    ],
)
def test_what_only_a_newer_crd_can_have_stored_is_newer(spec: object, message: str) -> None:
    """behavior.md §1, a CRD that is newer than podcm-sync; in a manifest it is a mistake."""
    (finding,) = spec_findings(stored(spec))
    assert (str(finding), finding.reason) == (message, Reason.NEWER_SPEC)
    (finding,) = spec_findings(with_spec(spec))
    assert finding.reason is Reason.INVALID_SPEC
    assert "newer" not in str(finding)


def test_beside_what_is_newer_no_other_finding_counts() -> None:
    spec = {"labelsToInclude": ["a b"], **requiring("Gt")}
    (finding,) = spec_findings(stored(spec))
    assert finding.reason is Reason.NEWER_SPEC
    assert len(spec_findings(with_spec(spec))) == 2


@pytest.mark.parametrize("spec", [requiring("in"), requiring(""), {"labelsToInclude": "app"}])
def test_a_stored_mistake_is_not_newer(spec: object) -> None:
    """It can be older than the CRD's rules."""
    assert {each.reason for each in spec_findings(stored(spec))} == {Reason.INVALID_SPEC}


def test_a_message_repeats_no_more_than_a_readable_part_of_a_long_key() -> None:
    config = pcmc(labels=["k" * 9_000])
    assert config.spec is not None
    assert all(len(str(finding)) < 400 for finding in findings(config.spec))


def test_a_valid_spec_has_no_problem() -> None:
    assert spec_findings(pcmc(labels=["app"], match_expressions=[("tier", "Exists", ())])) == ()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("app", True),
        ("app.kubernetes.io/name", True),
        ("n" * 63, True),
        ("n" * 64, False),
        (f"{'p' * 253}/n", True),
        (f"{'p' * 254}/n", False),
        ("", False),
        ("/name", False),
        ("prefix/", False),
        ("a/b/c", False),
        ("-app", False),
        ("app.", False),
        ("Prefix/app", False),
        ("app\n", False),
        ("café", False),
        ("٣", False),
    ],
)
def test_is_qualified_name(key: str, expected: bool) -> None:
    assert is_qualified_name(key) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", True),
        ("web", True),
        ("A_b.C-9", True),
        ("v" * 63, True),
        ("v" * 64, False),
        ("-web", False),
        ("web-", False),
        ("a b", False),
        ("a/b", False),
        ("web\n", False),
        ("é", False),
    ],
)
def test_is_label_value(value: str, expected: bool) -> None:
    assert is_label_value(value) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web-0", True),
        ("a.b-c.d", True),
        ("0", True),
        ("n" * 253, True),
        ("n" * 254, False),
        ("", False),
        ("Web", False),
        ("web_0", False),
        ("web.", False),
        (".web", False),
        ("a..b", False),
        ("a.-b", False),
        ("a-.b", False),
        ("../etc", False),
        ("a/b", False),
        ("web\n", False),
    ],
)
def test_is_subdomain(name: str, expected: bool) -> None:
    assert is_subdomain(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", True),
        ("n" * 63, True),
        ("n" * 64, False),
        ("a.b", False),
        ("", False),
        ("Shop", False),
        ("-shop", False),
        (5, False),
        (None, False),
    ],
)
def test_is_namespace(name: object, expected: bool) -> None:
    """A DNS-1123 label."""
    assert is_namespace(name) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("podName", True),
        ("label_app.kubernetes.io_name", True),
        (".hidden", True),
        ("-", True),
        ("a..b", True),
        ("k" * 253, True),
        ("k" * 254, False),
        ("", False),
        (".", False),
        ("..", False),
        ("..x", False),
        ("a/b", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_is_data_key(key: str, expected: bool) -> None:
    assert is_data_key(key) is expected
