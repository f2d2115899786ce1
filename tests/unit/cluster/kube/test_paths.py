"""A name in a path is one name, whatever text it has."""

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.kube import paths


def test_no_name_leads_to_another_path() -> None:
    name = NamespacedName("shop", "?watch=1&x=/../b")
    path = paths.single(paths.PODS, name)
    assert path == "/api/v1/namespaces/shop/pods/%3Fwatch%3D1%26x%3D%2F..%2Fb"
