"""A stand-in for the API server of a large cluster, in a process of its own: `python -m tests.bench.large_cluster`.

It lists by page, as the API server does, and sends node updates on every watch of nodes once `/heartbeats` is asked
for. Its first line of output is its address.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from injector.core.admission import admit_request
from injector.core.model import Snapshot
from injector.reports.evaluate import request_for
from tests.support import fresh_setup

_LISTED_AT = 1_000_000
_WORKLOADS = 20


def namespace(number: int) -> dict[str, Any]:
    """A namespace of a team, as `kubectl apply` leaves it: 1.5 KB."""
    name = f"team-{number:05}"
    labels = {"kubernetes.io/metadata.name": name, "istio-injection": "enabled", "team": f"t{number % 40}"}
    annotations = {"example.com/owner": f"owner-{number % 40}@example.com", "example.com/cost-centre": str(number % 90)}
    return {
        "metadata": {
            **_identity(name, number),
            "labels": labels,
            "annotations": {**annotations, "kubectl.kubernetes.io/last-applied-configuration": "x" * 300},
            "managedFields": [_managed({"f:metadata": {"f:labels": {f"f:{key}": {} for key in labels}}})] * 2,
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def node(number: int, size: int) -> dict[str, Any]:
    """A node of about `size` bytes, most of which are the images that it holds."""
    name = f"node-{number:05}.compute.internal"
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}
    made: dict[str, Any] = {
        "metadata": {
            **_identity(name, number),
            "labels": {f"topology.kubernetes.io/label-{index}": f"zone-{number % 3}" for index in range(20)},
            "managedFields": [_managed({"f:status": {f"f:field-{index}": {} for index in range(60)}})] * 2,
        },
        "spec": {"podCIDR": f"10.{number % 250}.0.0/24", "providerID": f"cloud:///zone/{name}"},
        "status": {
            "capacity": {"cpu": "64", "memory": "263847284Ki", "pods": "250"},
            "conditions": [condition] * 5,
            "nodeInfo": {"kubeletVersion": "v1.33.1", "osImage": "Linux", "architecture": "amd64"},
            "images": [],
        },
    }
    while len(orjson.dumps(made)) < size:
        digest = f"{number:032x}{len(made['status']['images']):032x}"
        names = [f"registry.example.com/team/image@sha256:{digest}", "registry.example.com/team/image:v1.0.0"]
        made["status"]["images"].append({"names": names, "sizeBytes": 83_000_000})
    return made


def _identity(name: str, number: int) -> dict[str, str]:
    return {
        "name": name,
        "uid": f"00000000-0000-4000-8000-{number:012}",
        "resourceVersion": str(number + 1),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }


def _managed(fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": "kubelet", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}


def injected_pods(count: int, namespaces: int) -> Iterator[dict[str, Any]]:
    """Pods of 20 workloads, injected by the shipped configuration, with what a cluster adds to each."""
    known = {each["metadata"]["name"]: each for each in map(namespace, range(namespaces))}
    snapshot, setup = Snapshot(namespaces=known, nodes=(node(0, 0),)), fresh_setup()
    fields = [_managed({"f:spec": {f"f:field-{index}": {} for index in range(60)}})] * 3
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    for number in range(count):
        where = f"team-{number % namespaces:05}"
        pod = admit_request(request_for(_pod(number % _WORKLOADS), where), setup, snapshot).pod
        identity = _identity(f"{pod['metadata']['generateName']}{number:05}", number)
        yield {
            **pod,
            "metadata": {**pod["metadata"], **identity, "namespace": where, "managedFields": fields},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [condition] * 5},
        }


def _pod(number: int) -> dict[str, Any]:
    environment = [{"name": f"VARIABLE_{index}", "value": f"value-{number}-{index}"} for index in range(number)]
    container = {"name": "app", "image": f"app:{number}", "env": environment, "ports": [{"containerPort": 8080}]}
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"app-{number}-5f8d",
        "uid": "u",
        "controller": True,
    }
    labels = {"app": f"app-{number}", "pod-template-hash": "5f8d"}
    metadata = {"generateName": f"app-{number}-5f8d-", "labels": labels, "ownerReferences": [owner]}
    return {"metadata": metadata, "spec": {"containers": [container]}}


class LargeCluster:
    """The objects by the path of their collection, each as the bytes that are sent."""

    def __init__(self, namespaces: int, nodes: int, node_bytes: int, rate: float, pods: int = 0) -> None:
        """`rate`: node updates a second."""
        self.items = {
            "/api/v1/namespaces": [orjson.dumps(namespace(number)) for number in range(namespaces)],
            "/api/v1/nodes": [orjson.dumps(node(number, node_bytes)) for number in range(nodes)],
            "/apis/networking.istio.io/v1beta1/proxyconfigs": [],
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": [],
            "/api/v1/pods": [orjson.dumps(each) for each in injected_pods(pods, namespaces)],
        }
        self._pause, self.beating = 1 / rate, False

    def page(self, path: str, query: dict[str, str]) -> bytes:
        """One page of a list."""
        items, start = self.items[path], int(query.get("continue") or 0)
        end = min(start + int(query.get("limit") or len(items)), len(items))
        metadata = {"resourceVersion": str(_LISTED_AT), **({"continue": str(end)} if end < len(items) else {})}
        return b'{"metadata":%b,"items":[%b]}' % (orjson.dumps(metadata), b",".join(items[start:end]))

    def events(self, path: str, seconds: float) -> Iterator[bytes]:
        """What a watch sends: node updates where they are asked for, nothing else."""
        until, items = time.monotonic() + seconds, self.items[path]
        for version in count(_LISTED_AT + 1):
            time.sleep(self._pause)
            if time.monotonic() > until:
                return
            if self.beating and items and path.endswith("/nodes"):
                number = version % len(items)
                beat = items[number].replace(
                    b'"resourceVersion":"%d"' % (number + 1), b'"resourceVersion":"%d"' % version, 1
                )
                yield b'{"type":"MODIFIED","object":%b}\n' % beat


def serve(cluster: LargeCluster) -> None:
    """Serve `cluster` on a free port of loopback until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            if url.path == "/heartbeats":
                cluster.beating = True
            if url.path not in cluster.items:
                self._reply(200 if url.path == "/heartbeats" else 404, b"{}")
            elif query.get("watch"):
                self._stream(cluster.events(url.path, float(query["timeoutSeconds"])))
            else:
                self._reply(200, cluster.page(url.path, query))

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, events: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in events:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.large_cluster", description=__doc__)
    parser.add_argument("--namespaces", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--node-bytes", type=int, default=26_000)
    parser.add_argument("--rate", type=float, default=20.0, help="node updates a second")
    parser.add_argument("--pods", type=int, default=0)
    given = parser.parse_args()
    serve(LargeCluster(given.namespaces, given.nodes, given.node_bytes, given.rate, given.pods))
