"""An API server asked what `doctor` wants to know. It reads; what it creates are access reviews.

A question that the server does not answer is a fact too (None), never an error: the next one may
be answered. Only where nothing can be asked at all is there a `failure`.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.read import KubeReader
from podcm_sync.core.doctor.contents import Contents, contents
from podcm_sync.core.doctor.facts import Facts, Lease
from podcm_sync.core.doctor.schema import fields
from podcm_sync.core.rendering import Renderer
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.model.meta import KIND, PLURAL, NamespacedName
from podcm_sync.model.objects import Scope
from podcm_sync.model.rights import Need, Right
from podcm_sync.parallel import Work, each

GO_LEASE: Final = "podconfigmap-controller-lock"
"""What the Go controller's main.go calls its Lease, in POD_NAMESPACE or `default`."""
LEASE_SECONDS: Final = 15.0
Json = dict[str, Any]


class Examination:
    """The questions to one API server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._skew: float | None = None

    def facts(
        self,
        scope: Scope,
        rights: tuple[Right, ...],
        renderer: Renderer,
        lease_namespace: str,
    ) -> Facts:
        """All that can be known for runs over the scope that need these rights.

        Those on the Lease are needed in `lease_namespace` alone.
        """
        try:
            version = self._version()
        except NoAnswerError as error:
            return Facts(
                scope=scope,
                failure=f"cannot be reached: {error}; check the address and the network",
            )
        except ClusterError as error:
            return Facts(scope=scope, failure=str(error))
        resources = self._resources()
        is_served = resources is not None and PLURAL in resources
        missing = self._missing(scope, rights, lease_namespace)
        return Facts(
            scope=scope,
            version=version,
            username=self._username(),
            resources=resources,
            schema=self._schema() if is_served else None,
            absent=self._absent(scope),
            rights=len(rights),
            missing=missing,
            skew_seconds=self._skew,
            leases=self._leases(scope),
            contents=self._contents(scope, renderer) if is_served and not _lists(missing) else None,
        )

    def _version(self) -> str | None:
        """The server's version; None where it does not say. Raises where there is no server."""
        begun, began = time.time(), time.monotonic()
        response = self._connection.get("/version")
        # The answer was written some time while we waited for it.
        self._skew = _skew(response.date, begun + (time.monotonic() - began) / 2)
        if response.status == 401:
            raise ClusterError(
                "does not accept the credentials: renew them", reason=Unavailable.LOGIN_FAILED
            )
        found = _decoded(response)
        return str(found["gitVersion"]) if found and "gitVersion" in found else None

    def _username(self) -> str | None:
        api = "authentication.k8s.io/v1"
        body = {"apiVersion": api, "kind": "SelfSubjectReview"}
        found = self._posted(f"/apis/{api}/selfsubjectreviews", body)
        user = ((found or {}).get("status") or {}).get("userInfo") or {}
        return user.get("username")

    def _resources(self) -> Mapping[str, frozenset[str]] | None:
        response = self._got(paths.DISCOVERY)
        if response is not None and response.status == 404:
            return {}
        found = response and _decoded(response)
        if not found:
            return None
        return {
            str(each["name"]): frozenset(each.get("verbs") or ())
            for each in found.get("resources") or ()
        }

    def _schema(self) -> Mapping[str, str] | None:
        """The CRD's schema as every account may read it: there is no right to get CRDs."""
        response = self._got(f"/openapi/v3{paths.DISCOVERY}")
        found = response and _decoded(response)
        schemas = ((found or {}).get("components") or {}).get("schemas") or {}
        for name, schema in schemas.items():
            if name.endswith(f".{KIND}"):
                return fields(schema)
        return None

    def _absent(self, scope: Scope) -> tuple[str, ...]:
        """Namespaces that are not there, as far as there is a right to look; no run has it."""
        return tuple(
            namespace
            for namespace in scope.namespaces or ()
            if (found := self._got(f"/api/v1/namespaces/{namespace}")) and found.status == 404
        )

    def _missing(
        self, scope: Scope, rights: tuple[Right, ...], lease_namespace: str
    ) -> Mapping[str, tuple[Right, ...]] | None:
        """The rights that are not there, by namespace; None where the server does not say."""
        namespaces = ("",) if scope.namespaces is None else scope.namespaces
        asked = [
            (namespace, right)
            for namespace in namespaces
            for right in rights
            if right.need is not Need.ELECTION
        ]
        asked += [(lease_namespace, right) for right in rights if right.need is Need.ELECTION]
        answers: dict[int, bool | None] = {}
        work = Work(lambda index: self._is_allowed(*asked[index]), answers.__setitem__)
        each(range(len(asked)), work, self._connection.connections)
        if None in answers.values():
            return None
        missing: dict[str, tuple[Right, ...]] = {}
        for index, (namespace, right) in enumerate(asked):
            if not answers[index]:
                missing[namespace] = (*missing.get(namespace, ()), right)
        return missing

    def _is_allowed(self, namespace: str, right: Right) -> bool | None:
        api = "authorization.k8s.io/v1"
        resource, _, subresource = right.resource.partition("/")
        attributes = {
            "namespace": namespace,
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "name": right.names[0] if right.names else "",
        }
        body = {
            "apiVersion": api,
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        found = self._posted(f"/apis/{api}/selfsubjectaccessreviews", body)
        return None if found is None else (found.get("status") or {}).get("allowed") is True

    def _leases(self, scope: Scope) -> tuple[Lease, ...] | None:
        """The Go controller's Leases: of all namespaces, or of those that it is likely in."""
        response = self._got(
            paths.collection(paths.LEASES, ""), {"fieldSelector": f"metadata.name={GO_LEASE}"}
        )
        found = response and _decoded(response)
        if found:
            return tuple(map(self._lease, found.get("items") or ()))
        places = dict.fromkeys(("default", *(scope.namespaces or ())))
        answers = [
            self._got(paths.single(paths.LEASES, NamespacedName(place, GO_LEASE)))
            for place in places
        ]
        known = [each for each in answers if each is not None and each.status in {200, 404}]
        if not known:
            return None
        return tuple(self._lease(found) for each in known if (found := _decoded(each)))

    def _lease(self, found: Json) -> Lease:
        spec = found.get("spec") or {}
        server_now = time.time() + (self._skew or 0.0)
        try:
            renewed = datetime.fromisoformat(str(spec.get("renewTime")))
        except ValueError:
            renewed = datetime.fromtimestamp(0, UTC)
        return Lease(
            namespace=found["metadata"]["namespace"],
            holder=spec.get("holderIdentity") or "",
            renewed_seconds=server_now - renewed.timestamp(),
            duration_seconds=float(spec.get("leaseDurationSeconds") or LEASE_SECONDS),
        )

    def _contents(self, scope: Scope, renderer: Renderer) -> Contents:
        try:
            return contents(KubeReader(self._connection).snapshot(scope), renderer)
        except ClusterError as error:
            return Contents(incomplete=str(error))

    def _got(self, path: str, query: Mapping[str, str] | None = None) -> Response | None:
        try:
            return self._connection.get(path, query)
        except (NoAnswerError, ClusterError):
            return None

    def _posted(self, path: str, body: Json) -> Json | None:
        try:
            response = self._connection.request(
                "POST", path, body=msgspec.json.encode(body), content_type=JSON
            )
        except (NoAnswerError, ClusterError):
            return None
        return _decoded(response)


def _skew(date: str, ours: float) -> float | None:
    """How far our clock is behind that of a Date header, in seconds."""
    try:
        # Whole seconds, cut: half a second more is as often too much as too little.
        return parsedate_to_datetime(date).timestamp() + 0.5 - ours
    except ValueError:
        return None


def _lists(missing: Mapping[str, tuple[Right, ...]] | None) -> bool:
    """Whether the right to a list is missing, so that there is nothing to list."""
    return any(right.verb == "list" for rights in (missing or {}).values() for right in rights)


def _decoded(response: Response) -> Json | None:
    """The answer's object; None for a refusal, or anything else."""
    if response.status not in {200, 201}:
        return None
    try:
        found = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
