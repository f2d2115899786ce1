"""An Event that the server refuses is a line in the log, and its words can be withheld."""

from typing import cast

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cli import logs
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.reconcile.events import Event
from tests.builders import NOW
from tests.unit.cluster.kube.test_writer import Server, status


def test_a_refused_event_is_logged_and_redact_withholds_what_the_server_repeats(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An admission webhook can repeat the note, and a note can repeat a template's value."""
    event = Event(
        config=NamespacedName("shop", "web"),
        uid="u-1",
        resource_version="7",
        type="Warning",
        reason="SomeConfigMapsFailed",
        note="the value is sesame",
        time=NOW,
    )
    refused = status(403, event.namespaced_name.name, message="denied: the value is sesame")
    server = Server((403, refused.replace(b"configmaps", b"events")), there=None)
    KubeWriter(cast("Connection", server)).record(event)
    (record,) = caplog.records
    assert "no Event SomeConfigMapsFailed on shop/web: denied: the value" in record.message
    redacted = logs._Text(is_redacted=True).format(record)
    assert "no Event SomeConfigMapsFailed on shop/web" in redacted
    assert "sesame" not in redacted
