"""The findings of `validate` without a Pod are, word for word, Go's errors on each Pod."""

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.template import check
from tests.template.pods import pod, render

NAME = NamespacedName("shop", "web")
WRONG_ON_EVERY_POD = [
    "{{ .Values.x }}",
    "{{ $.Values.x.y }}",
    "one\n  {{ .metadata.labels.app }}",
    "{{ .name.first }}",
    "{{ .labels.nothing.more }}",
    "{{ .containers.image }}",
    "{{ .ownerReferences.name }}",
    "{{ .pcmc.name.x }}",
    "{{ .pcmc.namespace.x }}",
    "{{ if true }}é {{ upper (lower .Values.x) }}{{ end }}",
    "{{ range .containers }}{{ $.Values.x }}{{ end }}",
    "{{ with .name }}{{ $.podIP.x }}{{ else }}{{ .Values.x }}{{ end }}",
    '{{ template "gone" . }}',
    '{{ include "gone" . }}',
    '{{ .name | include "gone" }}',
    '{{ define "x" }}{{ template "gone" }}{{ end }}{{ template "x" . }}',
]


@pytest.mark.parametrize("source", WRONG_ON_EVERY_POD)
def test_a_finding_is_what_go_says_on_a_pod(source: str) -> None:
    (error,) = render({"k": source}, pod())
    first, *_ = check.findings(NAME, {"k": source}, [])
    hint = f" (hint: {first.hint})" if first.hint else ""
    assert error == f'template "k": {first.message}{hint}'


def test_a_template_over_the_crds_bound_is_left_to_the_findings_about_the_spec() -> None:
    assert list(check.findings(NAME, {"k": "{{ now }}" + "x" * 70_000}, [])) == []
