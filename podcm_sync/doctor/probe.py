"""Asks an API server the questions of `doctor`. It only reads, apart from access reviews.

A question without an answer becomes a fact (NotChecked), never an error, because the next question
can still have an answer. An answer counts only if it is an object of the kind asked for;
anything can answer 200 or 404. There is a `failure` only if nothing can be asked at all.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from podcm_sync.api.meta import GROUP, KIND, PLURAL, NamespacedName
from podcm_sync.api.objects import LeaseSpec
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.transport import JSON, Response, TransportError
from podcm_sync.doctor.contents import Contents, contents
from podcm_sync.doctor.crd_schema import fields
from podcm_sync.doctor.evidence import Typed, answered, content_of, is_refusal, unanswered
from podcm_sync.doctor.facts import NOT_ASKED, Facts, Lease, NotChecked, Policy
from podcm_sync.doctor.workload_probe import find_workloads
from podcm_sync.errors import ClusterError, Unavailable
from podcm_sync.rbac.rights import RequiredFor, Right
from podcm_sync.reconcile.renderer import Renderer
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.workers import Waiting, Work, parallelize

GO_LEASE: Final = "podconfigmap-controller-lock"
"""The Lease of the Go controller's main.go, in the namespace POD_NAMESPACE or `default`."""
LEASE_SECONDS: Final = 15.0
"""client-go's default duration, for a Lease without one."""
LEASE_API: Final = "coordination.k8s.io/v1"


class _UserInfo(Struct):
    username: str | None = None


class _ReviewStatus(Struct, rename="camel"):
    allowed: bool | None = None
    user_info: _UserInfo | None = None


class _Review(Typed):
    status: _ReviewStatus | None = None


class _Group(Struct):
    name: str


class _Groups(Typed):
    groups: tuple[_Group, ...] | None = None


class _Resource(Struct):
    name: str
    verbs: frozenset[str] | None = None


class _Resources(Typed):
    resources: tuple[_Resource, ...] | None = None


class _Metadata(Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _LeaseWire(Typed):
    metadata: _Metadata = _Metadata()
    spec: LeaseSpec | None = None


class _Leases(Typed):
    items: tuple[_LeaseWire, ...] | None = None


class _Condition(Struct):
    expression: str = ""


class _PolicySpec(Struct, rename="camel"):
    """The spec of a policy, or of its binding."""

    match_conditions: tuple[_Condition, ...] | None = None
    policy_name: str = ""
    validation_actions: tuple[str, ...] | None = None


class _PolicyWire(Struct):
    metadata: _Metadata
    spec: _PolicySpec | None = None

    @property
    def known_spec(self) -> _PolicySpec:
        return self.spec or _PolicySpec()


class _Policies(Typed):
    items: tuple[_PolicyWire, ...] | None = None


class Probe:
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
        """All facts for runs over this scope that need these rights.

        The rights on the Lease are needed only in `lease_namespace`.
        """
        try:
            version = self._version()
        except TransportError as error:
            return Facts(
                scope=scope,
                failure=f"cannot be reached: {error}",
                hint="check the server's address and the network",
            )
        except ClusterError as error:
            return Facts(scope=scope, failure=str(error), hint=error.hint)
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
            workloads=find_workloads(self._get),
            contents=self._contents(scope, renderer)
            if is_served and not _lacks_list(missing)
            else None,
        )

    def _version(self) -> str | NotChecked:
        """The server's version; "" if it doesn't tell.

        Raises TransportError if there is no answer, ClusterError if the login fails.
        """
        wall_began, began = time.time(), time.monotonic()
        response = self._connection.get("/version", waiting=self._waiting("/version"))
        # The server wrote its Date some time during the request, on average halfway.
        self._skew = _skew(response.date, wall_began + (time.monotonic() - began) / 2)
        if response.status == 401:
            raise ClusterError(
                "the server doesn't accept the credentials",
                hint="renew the credentials",
                reason=Unavailable.LOGIN_FAILED,
            )
        if is_refusal(response, 403):
            return ""
        # This is the only answer without a kind, so it counts by its field.
        version = content_of(response).get("gitVersion") if response.status == 200 else None
        return version if isinstance(version, str) else unanswered(response, "version")

    def _username(self) -> str | NotChecked:
        api, kind = "authentication.k8s.io/v1", "SelfSubjectReview"
        response = self._post_review(f"/apis/{api}/selfsubjectreviews", api, kind)
        if is_refusal(response, 403, 404):
            return ""
        review = answered(response, api, kind, _Review)
        if isinstance(review, NotChecked):
            return review
        user = review.status.user_info if review.status else None
        return (user and user.username) or ""

    def _resources(self) -> Mapping[str, frozenset[str]] | NotChecked:
        """The resources of the CRD's group; empty if the server doesn't know the group."""
        response = self._get(paths.DISCOVERY)
        if not isinstance(response, NotChecked) and response.status == 404:
            # A 404 for a path is plain text, which any proxy can send. A list of groups that lacks
            # this one is proof.
            groups = answered(self._get("/apis"), "v1", "APIGroupList", _Groups)
            if isinstance(groups, NotChecked):
                return unanswered(response, "APIResourceList")
            names = {group.name for group in groups.groups or ()}
            return unanswered(response, "APIResourceList") if GROUP in names else {}
        offered = answered(response, "v1", "APIResourceList", _Resources)
        if isinstance(offered, NotChecked):
            return offered
        return {
            resource.name: resource.verbs or frozenset() for resource in offered.resources or ()
        }

    def _schema(self) -> Mapping[str, str] | NotChecked:
        """The CRD's schema from OpenAPI, which every account can read. Few can get CRDs."""
        response = self._get(f"/openapi/v3{paths.DISCOVERY}")
        if isinstance(response, NotChecked):
            return response
        document = content_of(response) if response.status == 200 else {}
        try:
            if not str(document.get("openapi")).startswith("3."):
                return unanswered(response, "OpenAPI document")
            schemas = (document.get("components") or {}).get("schemas") or {}
            for name, schema in schemas.items():
                if name.endswith(f".{KIND}"):
                    return fields(schema)
        except (AttributeError, TypeError, RecursionError):  # not an OpenAPI document
            return unanswered(response, "OpenAPI document")
        return NotChecked(why="the server publishes no schema for the CRD")

    def _absent(self, scope: Scope) -> tuple[str, ...]:
        """The namespaces that are known not to exist. Runs don't need the permission to look."""
        return tuple(
            namespace
            for namespace in scope.namespaces or ()
            if is_refusal(self._get(f"/api/v1/namespaces/{namespace}"), 404)
        )

    def _missing(
        self, scope: Scope, rights: tuple[Right, ...], lease_namespace: str
    ) -> Mapping[str, tuple[Right, ...]] | NotChecked:
        """The rights that the account lacks, by namespace; "" stands for all namespaces."""
        namespaces = ("",) if scope.namespaces is None else scope.namespaces
        questions = [
            (namespace, right)
            for namespace in namespaces
            for right in rights
            if right.required_for is not RequiredFor.ELECTION
        ]
        questions += [
            (lease_namespace, right)
            for right in rights
            if right.required_for is RequiredFor.ELECTION
        ]
        answers: dict[int, bool | NotChecked] = {}
        work = Work(lambda index: self._is_allowed(*questions[index]), answers.__setitem__)
        parallelize(range(len(questions)), work, self._connection.connections)
        for answer in answers.values():
            if isinstance(answer, NotChecked):
                return answer
        missing: dict[str, tuple[Right, ...]] = {}
        for index, (namespace, right) in enumerate(questions):
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
        review = answered(self._post_review(path, api, kind, {"spec": spec}), api, kind, _Review)
        if isinstance(review, NotChecked):
            return review
        allowed = review.status.allowed if review.status else None
        return NotChecked(why=f"the {kind} has no answer") if allowed is None else allowed

    def _leases(self, scope: Scope) -> tuple[Lease, ...] | NotChecked:
        """The Go controller's Leases in all namespaces, or else where it likely runs."""
        named = {"fieldSelector": f"metadata.name={GO_LEASE}"}
        response = self._get(paths.with_query(paths.collection(paths.LEASES, ""), named))
        leases = answered(response, LEASE_API, "LeaseList", _Leases)
        if not isinstance(leases, NotChecked):
            return tuple(map(self._lease, leases.items or ()))
        known: list[Lease] = []
        unknown: NotChecked | None = None
        for namespace in dict.fromkeys(("default", *(scope.namespaces or ()))):
            response = self._get(paths.single(paths.LEASES, NamespacedName(namespace, GO_LEASE)))
            if is_refusal(response, 404):
                continue
            lease = answered(response, LEASE_API, "Lease", _LeaseWire)
            if not isinstance(lease, NotChecked):
                known.append(self._lease(lease))
            elif is_refusal(response, 403):
                unknown = NotChecked(why="no permission to look for its Lease")
            else:
                unknown = lease
        return tuple(known) if known or unknown is None else unknown

    def _lease(self, lease: _LeaseWire) -> Lease:
        spec = lease.spec or LeaseSpec()
        server_now = time.time() + (self._skew or 0.0)
        try:
            renewed = datetime.fromisoformat(spec.renew_time or "").timestamp()
        except ValueError:
            renewed = 0.0
        return Lease(
            namespace=lease.metadata.namespace,
            holder=spec.holder_identity or "",
            renewed_seconds=server_now - renewed,
            duration_seconds=float(spec.lease_duration_seconds or LEASE_SECONDS),
        )

    def _policies(self) -> tuple[Policy, ...] | NotChecked:
        """The admission policies with podcm-sync's label. Runs don't need that permission."""
        policies = self._labeled(paths.POLICIES, "ValidatingAdmissionPolicy")
        bindings = self._labeled(paths.BINDINGS, "ValidatingAdmissionPolicyBinding")
        if isinstance(policies, NotChecked):
            return policies
        if isinstance(bindings, NotChecked):
            return bindings
        return tuple(_policy(policy, bindings) for policy in policies)

    def _labeled(self, path: str, kind: str) -> tuple[_PolicyWire, ...] | NotChecked:
        selected = {"labelSelector": "app.kubernetes.io/name=podcm-sync"}
        response = self._get(paths.with_query(path, selected))
        if is_refusal(response, 403):
            return NotChecked(why="no permission to look for the admission policy")
        listed = answered(response, paths.ADMISSION, f"{kind}List", _Policies)
        return listed if isinstance(listed, NotChecked) else listed.items or ()

    def _contents(self, scope: Scope, renderer: Renderer) -> Contents:
        try:
            return contents(KubeReader(self._connection).snapshot(scope), renderer)
        except ClusterError as error:
            return Contents(incomplete=str(error))

    def _waiting(self, path: str) -> Waiting:
        return Waiting(f"{self._connection.target.description}: GET {path}")

    def _get(self, path: str) -> Response | NotChecked:
        try:
            return self._connection.get(path, waiting=self._waiting(path))
        except (TransportError, ClusterError) as error:
            return NotChecked(why=f"no answer: {error}")

    def _post_review(
        self, path: str, api_version: str, kind: str, body: Mapping[str, Any] = {}
    ) -> Response | NotChecked:
        """The answer to an access review of this account. The server doesn't store reviews."""
        review = {"apiVersion": api_version, "kind": kind, **body}
        try:
            return self._connection.request(
                "POST", path, body=msgspec.json.encode(review), content_type=JSON
            )
        except (TransportError, ClusterError) as error:
            return NotChecked(why=f"no answer: {error}")


def _policy(policy: _PolicyWire, bindings: Iterable[_PolicyWire]) -> Policy:
    """The admission policy, with the actions of its bindings."""
    name = policy.metadata.name
    specs = [binding.known_spec for binding in bindings]
    conditions = policy.known_spec.match_conditions or ()
    return Policy(
        name=name,
        conditions="\n".join(condition.expression for condition in conditions),
        actions=frozenset(
            action
            for spec in specs
            if spec.policy_name == name
            for action in spec.validation_actions or ()
        ),
    )


def _skew(date: str, ours: float) -> float | None:
    """The seconds that our clock is behind the Date header; None if that isn't a date."""
    try:
        # The header has whole seconds, rounded down, so the middle of that second is the best
        # guess.
        return parsedate_to_datetime(date).timestamp() + 0.5 - ours
    except (ValueError, OverflowError):  # a year that datetime doesn't have
        return None


def _lacks_list(missing: Mapping[str, tuple[Right, ...]] | NotChecked) -> bool:
    """Whether a permission to list is missing, so that the contents can't be read."""
    if isinstance(missing, NotChecked):
        return False
    return any(right.verb == "list" for rights in missing.values() for right in rights)
