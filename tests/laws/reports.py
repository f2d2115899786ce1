"""Reports in which nothing can be trusted: any text at all as a name, a value or a message."""

from hypothesis import strategies as st
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import PodConfigMapConfigStatus, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Outcome, Result, StatusOutcome, StatusUpdate, Verb
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests.builders import change, condition, config_map, desired, outcome, problem

MARKUP = (
    "`",
    "``",
    "```\n",
    "~~~\n",
    "|",
    "\\|",
    "| --- |\n",
    "[a](http://a.example)",
    "![a](http://a.example/a.png)",
    "<http://a.example>",
    "www.a.example ",
    "http://a.example ",
    "a@a.example ",
    " @octocat ",
    " #123 ",
    " GH-1 ",
    " octo/repo#1 ",
    " !7 ",
    ":tada:",
    "</code>",
    "</summary></details>",
    "<details>",
    "<script>alert(1)</script>",
    "<!-- ",
    "-->",
    "<![CDATA[",
    "&lt;",
    "&#64;",
    "**",
    "_",
    "~~",
    "\n===\n",
    "\n---\n",
    "# ",
    "> ",
    "- [ ] ",
    "    ",
    "\\",
    "$`x`$",
    "{+a+}",
)
"""What Markdown, HTML, GitHub or GitLab would make something of."""
COMMANDS = (
    "##vso[task.prependpath]/opt/x",
    "##VSO[task.setvariable variable=a]b",
    "##[group]x",
    "##teamcity[buildStatus status='FAILURE']",
    "::error file=a::b",
    "\n::error::b",
    "\n  ::set-output name=a::b\n",
    " ::stop-commands::x",
    "::",
    "#",
    ":",
    "[",
    "vso[",
)
"""What a CI system obeys, whole and in parts."""
INVISIBLE = ("\ufe0f", "\u3164", "\u034f", "\u2800", "\u115f", "\uffa0", "\U000e0041", "\U000e0100")
EVIL = st.sampled_from(
    [
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x9b2J",
        "\r",
        "\x00",
        "\x7f",
        "\x85",
        "\u202e",
        "\u2066",
        "\u2028",
        "\ufeff",
        "\u200b",
        "\U000e0041",
        "\n",
        "\n\n",
        "a",
        " ",
        "--- a\n",
        ": ",
        *MARKUP,
        *COMMANDS,
        *INVISIBLE,
    ]
)
TEXTS = st.lists(EVIL | st.text(max_size=3), max_size=6).map("".join)
NAMES = st.just("shop") | TEXTS
DATA = st.dictionaries(TEXTS, TEXTS, max_size=3)


@st.composite
def planned(draw: st.DrawFn) -> Outcome:
    """Any outcome, whatever it is about."""
    owners = [
        OwnerReference(api_version=draw(TEXTS), kind=draw(TEXTS), name=draw(TEXTS), uid=draw(TEXTS))
        for _ in range(draw(st.integers(0, 2)))
    ]
    existing = config_map(
        owners=owners,
        data=draw(DATA),
        binary_data=draw(DATA),
        labels={"podconfig.example.com/generated-by-pcmc": draw(TEXTS)},
        annotations={"podconfig.example.com/pcmc-name": draw(TEXTS)},
    )
    verb = draw(st.sampled_from(Verb))
    of = change(
        verb,
        draw(st.sampled_from(Reason)),
        name=draw(NAMES),
        namespace=draw(NAMES),
        pod_name=draw(TEXTS),
        pcmc_name=draw(TEXTS),
        message=draw(TEXTS),
        existing=None if verb is Verb.CREATE else existing,
        wanted=None if verb in {Verb.DELETE, Verb.SKIP} else desired(data=draw(DATA)),
    )
    if draw(st.booleans()):
        of = replace(of, planned_reason=draw(st.sampled_from(Reason)), planned_message=draw(TEXTS))
    return outcome(
        draw(st.sampled_from(Result)), draw(st.sampled_from(Reason)), of=of, message=draw(TEXTS)
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    kind = draw(st.sampled_from(["Pod", "PodConfigMapConfig", "ConfigMap"]))
    return problem(kind, draw(TEXTS), namespace=draw(TEXTS), message=draw(TEXTS))


@st.composite
def statuses(draw: st.DrawFn) -> StatusOutcome:
    ready = condition(
        message=draw(TEXTS), reason=draw(TEXTS | st.sampled_from(["Synced", "InvalidSpec"]))
    )
    update = StatusUpdate(
        namespaced_name=NamespacedName(draw(NAMES), draw(NAMES)),
        uid="uid-1",
        resource_version="1",
        existing=PodConfigMapConfigStatus(),
        desired=PodConfigMapConfigStatus(conditions=(ready,)),
    )
    return StatusOutcome(
        update=update,
        result=draw(st.sampled_from(Result)),
        reason=draw(st.none() | st.sampled_from(Reason)),
        message=draw(TEXTS),
    )


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Any report: what its parts say need not fit together."""
    return Report(
        is_prediction=draw(st.booleans()),
        scope=Scope(
            namespaces=draw(st.none() | st.lists(NAMES, min_size=1, max_size=3).map(tuple))
        ),
        outcomes=tuple(draw(st.lists(planned(), max_size=3))),
        statuses=tuple(draw(st.lists(statuses(), max_size=2))),
        problems=tuple(draw(st.lists(problems(), max_size=2))),
        incomplete=dict.fromkeys(draw(st.lists(NAMES | st.just(""), max_size=2)), draw(TEXTS)),
    )
