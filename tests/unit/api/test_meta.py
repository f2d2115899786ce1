"""The names in the API. A change of any of them orphans existing objects."""

from podcm_sync.api import meta
from podcm_sync.api.meta import NamespacedName


def test_our_words_are_those_of_the_original_controller() -> None:
    """behavior.md §1, §3: labels, group, version and kind."""
    assert meta.API_VERSION == "podconfig.example.com/v1alpha1"
    assert meta.KIND == "PodConfigMapConfig"
    assert meta.PLURAL == "podconfigmapconfigs"
    assert meta.GENERATED_BY_LABEL == "podconfig.example.com/generated-by-pcmc"
    assert meta.POD_UID_LABEL == "podconfig.example.com/pod-uid"


def test_names_sort_by_namespace_then_name_and_read_as_kubectl_writes_them() -> None:
    names = [NamespacedName("b", "a"), NamespacedName("a", "b"), NamespacedName("a", "a")]
    assert [str(name) for name in sorted(names)] == ["a/a", "a/b", "b/a"]
