"""The article that the project began from, on a whole cluster: injection, telemetry, an ingress, with no control plane.

Its files are read as printed where they are beside the checkout; those of `article` say the same in other words.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.chart.rendering import NAMESPACE as SYSTEM
from tests.chart.rendering import RELEASE
from tests.whole.conftest import BOOKINFO, PROGRAMS, SERVICES, TRACING, Installed
from tests.whole.machine import Machine, ready_column, wait_until
from tools.generate import REPOSITORY

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus (Debian: prometheus)"),
]

PRINTED = REPOSITORY.parent / "shared" / "cases" / "article"
ISTIO_SYSTEM, INGRESS, CERTIFICATES = "istio-system", "istio-ingressgateway", "istio-ingressgateway-certs"
HOST = "bookinfo.example"
EDGES = {
    (INGRESS, "productpage-v1"),
    ("productpage-v1", "details-v1"),
    *(("productpage-v1", f"reviews-v{n}") for n in (1, 2, 3)),
    *((f"reviews-v{n}", "ratings-v1") for n in (2, 3)),
}


def printed(name: str) -> str:
    """A file of the article."""
    folder = PRINTED if PRINTED.is_dir() else Path(__file__).with_name("article")
    return (folder / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def configured(installed: Installed, bookinfo: Machine) -> Iterator[Machine]:
    """Bookinfo under the article's configuration, and back to the tests' own at the end."""
    files = {name: printed(name) for name in ("istio-sidecar", "istio-telemetry")}
    bookinfo.helm("upgrade", {**installed.values, "configFiles": files})
    bookinfo.rolled_out(RELEASE, SYSTEM)
    yield bookinfo
    bookinfo.helm("upgrade", installed.values)
    bookinfo.rolled_out(RELEASE, SYSTEM)


def manifest(*objects: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def deployment(name: str, namespace: str, pod: dict[str, Any], *ports: int) -> list[dict[str, Any]]:
    """A Deployment of one pod, and a Service in front of it."""
    metadata, labels = {"name": name, "namespace": namespace}, pod["metadata"]["labels"]
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    service = {"selector": labels, "ports": [{"name": f"port-{port}", "port": port} for port in ports]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    ]


def ingress(machine: Machine) -> trustme.CA:
    """The article's Gateway, rendered, in front of the product page. Returns the authority of its certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    route = {"destination": {"host": f"productpage.{BOOKINFO}.svc.cluster.local", "port": {"number": 9080}}}
    metadata = {"name": "bookinfo", "namespace": ISTIO_SYSTEM}
    service = {"hosts": ["*"], "gateways": ["my-gateway"], "http": [{"route": [route]}]}
    kind = {"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService"}
    virtual_service = json.dumps({**kind, "metadata": metadata, "spec": service})
    tracing = f"meshConfig.defaultConfig.tracing.zipkin.address=zipkin.{TRACING}:9411"
    sampling = "meshConfig.defaultConfig.tracing.sampling=100"
    options = f"-f - -o manifests --name {INGRESS} -n {ISTIO_SYSTEM} --set {tracing} --set {sampling}"
    documents = f"{printed('istio-ingressgateway')}\n---\n{virtual_service}\n"
    rendered = machine.python("-m", "injector", "gateway", "render", *options.split(), given=documents)
    secret = {
        "tls.crt": b"".join(each.bytes() for each in certificate.cert_chain_pems).decode(),
        "tls.key": certificate.private_key_pem.bytes().decode(),
    }
    annotations = {
        "inject.istio.io/templates": "envoy-gateway",
        "gateway.sidecar-injector.io/secrets": f"{CERTIFICATES}=/etc/istio/ingressgateway-certs",
    }
    labels = {"istio": "ingressgateway"}
    ports = [{"containerPort": 80}, {"containerPort": 443}]
    container = {"name": "envoy-gateway", "image": "auto", "ports": ports}
    pod = {
        "metadata": {"labels": {**labels, "sidecar.istio.io/inject": "true"}, "annotations": annotations},
        "spec": {"containers": [container]},
    }
    names = {"name": CERTIFICATES, "namespace": ISTIO_SYSTEM}
    kept = {"apiVersion": "v1", "kind": "Secret", "metadata": names, "stringData": secret}
    machine.apply(manifest({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ISTIO_SYSTEM}}))
    machine.apply(rendered)
    machine.apply(
        manifest(
            kept,
            *deployment(INGRESS, ISTIO_SYSTEM, pod, 80, 443),
        )
    )
    machine.rolled_out(INGRESS, ISTIO_SYSTEM)
    return authority


def proxy_ports(pod: Any) -> list[int]:
    """The ports where proxies of the pod show their metrics."""
    containers = (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
    ports = (port for each in containers for port in each.get("ports", ()))
    return [port["containerPort"] for port in ports if port.get("name") == "http-envoy-prom"]


def prometheus(machine: Machine) -> str:
    """Prometheus, which scrapes the proxies. Returns its address."""
    pods = [*machine.objects("pods", BOOKINFO), *machine.objects("pods", ISTIO_SYSTEM)]
    # Debian's Prometheus does not know Kubernetes: it is told what that would find, the ports of proxies.
    targets = [f"{each['status']['podIP']}:{port}" for each in pods for port in proxy_ports(each)]
    job = {"job_name": "pods", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": targets}]}
    configuration = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    names = {"name": "prometheus", "namespace": TRACING}
    container = {
        "name": "prometheus",
        "image": PROGRAMS,
        "command": ["/programs/prometheus"],
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/tmp/data"],
        "ports": [{"containerPort": 9090}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}},
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/prometheus"}],
    }
    volumes = [{"name": "configuration", "configMap": {"name": "prometheus"}}]
    pod = {"metadata": {"labels": {"app": "prometheus"}}, "spec": {"containers": [container], "volumes": volumes}}
    data = {"prometheus.yml": json.dumps(configuration)}
    machine.apply(
        manifest(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": names, "data": data},
            *deployment("prometheus", TRACING, pod, 9090),
        )
    )
    machine.rolled_out("prometheus", TRACING)
    return f"{machine.service_address('prometheus', TRACING)}:9090"


def query(machine: Machine, address: str, expression: str) -> list[Any]:
    answer = machine.get(f"http://{address}/api/v1/query", "--get", "--data-urlencode", f"query={expression}")
    found: list[Any] = json.loads(answer)["data"]["result"]
    return found


def test_the_article_s_story(configured: Machine, tmp_path: Path) -> None:
    machine = configured

    # Injection is switched on: each service has two containers that are ready, and the one that opted out has one.
    machine.kubectl("rollout", "restart", "deployment", "-n", BOOKINFO)
    for name in ("details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"):
        machine.rolled_out(name, BOOKINFO)

    def columns() -> dict[str, str]:
        pods = machine.objects("pods", BOOKINFO)
        return {each["metadata"]["generateName"].rsplit("-", 2)[0]: ready_column(each) for each in pods}

    expected = {name: "2/2" for name in SERVICES if name != "nginx"} | {"legacy-catalog": "1/1"}
    wait_until(lambda: len(machine.objects("pods", BOOKINFO)) == len(expected) and columns() == expected, str(expected))

    # The ingress: port 80 sends on to HTTPS, port 443 serves the product page, with what all services give.
    authority = ingress(machine)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    address = machine.service_address(INGRESS, ISTIO_SYSTEM)
    known = ("--resolve", f"{HOST}:80:{address}", "--resolve", f"{HOST}:443:{address}", "--cacert", str(trusted))
    shown = ("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    moved = machine.get(f"http://{HOST}/productpage", *known, *shown)
    assert moved == f"301 https://{HOST}/productpage"
    scraper = prometheus(machine)
    reviews: set[str] = set()

    def all_services_answer() -> bool:
        for _ in range(6):
            page = json.loads(machine.get(f"https://{HOST}/productpage", *known))
            if "error" in page:
                return False
            assert (page["name"], set(page["asked"])) == ("productpage", {"details", "reviews"})
            reviews.add(page["asked"]["reviews"]["name"])
        return reviews == {"reviews-v1", "reviews-v2", "reviews-v3"}

    wait_until(all_services_answer, "the product page comes over HTTPS with all reviews", 60)

    # Telemetry is reached. Prometheus knows who asked whom, the ingress included.
    def edges() -> set[tuple[str, str]]:
        machine.get(f"https://{HOST}/productpage", *known)
        by = "source_workload,destination_workload"
        found = query(machine, scraper, f'sum by ({by}) (istio_requests_total{{reporter="destination"}}) > 0')
        return {(each["metric"]["source_workload"], each["metric"]["destination_workload"]) for each in found}

    wait_until(lambda: edges() >= EDGES, f"Prometheus finds {EDGES}", 60)

    # The collector has a trace that goes from the ingress through all services.
    collector = machine.service_address("zipkin", TRACING)

    def whole_trace() -> bool:
        machine.get(f"https://{HOST}/productpage", *known)
        traces: dict[str, set[str]] = {}
        for span in json.loads(machine.get(f"http://{collector}:9411/spans")):
            traces.setdefault(span["traceId"], set()).add(span["localEndpoint"]["serviceName"].partition(".")[0])
        return any({INGRESS, "productpage", "details", "reviews", "ratings"} <= names for names in traces.values())

    wait_until(whole_trace, "one trace holds the ingress and every service", 60)
