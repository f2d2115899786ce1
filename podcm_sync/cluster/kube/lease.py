"""A Lease on an API server: read, made and patched, each within its time and never repeated here.

A patch with a resourceVersion is refused with a 409 where the object has another by now, as an
update would be, and needs no right to `update`. On a connection of its own, so that neither the
writers nor their pace hold it up.
"""

from typing import Final

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.answers import JSON, NoAnswerError, Response
from podcm_sync.cluster.kube.bounded import in_time
from podcm_sync.cluster.kube.connection import Connection
from podcm_sync.cluster.kube.errors import status_of
from podcm_sync.cluster.kube.verify import Subject, verified
from podcm_sync.cluster.kube.write import MERGE_PATCH
from podcm_sync.cluster.port import LockError
from podcm_sync.errors import RunError
from podcm_sync.model.lease import Lease, LeaseSpec
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.wire import Metadata, Wire

API_VERSION: Final = "coordination.k8s.io/v1"
RIGHTS: Final = f"get, create and patch on {paths.LEASES}"


class _LeaseWire(Wire):
    metadata: Metadata
    spec: LeaseSpec | None = None


class KubeLease:
    """One Lease; implements `port.Lock`."""

    def __init__(self, connection: Connection, namespaced_name: NamespacedName) -> None:
        """The connection and its clock are this lease's alone."""
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

    def read(self, seconds: float) -> Lease | None:
        """GET."""
        response = self._answer("GET", self._single, None, seconds)
        if response.status == 404:
            return None
        return self._decoded(response, "read")

    def write(self, spec: LeaseSpec, resource_version: str | None, seconds: float) -> Lease:
        """PATCH of that version, or POST."""
        if resource_version is None:
            name = self._namespaced_name
            made = {
                "apiVersion": API_VERSION,
                "kind": "Lease",
                "metadata": {"namespace": name.namespace, "name": name.name},
                "spec": spec,
            }
            response = self._answer("POST", self._collection, made, seconds)
            return self._decoded(response, "create")
        patch = {"metadata": {"resourceVersion": resource_version}, "spec": spec}
        response = self._answer("PATCH", self._single, patch, seconds)
        if response.status == 404:
            raise LockError(f"{self} is gone", is_conflict=True)
        return self._decoded(response, "patch")

    def _answer(self, method: str, path: str, body: object, seconds: float) -> Response:
        content_type = {"POST": JSON, "PATCH": MERGE_PATCH}.get(method)
        self._connection.clock.begin(seconds, "the lease's limit of")

        def send() -> Response:
            response = self._connection.request(
                method,
                path,
                body=msgspec.json.encode(body) if body else None,
                content_type=content_type,
            )
            # An answer about another lease, or a load balancer's 404, must not make a leader.
            return verified(response, self._subject)

        try:
            return in_time(send, seconds)
        except (NoAnswerError, TimeoutError) as error:
            # The same words each time: how long is left to a request is another each time.
            is_late = isinstance(error, TimeoutError) or "timed out" in str(error)
            server, why = (
                self._connection.target.description,
                "in time" if is_late else f"({error})",
            )
            raise LockError(f"{self}: no answer from {server} {why}") from error
        except RunError as error:
            raise LockError(f"{self}: {error}") from error

    def _decoded(self, response: Response, verb: str) -> Lease:
        """The lease of an answer, or what a refusal means."""
        if response.status not in {200, 201}:
            raise self._refusal(response, verb)
        try:
            wire = msgspec.json.decode(response.body, type=_LeaseWire)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise LockError(f"{self} does not decode: {error}") from error
        version = wire.metadata.resource_version
        return Lease(spec=wire.spec or LeaseSpec(), resource_version=version)

    def _refusal(self, response: Response, verb: str) -> LockError:
        said = status_of(response).message
        namespace = self._namespaced_name.namespace
        match response.status:
            case 403:
                return LockError(
                    f"no right to {verb} {self}: {said}; grant {RIGHTS} in namespace {namespace} "
                    "(deploy/deployment.yaml)"
                )
            case 404:
                return LockError(
                    f"cannot {verb} {self}: there is no namespace {namespace}, or no "
                    f"{paths.LEASES} on this server: {said}"
                )
            case 409:
                return LockError(f"{self} has changed: {said}", is_conflict=True)
            case code:
                return LockError(f"cannot {verb} {self}: HTTP {code}: {said}")
