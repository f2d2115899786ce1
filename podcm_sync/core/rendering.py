"""What the desired set asks of a template engine: the port that `template/` implements.

Templates are untrusted programs. Whatever they do comes back as a value.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import Pod
from podcm_sync.model.reasons import Reason


class Request(Struct, frozen=True, kw_only=True):
    """The templates of one config, and the Pods to render them for."""

    config: NamespacedName
    templates: Mapping[str, str]
    pods: Sequence[Pod]


class Rendered(Struct, frozen=True, kw_only=True):
    """What a config's templates make of one Pod: the data, or else what failed, and the reason."""

    data: dict[str, str] = {}
    failure: str = ""
    reason: Reason = Reason.TEMPLATE_FAILED


class TemplateFinding(Struct, frozen=True, kw_only=True):
    """What is wrong with one template, whatever the Pod: where in the config, and Go's words.

    `hint` says what to write instead; "" if there is nothing to suggest.
    """

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"{self.path}: {self.message}{hint}"


class Rendering(Struct, frozen=True, kw_only=True):
    """What came of one Request.

    With `findings` the config is invalid. Otherwise `pods` has one Rendered for each Pod of the
    request, in its order. `is_parsed` is False if neither is known, since a bound or the end of the
    run's time came before the templates were parsed.
    """

    findings: tuple[TemplateFinding, ...] = ()
    pods: Sequence[Rendered] = ()
    is_parsed: bool = True


class Renderer(Protocol):
    """Renders `spec.configMapDataTemplate`."""

    def render(self, requests: Sequence[Request]) -> Sequence[Rendering]:
        """One Rendering for each Request, in their order.

        All configs of a run come at once, so that no namespace waits for an expensive one.
        """
        ...


class NoRenderer:
    """If there is no engine, a config with templates is invalid, and what it has stays."""

    def render(self, requests: Sequence[Request]) -> Sequence[Rendering]:
        """A finding for each config with templates."""
        return [Rendering(findings=(_NO_ENGINE,)) for _ in requests]


_NO_ENGINE: Final = TemplateFinding(
    path="spec.configMapDataTemplate", message="no template engine is at hand"
)
NO_RENDERER: Final = NoRenderer()
