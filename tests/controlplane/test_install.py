"""Every way to install podcm-sync works on a cluster that has nothing of it, at the first try.

The namespaces enforce PodSecurity `restricted`, and the Pods are admitted.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from podcm_sync import __version__
from tests import command
from tests.chart.rendering import DIGEST, Json, attempt
from tests.controlplane import own
from tests.controlplane.accounts import RBAC, grant
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.deploy_files import DEPLOY, REPOSITORY, documented, shell
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import CRD, new_namespace
from tests.controlplane.sync_objects import (
    GENERATED_BY,
    POD_UID,
    config_map,
    generated,
    make_config,
    selecting,
)
from tests.shape.deploy import CHART

CRD_NAME = "podconfigmapconfigs.podconfig.example.com"
NAME = "podcm-sync"
LABEL = f"app.kubernetes.io/part-of={NAME}"
WORKLOADS = ("CronJob", "Deployment")
COMPONENTS = {"cronjob": "sync", "sharded": "sharded-sync", "deployment": "loop"}
CLUSTER_WIDE = (
    "ValidatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ClusterRoleBinding",
    "ClusterRole",
)
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}

control_plane, deletions = own.control_plane, own.deletions


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Api:
    """The admin's client; the cluster has no CRD."""
    return Api(control_plane.server, control_plane.ca_file, control_plane.admin_token)


@pytest.fixture
def admin(control_plane: ControlPlane, tmp_path: Path) -> Path:
    return control_plane.kubeconfig(tmp_path / "admin")


@pytest.fixture(autouse=True)
def nothing_is_left(api: Api) -> Iterator[None]:
    """The next test finds a cluster without podcm-sync."""
    yield
    for kind in WORKLOADS:
        for obj in api.list(kind, None, LABEL):
            meta = obj["metadata"]
            api.delete(kind, meta["namespace"], meta["name"], propagationPolicy="Background")
    for kind in CLUSTER_WIDE:
        for obj in api.list(kind, None, LABEL):
            api.delete(kind, None, obj["metadata"]["name"])
    for kind, name in (("Namespace", NAME), ("CustomResourceDefinition", CRD_NAME)):
        if api.get(kind, None, name):
            api.delete(kind, None, name)

        def is_gone(kind: str = kind, name: str = name) -> bool:
            return api.get(kind, None, name) is None

        api.wait_for(is_gone, timeout=60)


@pytest.fixture
def restricted(api: Api) -> str:
    """A new namespace that enforces PodSecurity `restricted`."""
    name = new_namespace(api)
    api.patch("Namespace", None, name, {"metadata": {"labels": RESTRICTED}})
    return name


def helm(admin: Path, *arguments: str, values: Json | None = None) -> str:
    """Runs helm as the admin; it must succeed, without a warning of PodSecurity."""
    done = attempt(
        *arguments,
        *(["--values", "-"] if values is not None else []),
        stdin=yaml.safe_dump(values),
        env={"KUBECONFIG": str(admin), "HOME": str(admin.parent)},
    )
    assert done.returncode == 0, done.stderr
    assert "would violate" not in done.stderr
    return done.stdout


def install(admin: Path, namespace: str, values: Json, *options: str) -> None:
    scope = ("--namespace", namespace)
    helm(admin, "install", NAME, str(CHART), *scope, *options, values=values)


def upgrade(admin: Path, namespace: str, values: Json, *options: str) -> None:
    scope = ("--namespace", namespace)
    helm(admin, "upgrade", NAME, str(CHART), *scope, *options, values=values)


def workloads(api: Api) -> list[tuple[str, str, str]]:
    """Each CronJob and Deployment of the cluster: kind, namespace, name."""
    return [
        (kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
        for kind in WORKLOADS
        for obj in api.list(kind)
    ]


def pods_are_admitted(control_plane: ControlPlane, admin: Path, api: Api, component: str) -> None:
    """The one workload has Pods, after a Job of it is started if it is a CronJob."""
    ((kind, namespace, name),) = workloads(api)
    if kind == "CronJob":
        start = f"kubectl -n {namespace} create job --from=cronjob/{name} now"
        assert shell(control_plane, admin, start).returncode == 0
    selector = f"app.kubernetes.io/component={component}"
    (pod, *_) = api.wait_for(lambda: api.list("Pod", namespace, selector))
    assert pod["status"]["phase"] == "Pending"  # there is no node, but it was let in


@pytest.mark.parametrize("mode", COMPONENTS)
def test_a_kustomization_installs_one_way_to_run_from_nothing(
    api: Api, control_plane: ControlPlane, admin: Path, mode: str
) -> None:
    given = documented(f"kustomize/{mode}/kustomization.yaml", "kubectl apply -k")
    done = shell(control_plane, admin, given)
    assert done.returncode == 0, done.stderr
    assert "would violate" not in done.stderr
    pods_are_admitted(control_plane, admin, api, COMPONENTS[mode])
    again = shell(control_plane, admin, given)
    assert again.returncode == 0, again.stderr
    # kubectl sends the selector of a PodDisruptionBudget each time, and the server stores nothing.
    changed = {line for line in again.stdout.splitlines() if not line.endswith(" unchanged")}
    assert changed <= {"poddisruptionbudget.policy/podcm-sync configured"}


def test_the_folder_itself_installs_one_way_to_run_from_nothing(
    api: Api, control_plane: ControlPlane, admin: Path
) -> None:
    done = shell(control_plane, admin, documented("rbac.yaml", "kubectl apply -f"))
    assert done.returncode == 0, done.stderr
    assert "would violate" not in done.stderr
    assert workloads(api) == [("CronJob", NAME, NAME)]
    pods_are_admitted(control_plane, admin, api, "sync")


def test_a_namespace_is_installed_whole_from_nothing(
    api: Api, control_plane: ControlPlane, admin: Path, restricted: str
) -> None:
    given = documented("kustomize/namespaced/kustomization.yaml", "kubectl apply -n shop -k")
    done = shell(control_plane, admin, given.replace("shop", restricted))
    assert done.returncode == 0, done.stderr
    assert "would violate" not in done.stderr
    assert workloads(api) == [("CronJob", restricted, NAME)]
    assert api.list("ClusterRole", None, LABEL) == []
    assert len(api.list("ValidatingAdmissionPolicy", None, LABEL)) == 1
    pods_are_admitted(control_plane, admin, api, "sync")


@pytest.fixture
def team(api: Api, control_plane: ControlPlane, admin: Path, tmp_path: Path) -> tuple[str, Path]:
    """A namespace, and the kubeconfig of one who has every permission there, and none outside.

    An administrator has applied the base.
    """
    done = shell(control_plane, admin, "kubectl apply -k deploy/kustomize/base")
    assert done.returncode == 0, done.stderr
    shop = new_namespace(api)
    meta = {"namespace": shop, "name": "team"}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    api.create({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": meta, "rules": rules})
    api.create(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "team"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )
    token = api.service_account_token(shop, "team")
    api.wait_for(lambda: api.request("GET", path_of("Role", shop), token=token)[0] == 200)
    return shop, control_plane.kubeconfig(tmp_path / "team", token=token, namespace=shop)


def test_a_team_applies_its_own_after_an_administrator(
    api: Api, control_plane: ControlPlane, admin: Path, team: tuple[str, Path]
) -> None:
    shop, kubeconfig = team
    done = shell(control_plane, kubeconfig, "kubectl apply -k deploy/kustomize/namespaced/team")
    assert done.returncode == 0, done.stderr
    assert workloads(api) == [("CronJob", shop, NAME)]
    pods_are_admitted(control_plane, admin, api, "sync")


def test_a_team_has_a_release_of_its_own(
    api: Api, control_plane: ControlPlane, admin: Path, team: tuple[str, Path]
) -> None:
    shop, kubeconfig = team
    off = {"enabled": False}
    install(kubeconfig, shop, {"namespaces": [shop], "crds": off, "admissionPolicy": off})
    pods_are_admitted(control_plane, admin, api, "sync")
    helm(kubeconfig, "uninstall", NAME, "--namespace", shop)
    assert workloads(api) == []


def test_an_overlay_sets_the_image_and_options_as_the_page_says(
    api: Api, control_plane: ControlPlane, admin: Path, tmp_path: Path
) -> None:
    page = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    (overlay,) = re.findall(r"```yaml\n(apiVersion: kustomize.*?)```", page, re.DOTALL)
    (tmp_path / "podcm-sync").mkdir()
    for source in (DEPLOY, REPOSITORY / "crd"):
        subprocess.run(["cp", "-r", source, tmp_path / "podcm-sync"], check=True)
    (tmp_path / "kustomization.yaml").write_text(overlay)
    done = shell(control_plane, admin, f"kubectl apply -k {tmp_path}")
    assert done.returncode == 0, done.stderr
    made: Object = api.get("CronJob", NAME, NAME) or {}
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.com/podcm-sync:{__version__}"
    assert container["args"][-1] == "--policy=upsert-only"


@pytest.mark.parametrize("mode", COMPONENTS)
def test_the_chart_installs_each_mode_and_leaves_the_crd(
    api: Api, control_plane: ControlPlane, admin: Path, restricted: str, mode: str
) -> None:
    """A second `helm upgrade` with the same values writes nothing but the release."""
    values = {"mode": mode, "image": {"digest": DIGEST}}
    install(admin, restricted, values)
    pods_are_admitted(control_plane, admin, api, COMPONENTS[mode])
    before = versions(api, admin, restricted)
    upgrade(admin, restricted, values)
    assert versions(api, admin, restricted) == before
    make_config(api, restricted, "kept", selecting(app="web"))
    helm(admin, "uninstall", NAME, "--namespace", restricted)
    assert workloads(api) == []
    assert api.get("CustomResourceDefinition", None, CRD_NAME)
    assert api.get("PodConfigMapConfig", restricted, "kept")
    for kind in CLUSTER_WIDE:
        assert api.list(kind, None, LABEL) == []


def versions(api: Api, admin: Path, namespace: str) -> dict[str, str]:
    """The generation of each object of the release, or its resourceVersion if it has none."""
    manifest = helm(admin, "get", "manifest", NAME, "--namespace", namespace)
    found = {}
    for obj in filter(None, yaml.safe_load_all(manifest)):
        kind, meta = obj["kind"], obj["metadata"]
        now = api.get(kind, meta.get("namespace"), meta["name"])
        assert now, (kind, meta["name"])
        # A controller writes the status of those that have a generation.
        version = now["metadata"].get("generation", now["metadata"]["resourceVersion"])
        found[f"{kind} {meta['name']}"] = str(version)
    return found


def test_a_change_of_mode_leaves_one_way_to_run(api: Api, admin: Path, restricted: str) -> None:
    install(admin, restricted, {})
    for mode, kind in (("deployment", "Deployment"), ("sharded", "CronJob")):
        upgrade(admin, restricted, {"mode": mode})
        api.wait_for(lambda: len(workloads(api)) == 1)
        assert workloads(api)[0][0] == kind


def test_an_upgrade_of_the_release_upgrades_the_crd(api: Api, admin: Path, restricted: str) -> None:
    install(admin, restricted, {})
    old = crd_of(api)["spec"]["versions"][0]
    columns = old["additionalPrinterColumns"]
    older = {"spec": {"versions": [{**old, "additionalPrinterColumns": columns[:1]}]}}
    api.patch("CustomResourceDefinition", None, CRD_NAME, older)
    upgrade(admin, restricted, {"commonAnnotations": {"release": "next"}}, "--force-conflicts")
    upgraded = crd_of(api)
    assert upgraded["spec"]["versions"][0]["additionalPrinterColumns"] == columns
    assert upgraded["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def crd_of(api: Api) -> Object:
    """The CRD as it is stored."""
    return api.get("CustomResourceDefinition", None, CRD_NAME) or {}


def test_helm_adopts_the_plain_manifests(
    api: Api, control_plane: ControlPlane, admin: Path
) -> None:
    """Nothing is made again: neither the CronJob nor the CRD with its configs."""
    assert shell(control_plane, admin, "kubectl apply -f crd/ -f deploy/").returncode == 0

    def uids() -> list[str]:
        cronjob: Object = api.get("CronJob", NAME, NAME) or {}
        return [obj["metadata"]["uid"] for obj in (cronjob, crd_of(api))]

    before = uids()
    install(admin, NAME, {}, "--take-ownership", "--force-conflicts")
    assert uids() == before
    assert workloads(api) == [("CronJob", NAME, NAME)]


def test_the_account_of_a_scoped_release_syncs_its_namespaces_and_no_other(
    api: Api, control_plane: ControlPlane, admin: Path, restricted: str, tmp_path: Path
) -> None:
    """By the chart's own options, as the chart's own account, under the chart's own policy."""
    shop, billing, other = (new_namespace(api) for _ in range(3))
    install(admin, restricted, {"namespaces": [shop, billing]})
    for where in (shop, billing, other):
        make_config(api, where, "mine", selecting(app="web"))
        api.make_pod(where, "web", labels={"app": "web"})
    token = api.service_account_token(restricted, NAME)

    def is_in_force() -> bool:
        paths = [path_of("Pod", where) for where in (shop, billing)]
        return {api.request("GET", path, token=token)[0] for path in paths} == {200}

    api.wait_for(is_in_force)
    assert api.request("GET", path_of("Pod", other), token=token)[0] == 403
    account = control_plane.kubeconfig(tmp_path / "account", token=token, namespace=restricted)
    made: Object = api.get("CronJob", restricted, NAME) or {}
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    done = command.run(*container["args"], kubeconfig=account)
    assert done.code == 0, done.stdout + done.stderr
    for where in (shop, billing):
        assert generated(api, where, "pod-web-from-mine-cfg")
    assert api.list("ConfigMap", other, GENERATED_BY) == []

    # The policy refuses what the Role allows.
    foreign = config_map(shop, "foreign")
    path = path_of("ConfigMap", shop)

    def refused() -> bool:
        status, answer = api.request("POST", path, foreign, token=token, query={"dryRun": "All"})
        return status == 403 and "own-configmaps" in answer["message"]

    api.wait_for(refused)
    allowed = config_map(shop, "pod-a-cfg", labels={GENERATED_BY: "mine", POD_UID: "u"})
    assert api.request("POST", path, allowed, token=token, query={"dryRun": "All"})[0] == 201

    # It doesn't apply to an account of that name elsewhere.
    meta = {"namespace": other, "name": NAME}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    grant(api, other, {"configmaps": ["create"]}, meta)
    theirs = api.service_account_token(other, NAME)
    foreign, path = config_map(other, "foreign"), path_of("ConfigMap", other)
    api.wait_for(lambda: api.request("POST", path, foreign, token=theirs)[0] == 201)


def test_the_leader_of_a_release_with_another_name_has_the_rights_on_its_lease(
    api: Api, admin: Path, restricted: str
) -> None:
    install(admin, restricted, {"mode": "deployment", "fullnameOverride": "tenant-sync"})
    token = api.service_account_token(restricted, "tenant-sync")
    path = path_of("Lease", restricted)
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": restricted, "name": "tenant-sync"},
    }
    api.wait_for(lambda: api.request("POST", path, lease, token=token)[0] in {201, 409})
    assert api.request("GET", f"{path}/tenant-sync", token=token)[0] == 200
    assert api.request("GET", f"{path}/podcm-sync", token=token)[0] == 403


def test_the_crd_alone_is_read_from_its_folder(
    api: Api, control_plane: ControlPlane, admin: Path
) -> None:
    """`Kustomization` beside it is for kustomize, and kubectl -f doesn't read it."""
    done = shell(control_plane, admin, "kubectl apply -f crd/")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert CRD.exists()
