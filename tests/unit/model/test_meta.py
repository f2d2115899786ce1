"""Names that the API knows us by; a change of any of them orphans what exists."""

from podcm_sync.model import meta
from podcm_sync.model.meta import NamespacedName


def test_our_words_are_those_of_the_original_controller() -> None:
    """original-controller.md: labels, group, version and kind."""
    assert meta.API_VERSION == "podconfig.example.com/v1alpha1"
    assert meta.KIND == "PodConfigMapConfig"
    assert meta.PLURAL == "podconfigmapconfigs"
    assert meta.GENERATED_BY_LABEL == "podconfig.example.com/generated-by-pcmc"
    assert meta.POD_UID_LABEL == "podconfig.example.com/pod-uid"


def test_names_sort_by_namespace_then_name_and_read_as_kubectl_writes_them() -> None:
    names = [NamespacedName("b", "a"), NamespacedName("a", "b"), NamespacedName("a", "a")]
    assert [str(name) for name in sorted(names)] == ["a/a", "a/b", "b/a"]
