"""Installs the chart as a platform engineer does, and changes its mode by an upgrade."""

import yaml

from tests.chart.rendering import run
from tests.controlplane.api import Object
from tests.node.cluster import HOME, IMAGE, Cluster
from tests.shape.deploy import CHART

RELEASE = "podcm-sync"


class Installer:
    """Helm, with the values of a cluster in a hurry."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def install_cronjob(self) -> None:
        """With runs every minute; the rest is as the chart has it."""
        self._upgrade({"mode": "cronjob", "cronJob": {"schedule": "* * * * *"}})

    def install_deployment(self) -> None:
        """Instead of the CronJob."""
        self._upgrade({"mode": "deployment"})

    def uninstall(self) -> None:
        """Removes the release."""
        self._helm("uninstall", RELEASE, "--wait")

    def _upgrade(self, values: Object) -> None:
        repository, _, tag = IMAGE.partition(":")
        image = {"image": {"repository": repository, "tag": tag}}
        options = ("--install", "--values", "-")
        self._helm("upgrade", RELEASE, str(CHART), *options, stdin=yaml.safe_dump(values | image))

    def _helm(self, *arguments: str, stdin: str = "") -> None:
        kubeconfig = self._cluster.kubeconfig
        env = {"KUBECONFIG": str(kubeconfig), "HOME": str(kubeconfig.parent)}
        run(*arguments, "--namespace", HOME, stdin=stdin, env=env)
