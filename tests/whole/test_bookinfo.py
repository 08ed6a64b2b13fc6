"""The story of the README on a whole cluster: install, label, apply; every pod runs, and every request is seen."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.chart.rendering import NAMESPACE as SYSTEM
from tests.chart.rendering import RELEASE
from tests.whole.conftest import BOOKINFO, PROGRAMS, SERVICES, TRACING, Installed
from tests.whole.machine import Machine, ready_column, wait_until

pytestmark = pytest.mark.cluster

OPTED_OUT = "legacy-catalog"


def by_workload(pods: list[Any]) -> dict[str, str]:
    return {each["metadata"]["generateName"].rsplit("-", 2)[0]: ready_column(each) for each in pods}


def ask(machine: Machine, times: int = 1) -> list[Any]:
    """What the product page answers, asked from the node."""
    address = machine.service_address("productpage", BOOKINFO)
    return [json.loads(machine.get(f"http://{address}:9080/productpage")) for _ in range(times)]


def test_the_chart_s_two_replicas_are_ready_and_its_test_completes(installed: Installed) -> None:
    machine = installed.machine
    # Tests before this one may have replaced the replicas, of which the last ones are still leaving.
    wait_until(
        lambda: [ready_column(each) for each in machine.objects("pods", SYSTEM)] == ["1/1", "1/1"], "two are ready"
    )
    assert "answers" in machine.helm("test")


def test_every_pod_runs_with_its_sidecar_and_the_opted_out_one_without(bookinfo: Machine) -> None:
    expected = {name: "2/2" for name in SERVICES if name != "nginx"} | {OPTED_OUT: "1/1"}
    wait_until(lambda: by_workload(bookinfo.objects("pods", BOOKINFO)) == expected, f"expected {expected}")


def test_requests_go_through_every_sidecar(bookinfo: Machine) -> None:
    expected = {"reviews-v1", "reviews-v2", "reviews-v3"}
    # A node learns of the last endpoint a while after its pod is ready: until then the page answers with an error.
    wait_until(lambda: reviews_seen(bookinfo) == expected, "three versions of reviews answer", 60)
    assert reviews_seen(bookinfo) == expected


def reviews_seen(machine: Machine) -> set[str]:
    """The versions of reviews behind 30 pages, with `error` where a page could not be put together."""
    answers = ask(machine, 30)
    assert all((each["name"], set(each["asked"])) == ("productpage", {"details", "reviews"}) for each in answers)
    return {"error" if "error" in each else each["asked"]["reviews"]["name"] for each in answers}


def test_each_proxy_counts_what_passes_it(bookinfo: Machine) -> None:
    (pod,) = bookinfo.objects("pods", BOOKINFO, "app=details")
    before = requests_at(bookinfo, pod)
    ask(bookinfo, 3)
    wait_until(lambda: requests_at(bookinfo, pod) >= before + 3, "the proxy of details counts the requests", 30)


def requests_at(machine: Machine, pod: Any) -> int:
    """The requests that the proxy of a pod has completed as a server."""
    lines = machine.get(f"http://{pod['status']['podIP']}:15090/stats/prometheus").splitlines()
    name = "envoy_http_downstream_rq_completed"
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and "inbound" in line))


def test_one_request_is_one_trace_through_all_services(bookinfo: Machine) -> None:
    ask(bookinfo, 12)
    address = bookinfo.service_address("zipkin", TRACING)

    def whole_trace() -> bool:
        traces: dict[str, set[str]] = {}
        for span in json.loads(bookinfo.get(f"http://{address}:9411/spans")):
            traces.setdefault(span["traceId"], set()).add(span["localEndpoint"]["serviceName"].partition(".")[0])
        return any({"productpage", "details", "reviews", "ratings"} <= names for names in traces.values())

    wait_until(whole_trace, "one trace names productpage, details, reviews and ratings", 60)


def test_a_restart_of_everything_loses_no_request(bookinfo: Machine) -> None:
    for name in ("reviews-v1", "details-v1", "productpage-v1"):
        bookinfo.kubectl("rollout", "restart", f"deployment/{name}", "-n", BOOKINFO)
    bookinfo.kubectl("rollout", "restart", f"deployment/{RELEASE}", "-n", SYSTEM)
    answers = ask(bookinfo, 100)
    assert Counter("error" if "error" in answer else answer["name"] for answer in answers) == {"productpage": 100}
    for name in ("reviews-v1", "details-v1", "productpage-v1"):
        bookinfo.rolled_out(name, BOOKINFO)
    bookinfo.rolled_out(RELEASE, SYSTEM)


def test_jobs_end_though_their_proxy_runs_on(bookinfo: Machine) -> None:
    container = {"name": "job", "image": PROGRAMS, "command": ["python3", "-c", "print('done')"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once", "namespace": BOOKINFO},
        "spec": {"template": {"spec": pod}},
    }
    bookinfo.apply(json.dumps(job))
    bookinfo.kubectl("wait", "--for=condition=Complete", "job/once", "-n", BOOKINFO, "--timeout=120s")
    bookinfo.kubectl("delete", "job", "once", "-n", BOOKINFO)


def test_an_evicted_replica_is_missed_by_nobody(bookinfo: Machine) -> None:
    victim = bookinfo.objects("pods", SYSTEM)[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": victim, "namespace": SYSTEM}}
    path = f"/api/v1/namespaces/{SYSTEM}/pods/{victim}/eviction"
    bookinfo.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))
    for _ in range(20):
        bookinfo.kubectl("run", "probe", "-n", BOOKINFO, f"--image={PROGRAMS}", "--dry-run=server", "--restart=Never")
    bookinfo.rolled_out(RELEASE, SYSTEM)


def test_an_upgrade_and_its_rollback_keep_admitting(installed: Installed, bookinfo: Machine) -> None:
    bookinfo.helm("upgrade", {**installed.values, "podAnnotations": {"example.com/upgrade": "1"}})
    bookinfo.kubectl("rollout", "restart", "deployment/ratings-v1", "-n", BOOKINFO)
    bookinfo.rolled_out("ratings-v1", BOOKINFO)
    bookinfo.rolled_out(RELEASE, SYSTEM)
    bookinfo.helm("rollback")
    bookinfo.rolled_out(RELEASE, SYSTEM)
    assert set(by_workload(bookinfo.objects("pods", BOOKINFO, "app=ratings")).values()) == {"2/2"}
