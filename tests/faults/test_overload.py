"""More than can be done: who cannot be served in time is told at once, and API servers try again."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.cli.serving import Server
from tests.faults.load import BODY, JSON
from tests.support import pod_of, review_of

CLIENTS = 60
LARGE = review_of(pod_of(container={"env": [{"name": f"V{n}", "value": str(n)} for n in range(2000)]}))


def test_an_overloaded_server_sheds_in_time_and_serves_on(server: Server) -> None:
    """All at once, each ready to wait 20 ms: some are served, the others get a 503 instead of waiting for nothing."""
    together = Barrier(CLIENTS)

    def client() -> list[httpx.Response]:
        with server.client() as connection:
            connection.get("/healthz")
            together.wait(timeout=30)
            return [connection.post("/inject?timeout=20ms", content=LARGE, headers=JSON) for _ in range(10)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(client) for _ in range(CLIENTS)]
        responses = [response for future in futures for response in future.result()]
    statuses = Counter(response.status_code for response in responses)
    assert statuses.keys() <= {200, 503, 408}
    assert statuses[200]
    assert statuses[503]
    shed = next(response for response in responses if response.status_code == 503)
    assert shed.headers["retry-after"] == "1"
    assert shed.text.startswith("overloaded: ")
    assert shed.text.count("\n") == 1
    with server.client() as connection:
        assert connection.post("/inject?timeout=10s", content=BODY, headers=JSON).json()["response"]["allowed"]
        assert connection.get("/readyz").status_code == 200
        metrics = connection.get("/metrics").text
    assert f'sidecar_injection_failure_total{{reason="Overloaded"}} {statuses[503]}.0' in metrics
