"""The renderer of a run, which loads the sandbox only when a config has a template.

A run without templates doesn't import wasmtime and doesn't load the engine.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from podcm_sync.reconcile.renderer import Rendering, Request

if TYPE_CHECKING:
    from podcm_sync.template.sandbox import Sandbox


class LazySandbox:
    """Implements `reconcile.renderer.Renderer` for one run.

    It calls `begin` before it renders. The function that `begin` returns tells when time is up.
    """

    def __init__(self, begin: Callable[[], Callable[[], bool]] = lambda: _never) -> None:
        self._begin = begin
        self._sandbox: Sandbox | None = None

    def render(
        self, requests: Sequence[Request], *, may_defer: bool = False
    ) -> Sequence[Rendering]:
        """One Rendering for each Request, in their order. Without requests it loads nothing."""
        if not requests:
            return ()
        if self._sandbox is None:
            from podcm_sync.template.sandbox import Sandbox

            self._sandbox = Sandbox()
        self._sandbox.is_over = self._begin()
        return self._sandbox.render(requests, may_defer=may_defer)


def prepare() -> None:
    """Get ready for the next rendering, if there was one before."""
    if "podcm_sync.template.sandbox" in sys.modules:
        # The import waits if another thread is still loading it.
        from podcm_sync.template.sandbox import prepare as prepare_sandbox

        prepare_sandbox()


def _never() -> bool:
    return False
