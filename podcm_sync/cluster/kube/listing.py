"""One list while its pages come in. Only objects that belong to it count, and each only once.

podcm-sync deletes what a list lacks, so an answer to another request must never count as this list
(docs/design/decisions/answers.md).
"""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from podcm_sync.api.finding import Quote, quotes
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)
from podcm_sync.api.page import M, Page
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.transport import JSON
from podcm_sync.errors import DecodeError
from podcm_sync.reconcile.identity import damaged_field
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES
from podcm_sync.reconcile.validate import is_namespace, is_subdomain


class Query(Struct, frozen=True, kw_only=True):
    """One list request: the resource, the namespace ("" for all), and a filter."""

    resource: str
    namespace: str
    label: str = ""
    """Only objects that have this label, with any value; "" for no filter."""
    accept: str = JSON

    def __str__(self) -> str:
        return f"list {self.resource} {paths.scope_text(self.namespace)}"


Item: TypeAlias = Pod | PodConfigMapConfig | ConfigMap | PartialObjectMetadata
M_contra = TypeVar(
    "M_contra", Pod, PodConfigMapConfig, ConfigMap, PartialObjectMetadata, contravariant=True
)


class Store(Protocol[M_contra]):
    """Takes the objects of a list, page by page."""

    @property
    def is_done(self) -> bool:
        """Whether the store needs no more pages of the list."""
        ...

    @property
    def page_bytes(self) -> int:
        """The most bytes that a page may have."""
        ...

    def note_cut(self) -> None:
        """Note that a page was cut because it is too large. A smaller one follows."""
        ...

    def restart(self) -> None:
        """Drop all pages: the list begins again, or did not complete."""
        ...

    def take(
        self, items: Iterable[M_contra], sizes: Iterable[int], problems: Iterable[Problem], /
    ) -> None:
        """Take a page: objects, the bytes of each in the answer, and objects that don't decode."""
        ...


class Listing(Generic[M]):
    """The pages of one list so far, and the checks that the next page must pass."""

    def __init__(self, query: Query, store: Store[M]) -> None:
        self.page_objects = 0
        """The number of objects on the last page."""
        self.quoted: dict[str, tuple[Quote, ...]] = {}
        """What the messages of `nameless` quote, by message."""
        self.nameless: dict[str, str] = {}
        """Namespace → why the name of an object in it cannot be read. If the object's namespace
        cannot be read either, it is the namespace of the list."""
        self.continue_token = ""
        self._query = query
        self._store: Store[M] = store
        self.resource_version = ""
        """The same on all pages."""
        self._names: set[NamespacedName] = set()
        self._tokens: set[str] = set()

    def add(self, page: Page[M]) -> None:
        """Add the next page. If it isn't of this list, raises DecodeError and adds nothing."""
        items: list[M] = []
        sizes: list[int] = []
        problems = list(page.problems)
        for item, size in zip(page.items, page.sizes, strict=True):
            if field := damaged_field(item):
                problems.append(damaged(item, field))
            else:
                items.append(item)
                sizes.append(size)
        named = [problem for problem in problems if is_legal(problem.namespaced_name)]
        names = [item.namespaced_name for item in items]
        names += [problem.namespaced_name for problem in named]
        self._check(page, items, names)
        self._store.take(items, sizes, named)
        self.page_objects = len(page.items) + len(page.problems)
        for problem in problems:
            if not is_legal(problem.namespaced_name):
                self._note_nameless(problem)
        self.continue_token = page.continue_token
        self.resource_version = page.resource_version
        self._names.update(names)
        self._tokens.add(page.continue_token)

    def _check(self, page: Page[M], items: list[M], names: list[NamespacedName]) -> None:
        """Check that a page belongs to the list. Raises DecodeError."""
        query = self._query
        if self.resource_version not in {"", page.resource_version}:
            raise DecodeError("the pages of the list have different resourceVersions")
        if page.continue_token in self._tokens:
            raise DecodeError("the list repeats a continue token, so it would never end")
        if query.namespace and any(name.namespace != query.namespace for name in names):
            raise DecodeError("it has an object of another namespace")
        if query.label and not all(has_label(item, query.label) for item in items):
            raise DecodeError(f"it has an object without the label {query.label}")
        new = set(names)
        if len(new) < len(names) or not self._names.isdisjoint(new):
            raise DecodeError("an object is in the list twice")

    def _note_nameless(self, problem: Problem) -> None:
        namespace = problem.namespaced_name.namespace
        scope = self._query.namespace or (namespace if is_namespace(namespace) else ALL_NAMESPACES)
        message = (
            f"cannot {self._query}: an object {paths.scope_text(scope)} has no readable name: "
            f"{problem.message}"
        )
        self.nameless[scope] = message
        self.quoted[message] = quotes(problem.message, problem.quoted)


def damaged(item: Item, field: str) -> Problem:
    """The Problem for an object with a field that no API server could have stored."""
    kind = type(item).__name__
    return Problem(
        kind=kind,
        namespaced_name=item.namespaced_name,
        reason=Reason.UNREADABLE if kind == KIND else Reason.UNDECODABLE,
        message=f"{field}: is missing or damaged",
        quoted=(),
    )


def has_label(item: Item, label: str) -> bool:
    """Whether the object has the label. A config isn't filtered by labels."""
    return not isinstance(item, PodConfigMapConfig) and label in item.labels


def is_legal(name: NamespacedName) -> bool:
    """Whether Kubernetes allows the name; a damaged one isn't the name of the object."""
    return is_subdomain(name.name) and is_namespace(name.namespace)
