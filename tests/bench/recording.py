"""`python -m tests.bench.recording`: write anew the reviews in `tests/bench/reviews`, as a real API server sends them.

A webhook on loopback that allows every pod keeps what it is asked while controllers and kubectl make pods of each kind.
It needs KUBEBUILDER_ASSETS with a controller manager, and takes a minute and a half: CronJobs run once a minute.
"""

import ssl
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic, sleep
from typing import Any

import orjson
import trustme

from injector.core.model import JsonObject
from tests.e2e.cluster import Cluster, control_plane, wait_until

REVIEWS = Path(__file__).parent / "reviews"
CONTROLLERS = (
    *("deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob"),
    *("namespace", "serviceaccount", "root-ca-certificate-publisher-controller"),
)
_NAMESPACE = "shop"
# How many reviews of each kind are kept.
_KEPT = 4
_ENOUGH = {"cronjob": 1, "bare": 2}
_LONGEST_WAIT = 90


class Recorder:
    """The reviews that a webhook was sent, as the bytes that came."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self.bodies: list[bytes] = []

    def of(self, kind: str) -> list[bytes]:
        """Those of pods whose controller is of `kind`; of bare pods where it is empty."""
        return [body for body in self.bodies if _controller_kind(body) == kind]


def _controller_kind(body: bytes) -> str:
    owners = orjson.loads(body)["request"]["object"]["metadata"].get("ownerReferences") or [{"kind": ""}]
    return str(owners[0]["kind"])


@contextmanager
def recording(cluster: Cluster) -> Iterator[Recorder]:
    """A webhook that allows all pods of the namespace and keeps its reviews."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            recorder.bodies.append(body)
            uid = orjson.loads(body)["request"]["uid"]
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
            answer = orjson.dumps({**review, "response": {"uid": uid, "allowed": True}})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        cluster.apply(registration(server.server_address[1], authority.cert_pem.bytes()))
        yield recorder
    finally:
        server.shutdown()
        server.server_close()


def registration(port: int, authority: bytes, namespace: str = _NAMESPACE) -> JsonObject:
    """A webhook for all pods of a namespace."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    webhook = {
        "name": "all.injector.invalid",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
        "clientConfig": {"url": f"https://127.0.0.1:{port}/inject", "caBundle": b64encode(authority).decode()},
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    return {**kind, "metadata": {"name": f"all-pods-of-{namespace}"}, "webhooks": [webhook]}


def workload(kind: str, **spec: Any) -> JsonObject:
    """A workload of `kind` whose pods are those of a usual web application; `spec` is what that kind has beside."""
    version = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    name = f"shop-{kind.lower()}"
    template = {"metadata": pod_metadata(name), "spec": pod_spec(name)}
    if kind in ("Job", "CronJob"):
        template["spec"]["restartPolicy"] = "Never"
        spec |= {"template": template}
    else:
        spec |= {"template": template, "selector": {"matchLabels": {"app": name}}}
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": spec}}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": spec,
    }


def pod_metadata(name: str) -> JsonObject:
    """Labels as people recommend them, and the annotations of whoever is scraped."""
    return {
        "labels": {"app": name, "version": "v1", "app.kubernetes.io/part-of": "shop"},
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9090",
            "prometheus.io/path": "/metrics",
        },
    }


def pod_spec(name: str) -> JsonObject:
    """One container with ports, probes, resources, a mount, and a few variables."""
    return {
        "containers": [
            {
                "name": "app",
                "image": f"registry.example/{name}:1.4.2",
                "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
                "env": [
                    {"name": "LOG_LEVEL", "value": "info"},
                    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}},
                ],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}, "initialDelaySeconds": 10},
                "volumeMounts": [{"name": "cache", "mountPath": "/var/cache"}],
            }
        ],
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
    }


def add_nodes(cluster: Cluster, count: int) -> None:
    """Nodes that run nothing: daemons are made for them all the same."""
    node = {"apiVersion": "v1", "kind": "Node"}
    cluster.apply(*({**node, "metadata": {"name": f"node-{number}"}} for number in range(count)))
    # The API server taints every new node until it is ready.
    cluster.kubectl("taint", "nodes", "--all", "node.kubernetes.io/not-ready:NoSchedule-")


def workloads() -> list[JsonObject]:
    """One of each kind that a controller makes pods of, and as many pods as are kept."""
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    job = workload("Job")
    named = [{**job, "metadata": {**job["metadata"], "name": f"shop-job-{number}"}} for number in range(_KEPT)]
    return [
        workload("Deployment", replicas=_KEPT),
        workload(
            "StatefulSet",
            replicas=_KEPT,
            serviceName="shop",
            podManagementPolicy="Parallel",
            volumeClaimTemplates=[claim],
        ),
        workload("DaemonSet"),
        *named,
        workload("Job", parallelism=_KEPT, completions=_KEPT, completionMode="Indexed")
        | {"metadata": {"name": "shop-indexed", "namespace": _NAMESPACE}},
        workload("CronJob"),
    ]


def record(cluster: Cluster) -> dict[str, list[bytes]]:
    """The reviews of pods of each kind, by the name of their file."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    cluster.apply(namespace)
    add_nodes(cluster, _KEPT)
    wait_until(lambda: cluster.items("serviceaccounts", _NAMESPACE), "the namespace has no service account")
    metadata = {"name": "shop-bare", "namespace": _NAMESPACE, **pod_metadata("shop")}
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec("shop")}
    with recording(cluster) as recorder:
        cluster.apply(*workloads())
        cluster.kubectl("run", "shop-run", "--image=registry.example/shop:1.4.2", "-n", _NAMESPACE)
        cluster.apply(bare)
        until = monotonic() + _LONGEST_WAIT
        while missing := [name for name, bodies in _sorted(recorder).items() if len(bodies) < _ENOUGH.get(name, _KEPT)]:
            if monotonic() > until:
                sys.exit(f"no reviews, or not enough of them, for {', '.join(missing)}")
            sleep(1)
        return {name: sorted(bodies, key=_name_of)[:_KEPT] for name, bodies in _sorted(recorder).items()}


def _sorted(recorder: Recorder) -> dict[str, list[bytes]]:
    """The recorded reviews by the name of their file."""
    jobs = recorder.of("Job")
    return {
        "deployment": recorder.of("ReplicaSet"),
        "statefulset": recorder.of("StatefulSet"),
        "daemonset": recorder.of("DaemonSet"),
        "job": [body for body in jobs if b"shop-job-" in body],
        "indexed-job": [body for body in jobs if b"shop-indexed" in body],
        "cronjob": [body for body in jobs if b"shop-cronjob" in body],
        "bare": recorder.of(""),
    }


def _name_of(body: bytes) -> str:
    metadata = orjson.loads(body)["request"]["object"]["metadata"]
    return str(metadata.get("name") or metadata["generateName"])


def main() -> None:
    """Record, and write a file for each kind: a review a line."""
    options = {"controllers": CONTROLLERS, "service_accounts": True}
    with TemporaryDirectory() as folder, control_plane(Path(folder), sys.exit, **options) as cluster:
        recorded = record(cluster)
    REVIEWS.mkdir(exist_ok=True)
    for name, bodies in recorded.items():
        (REVIEWS / f"{name}.jsonl").write_bytes(b"".join(body.strip() + b"\n" for body in bodies))


if __name__ == "__main__":
    main()
