"""If there is no template engine, that is a value that says so; what exists stays (§3)."""

from podcm_sync.api.finding import Finding
from podcm_sync.api.meta import NamespacedName
from podcm_sync.reconcile.renderer import NO_RENDERER, Request
from tests.builders import pod


def test_without_an_engine_templates_are_a_finding_and_nothing_raises() -> None:
    name = NamespacedName("shop", "web")
    (rendering,) = NO_RENDERER.render(
        [Request(config=name, templates={"url": "x"}, pods=[pod("a"), pod("b")])]
    )
    (finding,) = rendering.findings
    assert str(finding).startswith("spec.configMapDataTemplate: ")


def test_a_hint_follows_what_is_wrong() -> None:
    finding = Finding(path="spec.x", message="it is wrong", hint="do it right")
    assert str(finding) == "spec.x: it is wrong (hint: do it right)"
