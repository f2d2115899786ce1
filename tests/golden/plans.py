"""Six runs that together have something of everything; `formats/` shows each in each format."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from podcm_sync.api.finding import quote
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Answer, Result, SyncPolicy
from podcm_sync.reconcile.prune import parse_limit
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy, run
from podcm_sync.template.lazy import LazySandbox
from tests.builders import NOW, Object, config_map, manifest, newer_pcmc, owner, pcmc, pod
from tests.fakes import FakeCluster, Write

PROPERTIES = "server.port=8080\nserver.host=web-1\nlog.level=info\n"
WEB = {"app": "web"}


def every_verb() -> Report:
    """Create, update, delete, keep and two skips; values of one line and of several."""
    kept, drifted, new, other = (pod(f"web-{n}", labels=WEB) for n in range(4))
    new = replace(new, annotations={"example.com/conf": PROPERTIES}, node_name="", phase="Pending")
    drifted = replace(drifted, annotations={"example.com/conf": PROPERTIES})
    other = replace(other, labels={"app": "other"})
    key = "annotation_example.com_conf"
    return _dry(
        *(kept, drifted, new, other),
        pcmc(match_labels=WEB, annotations=["example.com/conf"]),
        pcmc("old", suspend=True),
        config_map(made_for=kept),
        config_map(
            made_for=drifted,
            more_data={key: PROPERTIES.replace("8080", "80"), "added": "by hand"},
            binary_data={"blob": "AAECAw=="},
        ),
        config_map(made_for=other),
        config_map(made_for=pod("web-9")),
        config_map(made_for=kept, made_by="old"),
        config_map(
            made_for=other,
            made_by="gone",
            annotations={"podconfig.example.com/prune": "disabled"},
        ),
    )


def held_back() -> Report:
    """Three deletions where one is allowed; an orphan counts, one that a Pod owns does not."""
    pods = [pod(f"web-{n}", labels=WEB if n == 0 else {}) for n in range(3)]
    return _dry(
        *pods,
        pcmc(match_labels=WEB),
        *(config_map(made_for=each) for each in pods[1:]),
        config_map(made_for=pod("web-8"), made_by="gone"),
        config_map(made_for=pod("web-9"), made_by="gone", owners=[]),
        policy=Policy(max_prune=(parse_limit("1"),)),
    )


def problems() -> Report:
    """What cannot be read, means nothing, is in the way, fails, or did not come."""
    pods = [pod(f"web-{n}", labels=WEB, annotations={"note": "s3cret"}) for n in range(3)]
    lost = manifest(pod("web-8", labels=WEB))
    lost["spec"] = {"nodeName": 5}
    cluster = FakeCluster(
        *pods,
        lost,
        pod("api-0", namespace="team"),
        pcmc(match_labels=WEB),
        pcmc(
            "templated",
            match_labels=WEB,
            templates={"url": 'http://{{ .name }}\n{{ fail (printf "no %s" .annotations.note) }}'},
        ),
        pcmc("typo", templates={"url": "{{ .name "}),
        pcmc("wrong", match_expressions=[("app", "in", ["web"]), ("tier", "Exists", ["x"])]),
        pcmc("garbage", spec_error="it is a list"),
        newer_pcmc("newer"),
        pcmc("api", namespace="team"),
        config_map(made_for=pods[0], labels={"podconfig.example.com/pod-uid": None}),
        config_map(made_for=pods[1], immutable=True, more_data={"phase": "Pending"}),
        config_map(made_for=pod("api-9", namespace="team"), made_by="api"),
    )
    refusal = 'pods is forbidden: User "ci" cannot list resource'
    message = (
        f"no right to list pods in namespace team: {refusal}; grant the verb list on pods "
        "(deploy/rbac.yaml)"
    )
    cluster.before_list = lambda kind, namespace: (
        message if (kind, namespace) == ("Pod", "team") else None
    )
    cluster.quoted = {message: quote(refusal)}
    return _run(cluster, Scope(namespaces=("shop", "team")))


def hostile() -> Report:
    """Values that would be more than text, long and wide ones, and names at their limits."""
    values = {
        "ansi": "\x1b[2J\x1b[31mred\a\x1b]0;title\x07",
        "bidi": "user\u202enimda \u2066a\u2069",
        "cr": "done\rDry run, nothing to do",
        "details": "</code></summary></details><script>alert(1)</script><!-- ",
        "fence": "a\n```\n# heading\n~~~~\n````diff\n+b\n",
        "long": f"{'0123456789' * 30} the end",
        "markdown": "[a](https://a.example) ![b](b.png) **c** `d` | e | <f@a.example> www.a.b",
        "mention": "@octocat #123 GH-7 octo/repo#9 :tada: !42 $`x`$",
        "nul": "a\x00b\u2028c\u200bd\ufeff",
        "spaces": "  both  ",
        "wide": "日本語のとても長い注釈です。" * 6,
    }
    name = "web-" + "n" * 240
    long = pod(name, annotations={"example.com/wide": values["wide"]})
    web = pod(annotations={f"example.com/{key}": value for key, value in values.items()})
    keys = [f"example.com/{key}" for key in values]
    return _dry(
        *(long, web),
        pcmc(annotations=keys),
        config_map(
            made_for=web,
            more_data={
                "annotation_example.com_details": "<b>",
                "annotation_example.com_long": f"{'0123456789' * 30} another end",
            },
        ),
        config_map(
            made_for=pod("gone"),
            data={"`` ` ``": "| a |", "podName": "@octocat"},
            owners=[
                owner("gone", kind="Deployment"),
                owner("</details>", kind="<Team>", controller=False),
            ],
        ),
    )


def real_run_with_failures() -> Report:
    """What the API server refused, in its own words, beside what was done."""
    pods = [pod(f"web-{n}", annotations={"note": f"s3cret-{n}"}) for n in range(5)]
    cluster = FakeCluster(
        *pods,
        pcmc(annotations=["note"]),
        pcmc("api", match_labels={"app": "api"}),
        *(config_map(made_for=each) for each in (pods[3], pods[4])),
        config_map(made_for=pod("web-7")),
        config_map(made_for=pod("web-8"), owners=[]),
        config_map(made_for=pod("web-9"), owners=[]),
    )
    answers = {
        "pod-web-0-from-web-cfg": (
            Reason.FORBIDDEN,
            403,
            'configmaps is forbidden: User "ci" cannot create resource "configmaps"',
        ),
        "pod-web-1-from-web-cfg": (
            Reason.REJECTED,
            422,
            'admission webhook "a.example" denied it: data.note: Invalid value: "s3cret-1"',
        ),
        "pod-web-3-from-web-cfg": (Reason.CONFLICT, 409, "the object has been modified"),
        "pod-web-9-from-web-cfg": (Reason.SERVER_ERROR, 500, "etcdserver: request timed out"),
        "api": (Reason.FORBIDDEN, 403, 'cannot patch resource "podconfigmapconfigs/status"'),
    }

    def before_write(write: Write) -> Answer | None:
        if write.name.name not in answers:
            return None
        reason, code, message = answers[write.name.name]
        quoted = quote(message, f"HTTP {code}")
        return Answer(
            result=Result.FAILED, reason=reason, code=code, message=message, quoted=quoted
        )

    cluster.before_write = before_write
    return _run(cluster, Scope(namespaces=("shop",)), is_dry=False)


def upsert_only() -> Report:
    """A create, and two deletions that the policy keeps."""
    pods = [pod(f"web-{n}", labels=WEB if n == 0 else {}) for n in range(3)]
    return _dry(
        *pods,
        pcmc(match_labels=WEB),
        *(config_map(made_for=each) for each in pods[1:]),
        policy=Policy(sync_policy=SyncPolicy.UPSERT_ONLY),
    )


PLANS: Final[dict[str, Callable[[], Report]]] = {
    "1-every-verb": every_verb,
    "2-held-back": held_back,
    "3-problems": problems,
    "4-hostile": hostile,
    "5-real-run-with-failures": real_run_with_failures,
    "6-upsert-only": upsert_only,
}


def _dry(*objects: Object, policy: Policy | None = None) -> Report:
    scope = Scope(namespaces=("shop",))
    return _run(FakeCluster(*objects), scope, policy or Policy())


def _run(
    cluster: FakeCluster, scope: Scope, policy: Policy | None = None, *, is_dry: bool = True
) -> Report:
    return run(
        scope,
        cluster,
        None if is_dry else cluster,
        policy or Policy(concurrency=1),
        now=NOW,
        renderer=LazySandbox(),
    )
