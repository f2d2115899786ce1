"""One list while its pages come in: only what belongs to it is taken, and each object once.

An answer to another question must not pass for this one's, as what is missing is deleted.
"""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON
from podcm_sync.core.identity import damaged_field
from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.errors import DecodeError
from podcm_sync.model.meta import KIND, NamespacedName
from podcm_sync.model.objects import (
    ALL_NAMESPACES,
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)
from podcm_sync.model.page import M, Page
from podcm_sync.model.reasons import Reason


class Query(Struct, frozen=True, kw_only=True):
    """One list: of what, in which namespace ("" for all), and which of them."""

    resource: str
    namespace: str
    label: str = ""
    """Only objects that have this label."""
    accept: str = JSON

    def __str__(self) -> str:
        return f"list {self.resource} {paths.where(self.namespace)}"


M_contra = TypeVar(
    "M_contra", Pod, PodConfigMapConfig, ConfigMap, PartialObjectMetadata, contravariant=True
)


class Store(Protocol[M_contra]):
    """Where the objects of a list go, page by page."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more is needed of the list."""
        ...

    def restart(self) -> None:
        """Drop what the list has brought: it begins again."""
        ...

    def take(
        self, items: Iterable[M_contra], sizes: Iterable[int], problems: Iterable[Problem], /
    ) -> None:
        """Take a page's objects, their bytes in the answer, and those that cannot be used."""
        ...


class Listing(Generic[M]):
    """One list so far: what is to be known of its pages to believe the next one."""

    def __init__(self, query: Query, store: Store[M]) -> None:
        self.page_objects = 0
        """How many objects the last page had."""
        self.nameless: dict[str, str] = {}
        """The namespaces in which an object's name is not known, and why. If not even the object's
        namespace is known, it is the list's."""
        self.continue_token = ""
        self._query = query
        self._store: Store[M] = store
        self._resource_version = ""
        self._names: set[NamespacedName] = set()
        self._tokens: set[str] = set()

    def add(self, page: Page[M]) -> None:
        """Add the next page. Raises DecodeError, and adds nothing, unless it is of this list."""
        items: list[M] = []
        sizes: list[int] = []
        problems = list(page.problems)
        for item, size in zip(page.items, page.sizes, strict=True):
            if field := damaged_field(item):
                problems.append(_damaged(item, field))
            else:
                items.append(item)
                sizes.append(size)
        known = [problem for problem in problems if _is_known(problem.namespaced_name)]
        names = [item.namespaced_name for item in items]
        names += [problem.namespaced_name for problem in known]
        self._check(page, items, names)
        self._store.take(items, sizes, known)
        self.page_objects = len(page.items) + len(page.problems)
        for problem in problems:
            if not _is_known(problem.namespaced_name):
                self._note_nameless(problem)
        self.continue_token = page.continue_token
        self._resource_version = page.resource_version
        self._names.update(names)
        self._tokens.add(page.continue_token)

    def _check(self, page: Page[M], items: list[M], names: list[NamespacedName]) -> None:
        query = self._query
        if self._resource_version not in {"", page.resource_version}:
            raise DecodeError("the pages of the list have different resourceVersions")
        if page.continue_token in self._tokens:
            raise DecodeError("the list repeats a continue token, so it would never end")
        if query.namespace and any(name.namespace != query.namespace for name in names):
            raise DecodeError("an object of another namespace is among them")
        if query.label and not all(_has_label(item, query.label) for item in items):
            raise DecodeError(f"an object without the label {query.label} is among them")
        new = set(names)
        if len(new) < len(names) or not self._names.isdisjoint(new):
            raise DecodeError("an object is in the list twice")

    def _note_nameless(self, problem: Problem) -> None:
        namespace = problem.namespaced_name.namespace
        place = self._query.namespace or (namespace if is_namespace(namespace) else ALL_NAMESPACES)
        self.nameless[place] = (
            f"cannot {self._query}: an object {paths.where(place)} has no readable name: "
            f"{problem.message}"
        )


def _damaged(item: M, field: str) -> Problem:
    kind = type(item).__name__
    return Problem(
        kind=kind,
        namespaced_name=item.namespaced_name,
        reason=Reason.UNREADABLE if kind == KIND else Reason.UNDECODABLE,
        message=f"{field}: is missing or damaged",
    )


def _has_label(item: M, label: str) -> bool:
    return not isinstance(item, PodConfigMapConfig) and label in item.labels


def _is_known(name: NamespacedName) -> bool:
    return is_subdomain(name.name) and is_namespace(name.namespace)
