"""Parsed templates. Only they can be rendered, so nobody renders what did not parse."""

from collections.abc import Callable, Mapping, Sequence

from podcm_sync.template import messages
from podcm_sync.template.instance import Instance
from podcm_sync.template.messages import Answer, Failure


class Parsed:
    """The templates of one config in an instance; valid until it parses others or is stopped."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def lint(self, fuel: int) -> list[Failure]:
        """The places that fail on every Pod that reaches them. Raises StoppedError at a limit."""
        return [
            failure
            for answer in self.instance.answers("lint", b"", fuel)
            for failure in messages.decode_failures(answer)
        ]

    def render(
        self,
        pcmc_name: str,
        pods: Sequence[bytes],
        fuel: int,
        on_answer: Callable[[Answer], None],
    ) -> None:
        """Render the templates for encoded Pods. `on_answer` receives the Answer for each in order.

        It can refill the instance. Raises StoppedError at a limit, and whatever `on_answer` raises.
        """
        batch = messages.encode_batch(pcmc_name, pods)
        self.instance.call(
            "render", batch, fuel, lambda answer: on_answer(messages.decode_answer(answer))
        )


def parse(
    instance: Instance,
    templates: Mapping[str, str],
    fuel: int,
    on_verdict: Callable[[Failure | None], None],
) -> Parsed:
    """Parse templates. `on_verdict` receives a Failure or None for each key, in sorted order.

    If a template has a Failure, nothing can be rendered. Raises StoppedError at a limit; the later
    keys then have no verdict.
    """
    payload = messages.encode_templates(templates)
    instance.call("load", payload, fuel, lambda answer: on_verdict(messages.decode_failure(answer)))
    return Parsed(instance)
