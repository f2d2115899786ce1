"""An API server asked what `doctor` wants to know. It reads; what it creates are access reviews.

A question without an answer is a fact too (NotChecked), never an error: the next one may be
answered. An answer counts only if it is an object of the kind asked for: anything may answer with
200 or 404. There is a `failure` only if nothing can be asked at all.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.bounded import Waiting
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.evidence import (
    Json,
    answered,
    content_of,
    is_refusal,
    unanswered,
)
from podcm_sync.cluster.kube.read import KubeReader
from podcm_sync.core.doctor.contents import Contents, contents
from podcm_sync.core.doctor.facts import NOT_ASKED, Facts, Lease, NotChecked, Policy
from podcm_sync.core.doctor.schema import fields
from podcm_sync.core.rendering import Renderer
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.model.meta import GROUP, KIND, PLURAL, NamespacedName
from podcm_sync.model.objects import Scope
from podcm_sync.model.rights import Need, Right
from podcm_sync.parallel import Work, each

GO_LEASE: Final = "podconfigmap-controller-lock"
"""What the Go controller's main.go calls its Lease, in POD_NAMESPACE or `default`."""
LEASE_SECONDS: Final = 15.0
LEASE_API: Final = "coordination.k8s.io/v1"


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
        is_served = not isinstance(resources, NotChecked) and PLURAL in resources
        missing = self._missing(scope, rights, lease_namespace)
        return Facts(
            scope=scope,
            version=version,
            username=self._username(),
            resources=resources,
            schema=self._schema() if is_served else NOT_ASKED,
            absent=self._absent(scope),
            rights=len(rights),
            missing=missing,
            skew_seconds=None if isinstance(version, NotChecked) else self._skew,
            leases=self._leases(scope),
            policies=self._policies(),
            contents=self._contents(scope, renderer) if is_served and not _lists(missing) else None,
        )

    def _version(self) -> str | NotChecked:
        """The server's version; "" if it does not say. Raises if there is no server."""
        begun, began = time.time(), time.monotonic()
        response = self._connection.get("/version", waiting=self._waiting("/version"))
        # The answer was written some time while we waited for it.
        self._skew = _skew(response.date, begun + (time.monotonic() - began) / 2)
        if response.status == 401:
            raise ClusterError(
                "does not accept the credentials: renew them", reason=Unavailable.LOGIN_FAILED
            )
        if is_refusal(response, 403):
            return ""
        # Of all answers this one has no kind.
        version = content_of(response).get("gitVersion") if response.status == 200 else None
        return version if isinstance(version, str) else unanswered(response, "version")

    def _username(self) -> str | NotChecked:
        api, kind = "authentication.k8s.io/v1", "SelfSubjectReview"
        response = self._posted(f"/apis/{api}/selfsubjectreviews", api, kind)
        if is_refusal(response, 403, 404):
            return ""
        review = answered(response, api, kind)
        if isinstance(review, NotChecked):
            return review
        user = (review.get("status") or {}).get("userInfo") or {}
        return str(user.get("username") or "")

    def _resources(self) -> Mapping[str, frozenset[str]] | NotChecked:
        """What the server offers of the CRD's group; empty if it does not know the group."""
        response = self._got(paths.DISCOVERY)
        if not isinstance(response, NotChecked) and response.status == 404:
            # The server's own 404 is no object. A list of groups without this one is proof.
            groups = answered(self._got("/apis"), "v1", "APIGroupList")
            if isinstance(groups, NotChecked):
                return unanswered(response, "APIResourceList")
            names = {str(group.get("name")) for group in groups.get("groups") or ()}
            return unanswered(response, "APIResourceList") if GROUP in names else {}
        offered = answered(response, "v1", "APIResourceList")
        if isinstance(offered, NotChecked):
            return offered
        return {
            str(resource["name"]): frozenset(resource.get("verbs") or ())
            for resource in offered.get("resources") or ()
        }

    def _schema(self) -> Mapping[str, str] | NotChecked:
        """The CRD's schema as every account may read it: there is no right to get CRDs."""
        response = self._got(f"/openapi/v3{paths.DISCOVERY}")
        if isinstance(response, NotChecked):
            return response
        document = content_of(response) if response.status == 200 else {}
        if not str(document.get("openapi")).startswith("3."):
            return unanswered(response, "OpenAPI document")
        schemas = (document.get("components") or {}).get("schemas") or {}
        for name, schema in schemas.items():
            if name.endswith(f".{KIND}"):
                return fields(schema)
        return NotChecked(why="the server publishes no schema for the CRD")

    def _absent(self, scope: Scope) -> tuple[str, ...]:
        """Namespaces that are not there, as far as there is a right to look; no run has it."""
        return tuple(
            namespace
            for namespace in scope.namespaces or ()
            if is_refusal(self._got(f"/api/v1/namespaces/{namespace}"), 404)
        )

    def _missing(
        self, scope: Scope, rights: tuple[Right, ...], lease_namespace: str
    ) -> Mapping[str, tuple[Right, ...]] | NotChecked:
        """The rights that are not there, by namespace."""
        namespaces = ("",) if scope.namespaces is None else scope.namespaces
        asked = [
            (namespace, right)
            for namespace in namespaces
            for right in rights
            if right.need is not Need.ELECTION
        ]
        asked += [(lease_namespace, right) for right in rights if right.need is Need.ELECTION]
        answers: dict[int, bool | NotChecked] = {}
        work = Work(lambda index: self._is_allowed(*asked[index]), answers.__setitem__)
        each(range(len(asked)), work, self._connection.connections)
        for answer in answers.values():
            if isinstance(answer, NotChecked):
                return answer
        missing: dict[str, tuple[Right, ...]] = {}
        for index, (namespace, right) in enumerate(asked):
            if not answers[index]:
                missing[namespace] = (*missing.get(namespace, ()), right)
        return missing

    def _is_allowed(self, namespace: str, right: Right) -> bool | NotChecked:
        api, kind = "authorization.k8s.io/v1", "SelfSubjectAccessReview"
        resource, _, subresource = right.resource.partition("/")
        attributes = {
            "namespace": namespace,
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "name": right.names[0] if right.names else "",
        }
        spec = {"resourceAttributes": attributes}
        path = f"/apis/{api}/selfsubjectaccessreviews"
        review = answered(self._posted(path, api, kind, {"spec": spec}), api, kind)
        if isinstance(review, NotChecked):
            return review
        allowed = (review.get("status") or {}).get("allowed")
        return allowed if isinstance(allowed, bool) else NotChecked(why=f"the {kind} has no answer")

    def _leases(self, scope: Scope) -> tuple[Lease, ...] | NotChecked:
        """The Go controller's Leases: of all namespaces, or of those that it is likely in."""
        response = self._got(
            paths.collection(paths.LEASES, ""), {"fieldSelector": f"metadata.name={GO_LEASE}"}
        )
        leases = answered(response, LEASE_API, "LeaseList")
        if not isinstance(leases, NotChecked):
            return tuple(map(self._lease, leases.get("items") or ()))
        known: list[Lease] = []
        unknown: NotChecked | None = None
        for namespace in dict.fromkeys(("default", *(scope.namespaces or ()))):
            response = self._got(paths.single(paths.LEASES, NamespacedName(namespace, GO_LEASE)))
            if is_refusal(response, 404):
                continue
            lease = answered(response, LEASE_API, "Lease")
            if not isinstance(lease, NotChecked):
                known.append(self._lease(lease))
            elif is_refusal(response, 403):
                unknown = NotChecked(why="no permission to look for its Lease")
            else:
                unknown = lease
        return tuple(known) if known or unknown is None else unknown

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

    def _policies(self) -> tuple[Policy, ...] | NotChecked:
        """The admission policies that carry podcm-sync's label. No run needs to see them."""
        policies = self._labeled(paths.POLICIES, "ValidatingAdmissionPolicy")
        bindings = self._labeled(paths.BINDINGS, "ValidatingAdmissionPolicyBinding")
        if isinstance(policies, NotChecked):
            return policies
        if isinstance(bindings, NotChecked):
            return bindings
        return tuple(_policy(policy, bindings) for policy in policies)

    def _labeled(self, path: str, kind: str) -> list[Json] | NotChecked:
        response = self._got(path, {"labelSelector": "app.kubernetes.io/name=podcm-sync"})
        if is_refusal(response, 403):
            return NotChecked(why="no permission to look for the admission policy")
        listed = answered(response, paths.ADMISSION, f"{kind}List")
        return listed if isinstance(listed, NotChecked) else listed.get("items") or []

    def _contents(self, scope: Scope, renderer: Renderer) -> Contents:
        try:
            return contents(KubeReader(self._connection).snapshot(scope), renderer)
        except ClusterError as error:
            return Contents(incomplete=str(error))

    def _waiting(self, path: str) -> Waiting:
        return Waiting(f"{self._connection.target.description}: GET {path}")

    def _got(self, path: str, query: Mapping[str, str] | None = None) -> Response | NotChecked:
        try:
            return self._connection.get(path, query, waiting=self._waiting(path))
        except (NoAnswerError, ClusterError) as error:
            return NotChecked(why=f"no answer: {error}")

    def _posted(
        self, path: str, api_version: str, kind: str, body: Mapping[str, Any] = {}
    ) -> Response | NotChecked:
        """The answer to a review of what this account is or may do, which the server forgets."""
        review = {"apiVersion": api_version, "kind": kind, **body}
        try:
            return self._connection.request(
                "POST", path, body=msgspec.json.encode(review), content_type=JSON
            )
        except (NoAnswerError, ClusterError) as error:
            return NotChecked(why=f"no answer: {error}")


def _policy(policy: Json, bindings: list[Json]) -> Policy:
    """An admission policy with the actions of those bindings that bind it."""
    name = policy["metadata"]["name"]
    spec = policy.get("spec") or {}
    specs = [binding.get("spec") or {} for binding in bindings]
    return Policy(
        name=name,
        conditions="\n".join(
            str(condition.get("expression")) for condition in spec.get("matchConditions") or ()
        ),
        actions=frozenset(
            str(action)
            for binding in specs
            if binding.get("policyName") == name
            for action in binding.get("validationActions") or ()
        ),
    )


def _skew(date: str, ours: float) -> float | None:
    """How far our clock is behind that of a Date header, in seconds."""
    try:
        # Whole seconds, cut: half a second more is as often too much as too little.
        return parsedate_to_datetime(date).timestamp() + 0.5 - ours
    except ValueError:
        return None


def _lists(missing: Mapping[str, tuple[Right, ...]] | NotChecked) -> bool:
    """Whether the right to a list is missing, so that there is nothing to list."""
    if isinstance(missing, NotChecked):
        return False
    return any(right.verb == "list" for rights in missing.values() for right in rights)
