"""What `explain` says of a selector's requirements is what selects: all of them hold, or not."""

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.objects import LabelSelector, LabelSelectorRequirement
from podcm_sync.reconcile.selector import OPERATORS, compile_selector, requirements

KEYS = st.sampled_from(["app", "tier", "team/x"])
VALUES = st.sampled_from(["", "web", "api"])
LABELS = st.dictionaries(KEYS, VALUES)
SELECTORS = st.builds(
    LabelSelector,
    match_labels=LABELS,
    match_expressions=st.lists(
        st.builds(
            LabelSelectorRequirement,
            key=KEYS,
            operator=st.sampled_from(OPERATORS),
            values=st.lists(VALUES, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
)


@given(selector=SELECTORS, labels=LABELS)
def test_a_pod_is_selected_if_and_only_if_every_requirement_holds(
    selector: LabelSelector, labels: dict[str, str]
) -> None:
    asked = requirements(selector, labels)
    assert len(asked) == len(selector.match_labels) + len(selector.match_expressions)
    assert all(each.satisfied for each in asked) == compile_selector(selector)(labels)
    for each in asked:
        assert each.actual == labels.get(each.key)
