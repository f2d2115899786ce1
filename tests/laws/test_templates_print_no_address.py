"""What a template prints depends on its Pod alone: no address, no order of a map (§4)."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from podcm_sync.template.sandbox import Sandbox
from tests.template.pods import pod, request

LEAVES = st.sampled_from(
    [
        *(".", ".labels", ".containers", ".name", "1", "1.5", "true", '"text"', "nil"),
        *('(semver "1.2.3-a+b")', '(split "." .podIP)', "(until 3)", '(urlParse "http://a/b")'),
        *("(list)", "(dict)", '(fromYaml "a: [1, {b: 2}]")', "(keys .labels)", '(b64dec "AP8=")'),
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"(list {' '.join(items)})"),
        inner.map(lambda item: f'(dict "b" {item} "a" {item})'),
        inner.map(lambda item: f"(chunk 1 (list {item} {item}))"),
        inner.map(lambda item: f"(tuple {item})"),
    ),
    max_leaves=4,
)
VERBS = st.builds(
    lambda flags, width, verb: f"%{flags}{width}{verb}",
    st.text(st.sampled_from("+-# 0"), max_size=2),
    st.sampled_from(["", "8", "8.3", "*", "[1]", "."]),
    st.sampled_from("vTtbcdoOqxXUeEfFgGspwz%"),
)
FUNCTIONS = st.sampled_from(
    ["print", "println", "html", "js", "urlquery", "quote", "toString", "cat"]
)
SOURCES = st.one_of(
    st.builds(lambda verb, value: f"{{{{ printf `{verb}` {value} }}}}", VERBS, VALUES),
    st.builds(lambda name, value: f"{{{{ {name} {value} }}}}", FUNCTIONS, VALUES),
    st.builds(lambda value: f"{{{{ {value} }}}}", VALUES),
    # Go's messages quote values, too.
    st.builds(lambda value: f"{{{{ index {value} {value} }}}}", VALUES),
    st.builds(lambda value: f"{{{{ range {value} }}}}{{{{ . }}}}{{{{ end }}}}", VALUES),
    st.builds(lambda value: f"{{{{ fail (printf `%d` {value}) }}}}", VALUES),
)
GARBAGE = (
    '{{ $x := list }}{{ range until 50 }}{{ $x = append $x (semver "1.0.0") }}{{ end }}{{ len $x }}'
)


@settings(max_examples=200)
@example("{{ printf `%d` (list (semver `1.2.3`)) }}")
@example("{{ printf `%#v` (dict `a` (semver `1.2.3`)) }}")
@example("{{ printf `%+d` (chunk 1 (list (semver `1.2.3`))) }}")
@example("{{ printf `%x` (semver `1.2.3`) }}")
@example("{{ printf `%p` .labels }}")
@example("{{ printf `%-[1]*p` .labels }}")
@given(SOURCES)
def test_two_instances_of_the_engine_print_the_same(source: str) -> None:
    """In the second one other templates and other Pods have moved everything to other places."""
    (first,) = Sandbox().render([request({"k": source}, pod())])
    others = [pod(f"a-{number}", annotations={"a": "x" * 1_000}) for number in range(3)]
    (second,) = Sandbox().render([request({"a": GARBAGE, "k": source}, *others, pod())])
    assert first.findings == second.findings
    if first.findings:
        return
    (once,), again = first.pods, second.pods[-1]
    assert once.failure == again.failure
    assert once.data.get("k") == again.data.get("k")
