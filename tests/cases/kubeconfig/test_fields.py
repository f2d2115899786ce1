"""The table of fields is complete, and podcm-sync reads no field that is not in it."""

from pathlib import Path

import msgspec
import pytest

from podcm_sync.cluster.kube import kubeconfig
from tests.cases.kubeconfig.fields import GO_FIELDS, TABLE

HERE = Path(__file__).parent
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "Config": kubeconfig._File,
    "Cluster": kubeconfig.Cluster,
    "AuthInfo": kubeconfig.User,
    "Context": kubeconfig.Context,
    "ExecConfig": kubeconfig.ExecConfig,
    "ExecEnvVar": kubeconfig.ExecEnvVar,
    "AuthProviderConfig": kubeconfig.AuthProviderConfig,
    "NamedExtension": kubeconfig.Extension,
}
IGNORED = {
    "Config": {"preferences", "extensions"},
    "AuthInfo": {"extensions"},
    "Context": {"extensions"},
}


@pytest.mark.parametrize("name", GO_FIELDS)
def test_each_field_of_client_go_has_a_row(name: str) -> None:
    assert [row.name for row in TABLE[name]] == list(GO_FIELDS[name])


@pytest.mark.parametrize("name", GO_FIELDS)
def test_podcm_sync_reads_each_field_that_is_not_ignored(name: str) -> None:
    read = {field.encode_name for field in msgspec.structs.fields(STRUCTS[name])}
    assert read == set(GO_FIELDS[name]) - IGNORED.get(name, set())


def test_each_row_names_cases_that_exist() -> None:
    cases = {case for rows in TABLE.values() for row in rows for case in row.cases}
    assert {case for case in cases if not (HERE / case / "case.yaml").is_file()} == set()
    assert all(row.cases for rows in TABLE.values() for row in rows)
