"""Where there is no template engine, that is a value which says so; what exists stays (spec §3)."""

from podcm_sync.core.rendering import NO_RENDERER
from tests.builders import pod


def test_without_an_engine_templates_are_a_finding_and_no_templates_are_none() -> None:
    assert NO_RENDERER.findings({}) == ()
    (finding,) = NO_RENDERER.findings({"url": "x"})
    assert finding.startswith("spec.configMapDataTemplate: ")


def test_without_an_engine_each_pod_fails_and_nothing_raises() -> None:
    rendered = NO_RENDERER.render({"url": "x"}, "web", [pod("a"), pod("b")])
    assert [each.data for each in rendered] == [{}, {}]
    assert all(each.failure for each in rendered)
