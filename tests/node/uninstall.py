"""What stays after an uninstallation is what the docs say, and nothing else."""

from tests.node.cluster import HOME, Cluster
from tests.node.install import Installer
from tests.promises import check

CRD = "podconfigmapconfigs.podconfig.example.com"
# What the tests or the cluster itself made there.
OF_THE_CLUSTER = {"kube-root-ca.crt", "default"}
CLUSTER_WIDE = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
)
PARTS = "app.kubernetes.io/part-of=podcm-sync"
KINDS = "pods,jobs,cronjobs,deployments,roles,rolebindings,serviceaccounts,configmaps,pdb"


def check_uninstall(cluster: Cluster, installer: Installer) -> None:
    """The configs and the generated ConfigMaps outlive podcm-sync."""
    before = cluster.generated()
    check("there is something to lose", len(before) > 0, True)
    installer.uninstall()

    def left() -> set[str]:
        names = cluster.kubectl("get", KINDS, "-n", HOME, "-o", "name").split()
        names += cluster.kubectl("get", CLUSTER_WIDE, "-l", PARTS, "-o", "name").split()
        return {name for name in names if name.rpartition("/")[2] not in OF_THE_CLUSTER}

    cluster.wait(lambda: not left())
    check("an uninstallation leaves none of its own objects", left(), set())
    crd = cluster.api.get("CustomResourceDefinition", None, CRD)
    check("it keeps the CRD", crd is not None, True)
    after = {name: each["metadata"]["uid"] for name, each in cluster.generated().items()}
    expected = {name: each["metadata"]["uid"] for name, each in before.items()}
    check("and every generated ConfigMap", after, expected)
