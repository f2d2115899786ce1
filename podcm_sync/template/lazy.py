"""The renderer that a run is given: it loads the sandbox once a config has a template, not before.

A run without templates imports no wasmtime and loads no engine.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from podcm_sync.core.rendering import Rendering, Request

if TYPE_CHECKING:
    from podcm_sync.template.sandbox import Sandbox


class LazySandbox:
    """Implements `core.rendering.Renderer` for one run.

    `begin` is called when there is something to render; what it returns says when time is up.
    """

    def __init__(self, begin: Callable[[], Callable[[], bool]] = lambda: _never) -> None:
        self._begin = begin
        self._sandbox: Sandbox | None = None

    def render(self, requests: Sequence[Request]) -> Sequence[Rendering]:
        """One Rendering for each Request; without requests there is nothing to load."""
        if not requests:
            return ()
        if self._sandbox is None:
            from podcm_sync.template.sandbox import Sandbox

            self._sandbox = Sandbox()
        self._sandbox.is_over = self._begin()
        return self._sandbox.render(requests)


def _never() -> bool:
    return False
