"""One object by name, as the API server has it at this moment."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from podcm_sync.api.decode_json import decode_config, decode_config_map, decode_pod
from podcm_sync.api.meta import API_VERSION, KIND, PLURAL, NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import LookError
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.apierrors import refusal
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.retry import repeated
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.cluster.kube.verify import SUCCESSES, Named, Subject, decoded, verified
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.changes import Answer, Result

POD: Final = partial(Subject, api_version="v1", kind="Pod", resource="pods")
CONFIG: Final = partial(Subject, api_version=API_VERSION, kind=KIND, resource=PLURAL)
CONFIG_MAP: Final = partial(Subject, api_version="v1", kind="ConfigMap", resource="configmaps")
T = TypeVar("T")


class KubeLooker:
    """Gets objects by name; callable from any thread. Implements `interfaces.Looker`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pod(self, name: NamespacedName) -> Pod | None:
        """The Pod with all its annotations; None if it doesn't exist. Raises LookError."""
        subject = POD(namespaced_name=name)
        return _answered(lambda: self._look(paths.PODS, subject, decode_pod))

    def config(self, name: NamespacedName) -> PodConfigMapConfig | None:
        """The config; None if it doesn't exist. Raises LookError."""
        subject = CONFIG(namespaced_name=name)
        return _answered(lambda: self._look(paths.CONFIGS, subject, decode_config))

    def config_map(self, name: NamespacedName) -> ConfigMap | None:
        """The ConfigMap; None if it doesn't exist. Raises TransportError and ClusterError."""
        return self._look(paths.CONFIG_MAPS, CONFIG_MAP(namespaced_name=name), decode_config_map)

    def _look(
        self, resource: str, subject: Subject, decode: Callable[[bytes], Named]
    ) -> Named | None:
        path, connection = paths.single(resource, subject.namespaced_name), self._connection

        def send() -> Response:
            return verified(connection.get(path), subject)

        response = repeated(send, connection.context, on_repeat=connection.requests.repeated)
        if response.status == 404:
            return None
        if response.status not in SUCCESSES:
            raise _RefusedError(refusal(response))
        return decoded(response, decode)


class _RefusedError(TransportError):
    """The server refused to give the object."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message, is_sent=True)
        self.answer = answer


def _answered(look: Callable[[], T]) -> T:
    """What was looked at. Raises LookError if the look failed."""
    try:
        return look()
    except _RefusedError as error:
        raise LookError(error.answer) from error
    except TransportError as error:
        # Nothing was sent that changes anything, so nobody has to find out what became of it.
        message = f"podcm-sync couldn't look whether it is needed: {error}"
        skipped = Answer(result=Result.SKIPPED, reason=Reason.UNCONFIRMED, message=message)
        raise LookError(skipped) from error
    except ClusterError as error:
        failed = Answer(result=Result.FAILED, reason=Reason.UNAUTHORIZED, message=str(error))
        raise LookError(failed) from error
