"""The one place that counts requests: by verb and code, from many threads, anew for each run."""

import threading

from podcm_sync.cluster.kube.tally import Tally
from podcm_sync.model.traffic import NO_ANSWER, RequestCount, Traffic


def test_requests_have_kubernetes_verbs() -> None:
    tally = Tally()
    for method, target in (
        ("GET", "/api/v1/pods?limit=500"),
        ("GET", "/api/v1/namespaces/shop/configmaps/x"),
        ("POST", "/x"),
        ("PUT", "/x"),
        ("PATCH", "/x"),
        ("DELETE", "/x"),
    ):
        tally.sent(method, target, "200")
    verbs = [each.verb for each in tally.taken().requests]
    assert verbs == ["create", "delete", "get", "list", "patch", "update"]


def test_what_was_taken_is_not_counted_again() -> None:
    tally = Tally()
    tally.sent("POST", "/x", "201")
    tally.sent("POST", "/x", NO_ANSWER)
    tally.repeated()
    assert tally.taken() == Traffic(
        requests=(
            RequestCount(verb="create", code="201", count=1),
            RequestCount(verb="create", code="<error>", count=1),
        ),
        retries=1,
    )
    assert tally.taken() == Traffic()


def test_threads_lose_no_request() -> None:
    tally = Tally()
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        for _ in range(1_000):
            tally.sent("PATCH", "/x", "200")
            tally.repeated()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    taken = tally.taken()
    assert taken.requests == (RequestCount(verb="patch", code="200", count=8_000),)
    assert taken.retries == 8_000
