"""A podSelector selects exactly the Pods that the API server selects by the same words (§1).

The Pods are made once; then the server's own labelSelector is the judge of random selectors.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcm_sync.api import decode_json
from podcm_sync.reconcile import validate
from podcm_sync.reconcile.selector import compile_selector
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.crd_objects import pcmc
from tests.controlplane.plugin import new_namespace

# Few enough to meet often; values that look like other things, prefixes of each other, and none.
KEYS = ["app", "App", "tier", "example.com/app", "a.b-c_d", "k" * 63, f"{'p.' * 40}x/y"]
VALUES = ["", "web", "Web", "we", "web-1", "true", "null", "0", "1e3", "a.b_c-D", "v" * 63]

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=4)


@st.composite
def requirements(draw: st.DrawFn) -> Object:
    operator = draw(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]))
    found: Object = {"key": draw(st.sampled_from(KEYS)), "operator": operator}
    if operator in ("In", "NotIn"):
        # Twice the same is legal, and means no more than once.
        found["values"] = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4))
    elif draw(st.booleans()):
        found["values"] = draw(st.sampled_from([None, []]))
    return found


selectors = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.none() | labels,
        "matchExpressions": st.none() | st.lists(requirements(), max_size=3),
    },
)


def query(selector: Object | None) -> str:
    """The selector in the words of kubectl's --selector."""
    parts = [f"{key}={value}" for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for each in (selector or {}).get("matchExpressions") or []:
        key, values = each["key"], ",".join(each.get("values") or [])
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[each["operator"]]
        )
    return ",".join(parts)


@pytest.fixture(scope="module")
def pods(api: Api) -> tuple[str, dict[str, dict[str, str]]]:
    """A namespace, and its Pods' names and labels: each key with each value, and some pairs."""
    namespace = new_namespace(api)
    wanted: list[dict[str, str]] = [{}]
    wanted += [{KEYS[n % len(KEYS)]: value} for n, value in enumerate(VALUES * 2)]
    wanted += [{"app": value, "tier": VALUES[-n]} for n, value in enumerate(VALUES, start=1)]
    wanted.append(dict(zip(KEYS, VALUES, strict=False)))
    for number, each in enumerate(wanted):
        api.make_pod(namespace, f"p{number}", labels=each)
    found = api.list("Pod", namespace)
    assert len(found) == len(wanted) > 30
    return namespace, {pod["metadata"]["name"]: pod["metadata"].get("labels", {}) for pod in found}


@settings(max_examples=150, deadline=None, database=None)
@given(selector=selectors)
def test_our_selector_selects_as_the_servers_does(
    api: Api, pods: tuple[str, dict[str, dict[str, str]]], selector: Object | None
) -> None:
    """§1: full LabelSelector semantics; omitted, null or {}: every Pod of the namespace."""
    namespace, all_pods = pods
    config = decode_json.decode_config(json.dumps(pcmc({"podSelector": selector})).encode())
    assert config.spec is not None
    assert validate.findings(config.spec) == ()
    matches = compile_selector(config.spec.pod_selector)

    ours = {name for name, labels in all_pods.items() if matches(labels)}
    theirs = {pod["metadata"]["name"] for pod in api.list("Pod", namespace, query(selector))}

    assert ours == theirs
    code, answer = api.request(
        "POST",
        path_of("PodConfigMapConfig", namespace),
        pcmc({"podSelector": selector}, namespace),
        query={"dryRun": "All"},
    )
    assert code == 201, answer  # and the CRD takes every selector that is legal
