"""What the desired set asks of a template engine: the port that `template/` implements.

Templates are untrusted programs, so that whatever they do comes back as a value.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from podcm_sync.model.objects import Pod


class Rendered(Struct, frozen=True, kw_only=True):
    """What a config's templates make of one Pod: the data, or else what failed."""

    data: dict[str, str] = {}
    failure: str = ""


class Renderer(Protocol):
    """Renders `spec.configMapDataTemplate`."""

    def findings(self, templates: Mapping[str, str]) -> tuple[str, ...]:
        """What does not parse, each `path: where, and what`; () if all of it does."""
        ...

    def render(
        self, templates: Mapping[str, str], pcmc_name: str, pods: Sequence[Pod]
    ) -> Sequence[Rendered]:
        """What the templates, which parse, make of each Pod, in the order of the Pods."""
        ...


class NoRenderer:
    """Where there is no engine, a config with templates is invalid and what it has stays."""

    def findings(self, templates: Mapping[str, str]) -> tuple[str, ...]:
        """That nothing here can render them."""
        return ("spec.configMapDataTemplate: no template engine is at hand",) if templates else ()

    def render(
        self,
        templates: Mapping[str, str],  # noqa: ARG002 - as the port has it
        pcmc_name: str,  # noqa: ARG002 - as the port has it
        pods: Sequence[Pod],
    ) -> Sequence[Rendered]:
        """A failure for each Pod, as `findings` has it; no templates get here."""
        return [Rendered(failure="no template engine is at hand")] * len(pods)


NO_RENDERER: Final = NoRenderer()
