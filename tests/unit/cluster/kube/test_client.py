"""RequestCounter counts requests by verb and code, from many threads, for each run alone."""

import threading

from podcm_sync.cluster.interfaces import NO_ANSWER, RequestCount, Traffic
from podcm_sync.cluster.kube.client import RequestCounter


def test_requests_have_kubernetes_verbs() -> None:
    requests = RequestCounter()
    for method, target in (
        ("GET", "/api/v1/pods?limit=500"),
        ("GET", "/api/v1/pods?watch=1&resourceVersion=5"),
        ("GET", "/api/v1/namespaces/shop/configmaps/x"),
        ("POST", "/x"),
        ("PUT", "/x"),
        ("PATCH", "/x"),
        ("DELETE", "/x"),
    ):
        requests.sent(method, target, "200")
    verbs = [count.verb for count in requests.drain().requests]
    assert verbs == ["create", "delete", "get", "list", "patch", "update", "watch"]


def test_what_was_taken_is_not_counted_again() -> None:
    requests = RequestCounter()
    requests.sent("POST", "/x", "201")
    requests.sent("POST", "/x", NO_ANSWER)
    requests.repeated()
    assert requests.drain() == Traffic(
        requests=(
            RequestCount(verb="create", code="201", count=1),
            RequestCount(verb="create", code="<error>", count=1),
        ),
        retries=1,
    )
    assert requests.drain() == Traffic()


def test_threads_lose_no_request() -> None:
    requests = RequestCounter()
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        for _ in range(1_000):
            requests.sent("PATCH", "/x", "200")
            requests.repeated()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = requests.drain()
    assert taken.requests == (RequestCount(verb="patch", code="200", count=8_000),)
    assert taken.retries == 8_000
