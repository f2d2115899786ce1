"""Any bytes as a manifest: a dry run of its directory reports, or says what is wrong with the file.

A link may lead to any file, so an error quotes nothing of a file without a Kubernetes object.
"""

import tempfile
from pathlib import Path

from podcm_sync.cluster.files import preview
from podcm_sync.cluster.files.directory import DirectoryCluster
from podcm_sync.errors import InputError
from podcm_sync.output.text import text
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.test_rendered_text_is_printable import is_harmless

SCOPE = Scope(namespaces=("shop",))
SECRET = b"QZXJKVWQ"
"""Stands in the file wherever the input has a dollar sign."""


def test_one_input(data: bytes) -> None:
    content = data.replace(b"$", SECRET)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yaml")
        path.write_bytes(content)
        cluster = DirectoryCluster(Path(folder))
        try:
            report = run(SCOPE, cluster, None, Policy(), now=NOW)
        except InputError as error:
            _check(error, content)
        else:
            assert is_harmless(text(report, is_verbose=True))
        try:
            preview.configs([str(path)], SCOPE)
        except InputError as error:
            _check(error, content)


def _check(error: InputError, content: bytes) -> None:
    assert str(error)
    may_be_an_object = b"apiVersion" in content or b"kind" in content or b"\0" in content
    assert may_be_an_object or SECRET.decode() not in str(error)
