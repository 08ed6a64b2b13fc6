"""`injector demo`: the Bookinfo sample through a real webhook server, on a machine without a cluster."""

import json
import ssl
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import jsonpatch

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.cluster.snapshot_file import read_snapshot
from injector.config import load
from injector.config.loader import sample_files
from injector.core.model import JsonObject, Pod
from injector.core.pods import ContainerList, containers
from injector.core.setup import set_up
from injector.manifests.files import workloads
from injector.manifests.workloads import created_pod
from injector.runtime.errors import InputError
from injector.runtime.inputs import read_text
from injector.runtime.terminal import write
from injector.server.app import create_app
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry

_NAMESPACE = "bookinfo"
_NAME = "localhost"
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the result."""

    workload: str
    before: Pod
    after: Pod
    reason: str
    operations: int

    @property
    def injected(self) -> bool:
        return self.operations > 0


def demo() -> None:
    """Start the webhook server with an authority of its own, inject the Bookinfo sample over HTTPS, show the result."""
    files = sample_files(_NAMESPACE)
    with TemporaryDirectory(prefix="injector-demo-") as directory:
        store = DirectoryStore(Path(directory))
        ensure(store, Settings(names=(_NAME,)), datetime.now(UTC))
        service = Service(State(set_up(load().config), read_snapshot(files[0])))
        log = (Path(directory) / "reviews.log").open("wb")
        server = server_for(
            create_app(service, Telemetry(log)), service, ServingCertificate(store.certificate, store.key)
        )
        with log, serving(server, bind(Listening(_NAME, 0))) as port:
            write(f"Webhook server at https://{_NAME}:{port}/inject, certificate signed by its own authority.\n")
            write(f"Namespace {_NAMESPACE} opts in with the label istio-injection=enabled.\n\n")
            rows = list(_reviewed(files, HTTPSConnection(_NAME, port, timeout=_TIMEOUT_SECONDS, context=_trust(store))))
    _show(rows)
    if sum(row.injected for row in rows) != len(rows) - 1:
        raise InputError("the sample was not injected as it should be")


def _trust(store: DirectoryStore) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=store.bundle)


def _reviewed(files: Sequence[Path], connection: HTTPSConnection) -> Iterator[_Row]:
    for file in files:
        for document, _ in workloads(read_text(file), str(file)):
            pod = created_pod(document)
            response = _review(connection, pod)
            patch = json.loads(b64decode(response["patch"])) if "patch" in response else []
            yield _Row(
                workload=document["metadata"]["name"],
                before=pod,
                after=jsonpatch.apply_patch(pod, patch),
                reason=response["auditAnnotations"]["reason"],
                operations=len(patch),
            )
    connection.close()


def _review(connection: HTTPSConnection, pod: Pod) -> JsonObject:
    request = {"uid": str(uuid4()), "namespace": _NAMESPACE, "operation": "CREATE", "object": pod}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    connection.request("POST", "/inject", json.dumps(review), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:  # noqa: PLR2004 -- OK
        raise InputError(f"the webhook answered {answer.status}: {text.decode()}")
    response: JsonObject = json.loads(text)["response"]
    if not response["allowed"]:
        raise InputError(f"the webhook refused the pod: {response['status']['message']}")
    return response


def _show(rows: Sequence[_Row]) -> None:
    write(f"{'WORKLOAD':16} {'DECISION':9} {'REASON':15} {'INIT CONTAINERS':25} CONTAINERS\n")
    for row in rows:
        decision = "inject" if row.injected else "skip"
        write(
            f"{row.workload:16} {decision:9} {row.reason:15} "
            f"{_names(row, 'initContainers'):25} {_names(row, 'containers')}\n"
        )
    write("\n+ was added. An istio-proxy among the init containers is a native sidecar: it starts first and stays.\n")
    write("\nTry next:\n")
    write("  injector inject -f samples/bookinfo/reviews.yaml | diff samples/bookinfo/reviews.yaml -\n")
    write("  injector preview -f samples/bookinfo/reviews.yaml --snapshot samples/bookinfo/00-namespace.yaml\n")
    write("  injector serve --snapshot samples/bookinfo/00-namespace.yaml, and its page at https://localhost:8443/\n")


def _names(row: _Row, which: ContainerList) -> str:
    """The containers of the result in order; `+` marks those that were added."""
    known = {each["name"] for each in containers(row.before, which)}
    names = (each["name"] for each in containers(row.after, which))
    return ", ".join(name if name in known else f"+{name}" for name in names) or "-"
