"""What a shell may offer for contexts, namespaces, and objects: quick, and silent if it fails."""

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import typer

SECONDS: Final = 2.0
"""Nobody waits longer for a completion."""
_HARMLESS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]*")
"""What a shell may get of others' names: the scripts of zsh and bash evaluate what they read."""


def contexts(context: typer.Context, incomplete: str) -> list[str]:
    """The contexts of the kubeconfig."""

    def names() -> Iterable[str]:
        from podcm_sync.cluster.kube.client_config import context_names

        return context_names(_given(context).get("kubeconfig"))

    return _quickly(names, incomplete)


def namespaces(context: typer.Context, incomplete: str) -> list[str]:
    """The namespaces of the cluster."""
    return _quickly(lambda: _names(context, "namespaces", is_namespaced=False), incomplete)


def subjects(context: typer.Context, incomplete: str) -> list[str]:
    """`pod/NAME`, `configmap/NAME`, or `pcmc/NAME`: the kinds first, then the names of one."""
    from podcm_sync.cluster.kube import paths

    kinds = {"pod": paths.PODS, "configmap": paths.CONFIG_MAPS, "pcmc": paths.CONFIGS}
    kind, slash, _ = incomplete.partition("/")
    if not slash or kind not in kinds:
        return [f"{name}/" for name in kinds if name.startswith(incomplete)]
    return _quickly(lambda: (f"{kind}/{name}" for name in _names(context, kinds[kind])), incomplete)


def _names(context: typer.Context, resource: str, *, is_namespaced: bool = True) -> list[str]:
    from podcm_sync.cli.connect import connect
    from podcm_sync.cli.shared_options import Access
    from podcm_sync.cluster.kube.find import find
    from podcm_sync.runtime.context import RunContext

    given = _given(context)
    access = Access(
        kubeconfig=given.get("kubeconfig"),
        context=given.get("context"),
        impersonate=given.get("impersonate"),
        impersonate_groups=tuple(given.get("impersonate_groups") or ()),
        request_timeout=SECONDS,
    )
    connection = connect(access, RunContext(), connections=1)
    chosen = given.get("namespaces") or connection.target.namespace
    namespace = chosen if isinstance(chosen, str) else chosen[0]
    listed = find(connection, resource, namespace if is_namespaced else "")
    return [name.name for name in listed or ()]


def _given(context: typer.Context) -> dict[str, Any]:
    """The options typed so far, before and after the command."""
    given: dict[str, Any] = {}
    while True:
        given = {**{name: value for name, value in context.params.items() if value}, **given}
        if context.parent is None:
            return given
        context = context.parent  # type: ignore[assignment]  # typer's and click's are one at run time


def _quickly(names: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """The names that begin with what was typed; none if anything fails or takes too long."""
    from podcm_sync.runtime.workers import run_with_timeout

    logging.disable(logging.CRITICAL)  # a shell would print it into the line that is being typed
    try:
        every = run_with_timeout(lambda: list(names()), SECONDS)
    except Exception:  # noqa: BLE001 - no completion is worth an error in a prompt
        return []
    finally:
        logging.disable(logging.NOTSET)
    harmless = filter(_HARMLESS.fullmatch, every)
    return sorted(name for name in harmless if name.startswith(incomplete))
