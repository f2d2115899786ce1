"""With --redact no format holds a value, nor six characters of one; all else is as it was.

Values are planted wherever one can come from: labels, annotations, templates and their errors,
selectors, existing data and binaryData, others' annotations, objects that do not decode, and what
an API server says of them.
"""

import json
import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.finding import quote
from podcm_sync.api.objects import Condition, ConfigMap, PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason
from podcm_sync.output.document import as_json, as_yaml, document
from podcm_sync.output.markdown import markdown
from podcm_sync.output.redact import redacted
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import text
from podcm_sync.reconcile.changes import Answer, AnyOutcome, Result, Verb
from podcm_sync.reconcile.report import Report, exit_code, summary
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy, run
from podcm_sync.template.lazy import LazySandbox
from tests.builders import NOW, Json, config_map, manifest, pcmc, pod
from tests.documents import valid
from tests.fakes import FakeCluster, Write
from tests.laws.worlds import EVERYWHERE

PLANTED = re.compile("[QZXJKVW]{8,}")
"""What a planted value can be known by: no word of the project's is spelled so."""
plants = st.text("QZXJKVW", min_size=8, max_size=20)
values = st.builds(
    str.replace,
    st.sampled_from(
        [
            "$",
            "$\n$",
            "$\n",
            "\x1b[31m$",
            "`$`",
            '"$"',
            "<$>",
            " $ ",
            "{$: 1}",
            "error calling $: ",
            "; spec.$: must be text, not a whole number",
            "a: line 3: $",
            "<redacted-1>$",
        ]
    ),
    st.just("$"),
    plants,
)
templates = st.builds(
    lambda source, plant: {key: text.replace("$", plant) for key, text in source.items()},
    st.sampled_from(
        [
            {},
            {},
            {"t": "$ {{ .name }}"},
            {"t": "{{ .annotations.note }}"},
            {"t": "{{ fail .annotations.note }}"},
            {"t": '{{ fail "$" }}'},
            {"t": '{{ required "$" .labels.none }}'},
            {"t": "{{ fromJson .annotations.note | toJson }}"},
            {"t": '{{ index .labels 5 "$" }}'},
            {"t": "{{ atoi .annotations.note }}{{ div 1 (len .annotations.none) }}"},
            {"t": '{{ "$" | nosuchfunction }}'},
            {"t": '{{ $ "$" '},
            {"nodeName": "{{ .annotations.note }}"},
            {"phase": "$", "podName": "$$", "namespace": "a"},
        ]
    ),
    plants,
)
NODES = ("node-a", "node-b")


@st.composite
def worlds(draw: st.DrawFn) -> FakeCluster:
    pods = [
        pod(
            f"web-{number}",
            labels={"app": "web", "tier": draw(values)},
            annotations={"note": draw(values), "other": draw(values)},
            node_name=draw(st.sampled_from(NODES)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    status = PodConfigMapConfigStatus(
        conditions=(
            Condition(
                type="example.com/Audited",
                status="True",
                reason="Seen",
                message=draw(values),
                last_transition_time=NOW,
            ),
        )
    )
    configs = [
        pcmc(
            name,
            labels=["tier"],
            annotations=["note"],
            templates=draw(templates),
            match_labels=draw(st.sampled_from([{}, {}, {"app": draw(values)}, {"app": "web"}])),
            suspend=draw(st.integers(0, 9)) == 9,
            status=status,
        )
        for name in ("web", "api")[: draw(st.integers(1, 2))]
    ]
    made = [
        _existing(draw, config_map(made_for=each, made_by="web")) for each in pods if draw(flag)
    ]
    made += [_existing(draw, config_map(made_for=pod("gone"), made_by="web")) for _ in range(1)]
    cluster = FakeCluster(*pods, *configs, *made)
    if draw(st.integers(0, 4)) == 4:
        broken = manifest(pod("broken"))
        broken["spec"] = {"nodeName": [draw(values)]}
        broken["metadata"]["annotations"] = {draw(values): 5}
        cluster.add(broken)
    refusal = draw(st.none() | st.tuples(st.sampled_from(REFUSALS), values))
    is_quoted = draw(flag)

    def before_write(write: Write) -> Answer | None:
        if refusal is None or "web-1" in write.name.name:
            return None
        (reason, code), value = refusal
        message = f'admission webhook denied: data.tier: Invalid value: "{value}"'
        return Answer(
            result=Result.FAILED,
            reason=reason,
            code=code,
            message=message,
            quoted=quote(value) if is_quoted else None,
        )

    cluster.before_write = before_write
    lost = draw(st.none() | values)
    if lost is not None and draw(st.integers(0, 3)) == 3:
        message = f"cannot list pods in namespace shop: HTTP 500: {lost}"
        cluster.before_list = lambda kind, _: message if kind == "Pod" else None
        if is_quoted:
            cluster.quoted = {message: quote(lost)}
    return cluster


flag = st.booleans()
REFUSALS = (
    (Reason.REJECTED, 422),
    (Reason.FORBIDDEN, 403),
    (Reason.SERVER_ERROR, 500),
    (Reason.CONFLICT, 409),
    (Reason.UNREACHABLE, None),
)


def _existing(draw: st.DrawFn, raw: ConfigMap) -> Json:
    """A ConfigMap with values of its own, in all the places that have some."""
    content: Json = manifest(raw)
    content["data"] |= {"label_tier": draw(values), draw(st.sampled_from(KEYS)): draw(values)}
    if draw(flag):
        content["binaryData"] = {"blob": draw(plants)}
    content["metadata"]["annotations"] |= {"kubectl/last-applied": draw(values)}
    content["metadata"]["labels"] |= {"others": draw(plants)}
    if draw(st.integers(0, 7)) == 7:
        content["data"] = {"number": [draw(values)]}
    return content


KEYS = ("podName", "namespace", "nodeName", "phase", "more")


def report_of(cluster: FakeCluster, *, is_dry: bool) -> Report:
    return run(
        EVERYWHERE,
        cluster,
        None if is_dry else cluster,
        Policy(concurrency=1),
        now=NOW,
        renderer=SANDBOX,
    )


SANDBOX = LazySandbox()


def every_format(report: Report) -> Sequence[str]:
    """What any option could show of a report."""
    content = document(report, exit_code=exit_code(report), run_id="0123456789")
    return [
        *(
            text(
                report,
                style=Style(is_colored=verbose, columns=width),
                is_verbose=verbose,
                is_full_diff=full,
            )
            for verbose in (False, True)
            for full in (False, True)
            for width in (None, 80)
        ),
        as_json(content),
        as_json(content, is_one_line=True),
        as_yaml(content),
        markdown(report, exit_code=exit_code(report)),
        markdown(report, exit_code=exit_code(report), max_bytes=4_000),
        repr(report),
    ]


@given(cluster=worlds(), is_dry=flag)
def test_no_format_holds_six_characters_of_a_value(cluster: FakeCluster, is_dry: bool) -> None:
    report = report_of(cluster, is_dry=is_dry)
    for shown in every_format(redacted(report)):
        assert re.findall("[QZXJKVW]{6,}", shown) == []


@given(cluster=worlds(), is_dry=flag)
def test_all_but_values_and_messages_is_as_it_was(cluster: FakeCluster, is_dry: bool) -> None:
    report = report_of(cluster, is_dry=is_dry)
    masked = redacted(report)
    assert summary(masked) == summary(report)
    for options in ({}, {"changes_are_1": True}, {"tolerate_object_failures": True}):
        assert exit_code(masked, **options) == exit_code(report, **options)
    assert [_outline(each) for each in masked.outcomes] == [_outline(x) for x in report.outcomes]
    assert masked.incomplete.keys() == report.incomplete.keys()
    assert [(x.kind, x.namespaced_name, x.reason) for x in masked.problems] == [
        (x.kind, x.namespaced_name, x.reason) for x in report.problems
    ]
    for after, before in zip(masked.statuses, report.statuses, strict=True):
        assert (after.result, after.reason) == (before.result, before.reason)
        stamped = [(x.type, x.status, x.reason) for x in before.update.desired.conditions]
        assert [(x.type, x.status, x.reason) for x in after.update.desired.conditions] == stamped
    content = document(masked, exit_code=exit_code(masked), run_id="0123456789")
    assert valid(json.loads(as_json(content)))["redacted"] is True


def _outline(outcome: AnyOutcome) -> object:
    change = outcome.change
    return (
        outcome.result,
        outcome.reason,
        outcome.code,
        change.verb,
        change.namespaced_name,
        change.pod_name,
        change.pcmc_name,
        change.reason,
        change.planned_reason,
    )


@given(cluster=worlds())
def test_equal_values_have_one_mask_and_others_another(cluster: FakeCluster) -> None:
    """And the keys stay, so that a diff says what would change."""
    report = report_of(cluster, is_dry=True)
    seen: dict[str, str] = {}
    for before, after in zip(report.outcomes, redacted(report).outcomes, strict=True):
        if before.change.verb is Verb.KEEP:
            continue
        for old, new in (
            (before.change.existing, after.change.existing),
            (before.change.desired, after.change.desired),
        ):
            if old is None or new is None:
                assert old is new is None
                continue
            assert old.data.keys() == new.data.keys()
            for key, value in old.data.items():
                if new.data[key].startswith("<redacted-") and not value.startswith("<redacted-"):
                    assert seen.setdefault(value, new.data[key]) == new.data[key]
    assert len(set(seen.values())) == len(seen)


def test_the_plants_would_be_seen() -> None:
    """The law must be able to fail: without redaction they are there."""
    cluster = FakeCluster(pod(annotations={"note": "QZXJKVWQ"}), pcmc(annotations=["note"]))
    report = run(Scope(namespaces=None), cluster, None, Policy(), now=NOW)
    assert all(PLANTED.search(shown) for shown in every_format(report))
