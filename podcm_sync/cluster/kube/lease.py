"""A Lease on an API server: read, create, and patch, each within its time limit, without repeats.

If the resourceVersion of a patch is outdated, the server answers 409, as for an update. A patch
doesn't need permission to `update`. The Lease has its own connection, so that neither the writers
nor their rate limit delay it.
"""

from typing import Final

import msgspec

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Lease, LeaseSpec
from podcm_sync.api.wire_json import Metadata, Wire
from podcm_sync.cluster.interfaces import Limit, LockError
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.apierrors import status_of
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.transport import JSON, Response, TransportError
from podcm_sync.cluster.kube.verify import Subject, verified
from podcm_sync.cluster.kube.writer import MERGE_PATCH
from podcm_sync.errors import NOT_JSON, RunError
from podcm_sync.runtime.context import timed_out
from podcm_sync.runtime.workers import run_with_timeout

API_VERSION: Final = "coordination.k8s.io/v1"
RIGHTS: Final = f"get, create and patch on {paths.LEASES}"


class _LeaseWire(Wire):
    metadata: Metadata
    spec: LeaseSpec | None = None


class KubeLease:
    """One Lease; implements `interfaces.Lock`."""

    def __init__(self, connection: Connection, namespaced_name: NamespacedName) -> None:
        """Nothing else must use the connection and its RunContext: each call sets its deadline."""
        self._connection = connection
        self._namespaced_name = namespaced_name
        self._subject = Subject(
            api_version=API_VERSION,
            kind="Lease",
            resource="leases",
            namespaced_name=namespaced_name,
        )
        self._single = paths.single(paths.LEASES, namespaced_name)
        self._collection = paths.collection(paths.LEASES, namespaced_name.namespace)

    def __str__(self) -> str:
        return f"the lease {self._namespaced_name}"

    def read(self, limit: Limit) -> Lease | None:
        """GET the Lease."""
        response = self._answer("GET", self._single, None, limit)
        if response.status == 404:
            return None
        return self._decoded(response, "read")

    def write(self, spec: LeaseSpec, resource_version: str | None, limit: Limit) -> Lease:
        """PATCH exactly `resource_version`, or POST if it is None."""
        if resource_version is None:
            name = self._namespaced_name
            manifest = {
                "apiVersion": API_VERSION,
                "kind": "Lease",
                "metadata": {"namespace": name.namespace, "name": name.name},
                "spec": spec,
            }
            response = self._answer("POST", self._collection, manifest, limit)
            return self._decoded(response, "create")
        patch = {"metadata": {"resourceVersion": resource_version}, "spec": spec}
        response = self._answer("PATCH", self._single, patch, limit)
        if response.status == 404:
            raise LockError(f"{self} is gone", is_conflict=True)
        return self._decoded(response, "patch")

    def _answer(self, method: str, path: str, body: object, limit: Limit) -> Response:
        """The verified answer to one request. Raises LockError."""
        content_type = {"POST": JSON, "PATCH": MERGE_PATCH}.get(method)
        self._connection.context.begin(limit.seconds, limit.name)

        def send() -> Response:
            response = self._connection.request(
                method,
                path,
                body=msgspec.json.encode(body) if body else None,
                content_type=content_type,
            )
            # An answer about another Lease, or a load balancer's 404, must not make a leader.
            return verified(response, self._subject)

        try:
            return run_with_timeout(send, limit.seconds)
        except (TransportError, TimeoutError) as error:
            why = timed_out(limit.name) if isinstance(error, TimeoutError) else error
            server = self._connection.target.description
            raise LockError(f"{self}: no answer from {server}: {why}") from error
        except RunError as error:
            raise LockError(f"{self}: {error}") from error

    def _decoded(self, response: Response, verb: str) -> Lease:
        """The Lease of an answer. Raises LockError for a refusal."""
        if response.status not in {200, 201}:
            raise self._refusal(response, verb)
        try:
            wire = msgspec.json.decode(response.body, type=_LeaseWire)
        except NOT_JSON as error:
            raise LockError(f"{self} can't be decoded: {error}") from error
        version = wire.metadata.resource_version
        return Lease(spec=wire.spec or LeaseSpec(), resource_version=version)

    def _refusal(self, response: Response, verb: str) -> LockError:
        message = status_of(response).message
        namespace = self._namespaced_name.namespace
        match response.status:
            case 403:
                return LockError(
                    f"no permission to {verb} {self}: {message}; grant {RIGHTS} in namespace "
                    f"{namespace} (podcm-sync rbac --leader-elect prints the Role)"
                )
            case 404:
                return LockError(
                    f"cannot {verb} {self}: the namespace {namespace} doesn't exist, or the server "
                    f"has no {paths.LEASES}: {message}"
                )
            case 409:
                return LockError(f"{self} has changed: {message}", is_conflict=True)
            case code:
                return LockError(f"cannot {verb} {self}: HTTP {code}: {message}")
