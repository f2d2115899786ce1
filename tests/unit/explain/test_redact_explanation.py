"""An explanation masked: what each part keeps, and what it loses."""

from msgspec.structs import replace

from podcm_sync.api.finding import quote
from podcm_sync.api.meta import KIND
from podcm_sync.api.reasons import Reason, ReasonClass
from podcm_sync.explain.explanation import (
    CONFIG_MAP,
    POD,
    ConfigFacts,
    ConfigMapFacts,
    Explanation,
    HeldBack,
    Verdict,
)
from podcm_sync.explain.redact_explanation import redacted
from podcm_sync.template.lazy import LazySandbox
from tests.builders import condition, config_map, pcmc, pod
from tests.explanations import explanation_of

WITHHELD = "(details withheld by --redact)"
LABELS = {"app": "s3cret", "tier": "x"}


def test_equal_values_have_one_mask_in_labels_and_requirements() -> None:
    asked = pcmc(match_labels={"app": "s3cret"}, match_expressions=[("tier", "In", ["y", "x"])])
    masked = redacted(explanation_of(POD, "web-0", pod(labels=LABELS), asked))
    assert masked.pod is not None
    assert masked.pod.labels == {"app": "<redacted-1>", "tier": "<redacted-2>"}
    app, tier = masked.verdicts[0].requirements
    assert (app.values, app.actual) == (("<redacted-1>",), "<redacted-1>")
    assert (tier.values, tier.actual) == (("<redacted-3>", "<redacted-2>"), "<redacted-2>")


def test_a_configs_selector_keeps_its_keys_and_operators() -> None:
    expressions = [("tier", "NotIn", ["a", ""]), ("a.b/c_d", "Exists", [])]
    asked = pcmc(match_labels={"app": "s3cret"}, match_expressions=expressions)
    config = redacted(explanation_of(KIND, "web", asked)).pod_config_map_config
    assert config is not None
    assert tuple(map(str, config.selector)) == (
        "app=<redacted-1>",
        "tier NotIn [<redacted-2>, <redacted-3>]",
        "a.b/c_d Exists",
    )


def test_facts_and_our_own_words_stay() -> None:
    objects = pod(labels={"app": "other"}), pcmc(match_labels={"app": "web"}), config_map()
    plain = explanation_of(CONFIG_MAP, "pod-web-0-from-web-cfg", *objects, max_prune=("0",))
    masked = redacted(plain)
    assert masked.verdicts[0].message == plain.verdicts[0].message
    assert masked.verdicts[0].held_back == plain.verdicts[0].held_back is not None
    assert masked.config_map == plain.config_map
    assert masked.pod is not None
    assert (masked.pod.uid, masked.pod.phase) == (pod().uid, "Running")


def test_a_templates_error_keeps_its_place() -> None:
    config = pcmc(templates={"url": '{{ fail "s3cret" }}'})
    masked = redacted(explanation_of(POD, "web-0", pod(), config, renderer=LazySandbox()))
    said = f'template "url": line 1, column 3: error calling fail {WITHHELD}'
    assert masked.verdicts[0].message == said
    whole = redacted(explanation_of(KIND, "web", pod(), config, renderer=LazySandbox()))
    assert whole.pod_config_map_config is not None
    assert whole.pod_config_map_config.ready_planned is not None
    assert whole.pod_config_map_config.ready_planned.message == WITHHELD


def test_what_others_wrote_is_withheld_wherever_it_stands() -> None:
    """A stored condition, a ConfigMap that does not decode, a list that did not complete."""
    lost = "cannot list pods in namespace shop: HTTP 500: s3cret"
    verdict = Verdict(
        pod="web-0",
        pod_config_map_config="web",
        config_map="pod-web-0-from-web-cfg",
        exists=False,
        reason=Reason.INCOMPLETE,
        kind=ReasonClass.API,
        message=lost,
    )
    refused = HeldBack(reason=Reason.TEMPLATE_FAILED, message="s3cret")
    masked = redacted(
        Explanation(
            kind=CONFIG_MAP,
            namespace="shop",
            name="pod-web-0-from-web-cfg",
            exists=True,
            pod_config_map_config=ConfigFacts(
                name="web", exists=True, ready=condition(reason="Other", message="s3cret")
            ),
            config_map=ConfigMapFacts(name="a", exists=True, problem="data: s3cret"),
            verdicts=(verdict, replace(verdict, held_back=refused)),
            incomplete=lost,
            quoted={lost: quote("HTTP 500: s3cret", "HTTP 500")},
        )
    )
    assert "s3cret" not in repr(masked)
    said = f"cannot list pods in namespace shop: HTTP 500 {WITHHELD}"
    assert masked.incomplete == masked.verdicts[0].message == said
