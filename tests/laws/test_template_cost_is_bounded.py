"""The templates of a namespace cost no more than its bound, whatever they are (§2.6)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from podcm_sync.reconcile import bounds
from podcm_sync.template import job
from podcm_sync.template.fuel import DATA, FUEL, Limit, Shared
from podcm_sync.template.sandbox import Sandbox
from tests.template.bombs import BOMBS, LOADING
from tests.template.pods import pod, request

SCALE = 20
"""All bounds of a namespace and of the run are so many times smaller here, to try more of them."""
HARMLESS = ("{{ .name }}", "{{ toYaml . }}", "{{ range .containers }}{{ .image }}{{ end }}")
SOURCES = st.one_of(
    st.sampled_from([*BOMBS.values(), *LOADING.values(), *HARMLESS]),
    st.builds(
        lambda size, loops: (
            "{{/*" + "x" * size + "*/}}{{ range until " + str(loops) + " }}.{{ end }}"
        ),
        st.integers(0, 65_000),
        st.integers(0, 100_000),
    ),
    st.builds(lambda size: f'{{{{ repeat {size} "x" }}}}', st.integers(0, 1 << 20)),
)
CONFIGS = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", "three"]),
        st.dictionaries(st.sampled_from("abc"), SOURCES, min_size=1, max_size=2),
        st.integers(0, 6),
    ),
    max_size=5,
)


def scaled(limit: Limit) -> Limit:
    return Limit(
        namespace=limit.namespace // SCALE,
        run=limit.run // SCALE,
        free=limit.free // SCALE,
        first=limit.first // SCALE,
        per_object=limit.per_object,
    )


@settings(max_examples=15)
@given(passes=st.lists(CONFIGS, min_size=1, max_size=2))
def test_the_cost_of_a_namespace_is_within_its_bound_whatever_its_templates(
    passes: list[list[tuple[str, dict[str, str], int]]],
) -> None:
    run = Sandbox()
    run._fuel, run._data = Shared(scaled(FUEL)), Shared(scaled(DATA))
    objects: dict[str, int] = {}
    held: dict[str, int] = {}
    for configs in passes:
        requests = [
            request(
                templates,
                *(pod(f"web-{n}", annotations={"a": "x" * n * 20_000}) for n in range(count)),
                name=f"c{number}",
                namespace=namespace,
            )
            for number, (namespace, templates, count) in enumerate(configs)
        ]
        for asked, made in zip(requests, run.render(requests), strict=True):
            namespace = asked.config.namespace
            objects[namespace] = objects.get(namespace, 0) + len(asked.pods)
            assert made.findings or len(made.pods) == len(asked.pods)
            held[namespace] = held.get(namespace, 0) + sum(
                len(value) for rendered in made.pods for value in rendered.data.values()
            )
    for namespace, count in objects.items():
        fuel, data = run._accounts[namespace]
        assert fuel.spent <= run._fuel.limit.namespace + bounds.TEMPLATE_PER_OBJECT * count
        assert held[namespace] <= data.spent
        assert data.spent <= run._data.limit.namespace + bounds.TEMPLATE_DATA_PER_OBJECT * count
    assert run._fuel.remaining >= 0
    assert run._data.remaining >= 0


@settings(max_examples=15)
@given(source=SOURCES, others=st.integers(1, 30), before=st.booleans())
def test_a_pods_verdict_does_not_depend_on_the_pods_around_it(
    source: str, others: int, before: bool
) -> None:
    guarded = f'{{{{ if eq .name "m" }}}}{source}{{{{ end }}}}{{{{ .name }}}}'
    if "define" in source:
        guarded = source
    crowd = [pod(f"{'a' if before else 'z'}-{number:02}") for number in range(others)]
    (alone,) = Sandbox().render([request({"k": guarded}, pod("m"))])
    (among,) = Sandbox().render([request({"k": guarded}, *crowd, pod("m"))])
    assert among.findings == alone.findings
    # A crowd of bombs is past the config's bound, which is another verdict, and not the Pod's.
    if alone.pods and among.pods[-1].failure != job.CONFIG_SPENT:
        assert among.pods[-1] == alone.pods[0]
