"""The interface of a template engine, which `template/` implements.

Templates are untrusted programs: whatever they do comes back as a value.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from podcm_sync.api.finding import Finding, Quotes
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Pod
from podcm_sync.api.reasons import Reason


class Request(Struct, frozen=True, kw_only=True):
    """The templates of one config, and the Pods to render them for."""

    config: NamespacedName
    templates: Mapping[str, str]
    pods: Sequence[Pod]


class Rendered(Struct, frozen=True, kw_only=True):
    """The data that a config's templates give for one Pod, or the failure and its reason."""

    data: dict[str, str] = {}
    failure: str = ""
    reason: Reason = Reason.TEMPLATE_FAILED
    quoted: Quotes = None


class Rendering(Struct, frozen=True, kw_only=True):
    """The result of one Request.

    If it has `findings`, the config is invalid. Otherwise `pods` has one Rendered for each Pod of
    the request, in its order. `is_parsed` is False if a bound or the deadline stopped podcm-sync
    before it parsed the templates: then nothing is known of them. `is_deferred` is True if a later
    pass of the run renders what is missing.
    """

    findings: tuple[Finding, ...] = ()
    pods: Sequence[Rendered] = ()
    is_parsed: bool = True
    is_deferred: bool = False


class Renderer(Protocol):
    """Renders `spec.configMapDataTemplate`."""

    def render(
        self, requests: Sequence[Request], *, may_defer: bool = False
    ) -> Sequence[Rendering]:
        """One Rendering for each Request, in their order.

        All configs of a pass come at once, so that no namespace waits for an expensive one. If
        `may_defer` is true, a later pass follows for namespaces whose templates take too long.
        """
        ...


class NoRenderer:
    """Stands in for a missing engine: a config with templates is invalid and keeps what it has."""

    def render(
        self,
        requests: Sequence[Request],
        *,
        may_defer: bool = False,  # noqa: ARG002 - nothing is expensive here
    ) -> Sequence[Rendering]:
        """A finding for each config with templates."""
        return [Rendering(findings=(_NO_ENGINE,)) for _ in requests]


_NO_ENGINE: Final = Finding(
    path="spec.configMapDataTemplate", message="no template engine is at hand", quoted=()
)
NO_RENDERER: Final = NoRenderer()
