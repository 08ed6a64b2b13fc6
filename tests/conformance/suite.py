"""The project's own conformance cases: what docs/reference.md says, case by case, with results that people can review.

A file of `cases/` has cases of one part of the reference; the file of its name in `results/` has what comes out. A case
is a mapping with these keys, all but the first three optional:

  name, reference, says   its name, the section, and what that says about the case
  config                  beside the standard configuration below
  namespace, cluster      labels of the pod's namespace (null: it is not known), further objects of the cluster
  pod                     laid over the standard pod below, null taking a key away
  path                    of the URL
  twice                   the configuration under which the pod was injected before
  file                    a manifest in place of the pod: manual injection
  request                 an HTTP request in place of the pod: method, path, headers, body
  beside                  what the result is shown against: `plain` (the standard pod, injected; the default) or `pod`
  expect                  path to value in the result, written by hand from the reference; null: not there

A path has `/` between keys; an item of a list is named by its `name`, `mountPath` or `containerPort`, or by its index.
"""

import asyncio
import difflib
import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonpatch
import yaml

from injector.cluster.snapshot_file import read_snapshot
from injector.config import load
from injector.core.admission import admit_request
from injector.core.model import EMPTY_SNAPSHOT, STATUS_ANNOTATION, Admission, Pod, Snapshot
from injector.core.review import parse_path, parse_review
from injector.core.setup import Setup, set_up
from injector.manifests import ManualFaults, injection, rewrite
from injector.server.app import Webhook
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.support import documents, review_of

HERE = Path(__file__).resolve().parent
NAMESPACE = "shop"
_STATUS = re.compile(rf"({re.escape(STATUS_ANNOTATION)}: )'(.*)'")
# Native sidecars only where a case asks for them: an empty list of nodes would else count as new ones (reference 3.7).
# The images are not those of a release, so that an upgrade leaves the results as they are.
STANDARD_CONFIG = {
    "nativeSidecars": "disabled",
    "values": {"global": {"hub": "registry.istio.io/testing", "tag": "latest"}},
}
STANDARD_POD = """
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, version: v1}
spec:
  serviceAccountName: web
  containers:
  - name: app
    image: registry.example/web:1.2
    ports: [{containerPort: 8080, name: http}]
"""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One case, as its file has it; equal only to itself, so that its outcome is worked out once."""

    name: str
    reference: str
    says: str
    config: dict[str, Any] = field(default_factory=dict)
    namespace: dict[str, str] | None = field(default_factory=lambda: {"istio-injection": "enabled"})
    cluster: list[dict[str, Any]] = field(default_factory=list)
    pod: dict[str, Any] = field(default_factory=dict)
    path: str = "/inject"
    twice: dict[str, Any] | None = None
    file: str = ""
    request: dict[str, Any] | None = None
    beside: str = "plain"
    expect: dict[str, Any] = field(default_factory=dict)


def case_files() -> list[Path]:
    """The files of cases, in order."""
    return sorted((HERE / "cases").glob("*.yaml"))


@cache
def cases_of(file: Path) -> list[Case]:
    """The cases of one file."""
    return [Case(**case) for case in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: a document to look into, and what a person reviews."""

    document: Any
    shown: dict[str, Any]
    admission: Admission | None = None
    submitted: Pod | None = None


@cache
def outcome_of(case: Case) -> Outcome:
    """Run the case."""
    setup = _setup(case.config)
    if case.file:
        return _manual(case, setup)
    if case.request:
        return _http(case, setup)
    pod = pod_of_case(case)
    if case.twice is not None:
        before = _admitted(pod, case, _setup(case.twice))
        pod = _applied(pod, before)
    admission = _admitted(pod, case, setup)
    if not admission.allowed:
        return Outcome({"refused": admission.message}, {"refused": admission.message}, admission, pod)
    result = _applied(pod, admission)
    decision = admission.decision
    assert decision is not None
    shown: dict[str, Any] = {"decision": f"{'inject' if decision.inject else 'skip'}: {decision.reason}"}
    if admission.warnings:
        shown["warnings"] = list(admission.warnings)
    base = plain_result() if case.beside == "plain" and decision.inject else pod
    shown["changes"] = _changes(base, result)
    return Outcome({**result, "reason": decision.reason, "inject": decision.inject}, shown, admission, pod)


def pod_of_case(case: Case) -> Pod:
    """The standard pod with what the case lays over it."""
    pod: Pod = _laid_over(_standard_pod(), case.pod)
    return pod


def _standard_pod() -> Pod:
    pod: Pod = yaml.load(STANDARD_POD, yaml.CSafeLoader)
    return pod


@cache
def plain_result() -> Pod:
    """The standard pod, injected under the shipped defaults."""
    pod = _standard_pod()
    admission = _admitted(pod, Case("", "", ""), _setup({}))
    return _applied(pod, admission)


def _applied(pod: Pod, admission: Admission) -> Pod:
    """The pod that the API server makes of the answer, which is JSON by then."""
    result: Pod = jsonpatch.apply_patch(pod, json.loads(json.dumps(admission.patch)))
    return result


def reviewed_again(case: Case, pod: Pod) -> Admission:
    """The answer to a second review of what came out."""
    return _admitted(pod, case, _setup(case.config))


def at(document: Any, path: str) -> Any:
    """The value at a path; None where it is not there."""
    for step in _steps(path):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list):
            document = next((item for item in document if _is_called(item, step)), _by_index(document, step))
        else:
            return None
    return document


def _steps(path: str) -> Iterator[str]:
    """The steps of a path; `~1` stands for a `/` inside a key, as in JSON Pointers."""
    return (step.replace("~1", "/") for step in path.split("/"))


def _is_called(item: Any, step: str) -> bool:
    keys = ("name", "mountPath", "containerPort")
    return isinstance(item, dict) and any(str(item[key]) == step for key in keys if key in item)


def _by_index(items: list[Any], step: str) -> Any:
    return items[int(step)] if step.lstrip("-").isdigit() and -len(items) <= int(step) < len(items) else None


def _laid_over(base: Any, layer: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(layer, dict):
        return layer
    merged = {**base, **{key: _laid_over(base.get(key), value) for key, value in layer.items()}}
    return {key: value for key, value in merged.items() if value is not None}


def _setup(config: dict[str, Any]) -> Setup:
    return _setup_of(json.dumps(_laid_over(STANDARD_CONFIG, config)))


@cache
def _setup_of(text: str) -> Setup:
    """Most cases have the standard configuration, and to compile it takes longer than to run them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(text, encoding="utf-8")
        return set_up(load([file]).config)


def _snapshot(case: Case) -> Snapshot:
    if case.namespace is None:
        return EMPTY_SNAPSHOT
    name = (case.pod.get("metadata") or {}).get("namespace", NAMESPACE)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": case.namespace}}
    # A case that describes the namespace itself does so in its cluster.
    named = any(each["kind"] == "Namespace" for each in case.cluster)
    items = [*case.cluster, *([] if named else [namespace])]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snapshot.yaml"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
        return read_snapshot(file)


def _admitted(pod: Pod, case: Case, setup: Setup) -> Admission:
    namespace = pod["metadata"].get("namespace", NAMESPACE)
    request = parse_review(review_of(pod, namespace=namespace), parse_path(case.path))
    return admit_request(request, setup, _snapshot(case))


def _manual(case: Case, setup: Setup) -> Outcome:
    try:
        result = rewrite(case.file, "input.yaml", injection(setup, EMPTY_SNAPSHOT))
    except ManualFaults as faults:
        return Outcome({"refused": str(faults)}, {"refused": str(faults)})
    shown: dict[str, Any] = {"warnings": list(result.warnings)} if result.warnings else {}
    shown["changes"] = _diff(case.file, _STATUS.sub(lambda match: f"{match[1]}'{_described(match[2])}'", result.text))
    return Outcome({"documents": documents(result.text), "warnings": list(result.warnings)}, shown)


def _http(case: Case, setup: Setup) -> Outcome:
    request = case.request or {}
    telemetry = Telemetry(io.BytesIO())
    service = Service(State(setup, _snapshot(case)))
    body = request.get("body", "")
    content = review_of(pod_of_case(case), namespace=NAMESPACE) if body == "a review" else body.encode()
    response = _sent(Webhook(service, telemetry), request, content)
    text = response.text
    answer = json.loads(text) if text.startswith("{") else text.strip()
    metrics = {
        line.partition(" ")[0]: float(line.rpartition(" ")[2])
        for line in telemetry.exposition().decode().splitlines()
        if line.startswith("sidecar_injection") and "_bucket" not in line and "_created" not in line
    }
    counted = {name: value for name, value in metrics.items() if value and not name.endswith("_sum")}
    document = {"status": response.status_code, "body": answer, "metrics": metrics}
    brief = answer if isinstance(answer, str) else {"kind": answer["kind"], "allowed": answer["response"]["allowed"]}
    return Outcome(document, {"status": response.status_code, "body": brief, "counted": counted})


def _sent(app: Webhook, request: dict[str, Any], content: bytes) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://injector") as client:
            return await client.request(
                request.get("method", "POST"),
                request.get("path", "/inject"),
                content=content,
                headers=request.get("headers", {"Content-Type": "application/json"}),
            )

    return asyncio.run(send())


def _changes(before: Pod, after: Pod) -> str:
    return _diff(_text(before), _text(after))


def _text(pod: Pod) -> str:
    """The pod as a person reviews it: of the record of the injection only what the reference describes (10.1)."""
    annotations = {**(pod["metadata"].get("annotations") or {})}
    with suppress(KeyError, ValueError):
        annotations[STATUS_ANNOTATION] = _described(annotations[STATUS_ANNOTATION])
    pod = {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}
    return yaml.dump(pod, Dumper=_Dumper, sort_keys=False, width=120)


def _described(status: str) -> str:
    """The record of an injection as far as the reference describes it; what else is in it is this project's own."""
    record = json.loads(status)
    return json.dumps(
        {key: record[key] for key in ("initContainers", "containers", "volumes", "imagePullSecrets", "revision")}
    )


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return "".join(f"{line.rstrip()}\n" for line in lines if not line.startswith(("---", "+++")))


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, so that a person can read them."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign] # shared parts are written out


def results_text(shown: dict[str, dict[str, Any]]) -> str:
    """What a file of results has to contain."""
    head = "# Written by `make bless`: what comes out of the cases of the same name. Read the difference.\n"
    return head + "".join(
        "\n" + yaml.dump({name: outcome}, Dumper=_Dumper, sort_keys=False, width=100) for name, outcome in shown.items()
    )
