"""An object is named as kubectl takes it; what is not understood says what to write."""

import pytest

from podcm_sync.explain.explanation import Subject
from podcm_sync.explain.lookup import nearest, parse_subject

PCMC = "PodConfigMapConfig"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["pod/web"], "Pod"),
        (["pods/web"], "Pod"),
        (["po/web"], "Pod"),
        (["pod", "web"], "Pod"),
        (["Pod/web"], "Pod"),
        (["pods.v1/web"], "Pod"),
        (["cm/web"], "ConfigMap"),
        (["configmap/web"], "ConfigMap"),
        (["configmaps", "web"], "ConfigMap"),
        (["pcmc/web"], PCMC),
        (["podconfigmapconfig/web"], PCMC),
        (["podconfigmapconfigs/web"], PCMC),
        (["podconfigmapconfig.podconfig.example.com/web"], PCMC),
        (["podconfigmapconfigs.v1alpha1.podconfig.example.com/web"], PCMC),
    ],
)
def test_every_way_that_kubectl_takes(words: list[str], kind: str) -> None:
    assert parse_subject(words) == Subject(kind=kind, name="web")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["web"], "'web' has no kind"),
        (["pod/web/0"], "is not one object"),
        (["pod/web", "pod/db"], "is not one object"),
        (["pod", "a", "b"], "is not one object"),
        (["pod/"], "'pod/' has no name"),
        (["deploy/web"], "'deploy' is not a kind that podcm-sync can explain"),
        (["pods.apps/web"], "'pods.apps' is not a kind"),
        (["pcmc.v1/web"], "'pcmc.v1' is not a kind"),
    ],
)
def test_what_is_not_understood_says_what_to_write(words: list[str], said: str) -> None:
    with pytest.raises(ValueError, match="use pod/NAME, configmap/NAME") as error:
        parse_subject(words)
    assert said in str(error.value)


def test_an_object_in_an_error_is_kind_and_name() -> None:
    shown = [str(parse_subject([f"{kind}/x"])) for kind in ("po", "cm", "pcmc")]
    assert shown == ['pod "x"', 'configmap "x"', 'podconfigmapconfig "x"']


def test_names_that_are_near_come_nearest_first_and_never_the_name_itself() -> None:
    names = ["web-0", "web-10", "web-1", "database", "wb-11", "web-11"]
    assert nearest("web-1", names) == ("web-11", "web-10", "web-0")
    assert nearest("zzz", names) == ()
