"""The renderer that a run is given: it loads the sandbox once a config has a template, not before.

A run without templates imports no wasmtime and loads no engine.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from podcm_sync.core.rendering import Rendered
from podcm_sync.model.objects import Pod

if TYPE_CHECKING:
    from podcm_sync.template.sandbox import Sandbox


class LazySandbox:
    """Implements `core.rendering.Renderer` for one run."""

    def __init__(self) -> None:
        self._made: Sandbox | None = None

    def findings(self, templates: Mapping[str, str]) -> tuple[str, ...]:
        """What does not parse; without templates there is nothing to load."""
        return self._sandbox().findings(templates) if templates else ()

    def render(
        self, templates: Mapping[str, str], pcmc_name: str, pods: Sequence[Pod]
    ) -> Sequence[Rendered]:
        """What the templates make of each Pod."""
        return self._sandbox().render(templates, pcmc_name, pods)

    def _sandbox(self) -> "Sandbox":
        if self._made is None:
            from podcm_sync.template.sandbox import Sandbox

            self._made = Sandbox()
        return self._made
