"""Bookinfo in the sandbox: the shipped sample, injected, its services made of small programs."""

import json
import socket
import urllib.request
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any

from injector.config.loader import sample_files
from injector.core.model import Snapshot
from injector.core.setup import Setup
from injector.manifests.files import workloads
from injector.manifests.workloads import created_pod
from tests.sandbox import Images, RunningPod, Sandbox, injector_image, python_image, until
from tests.support import admitted

NAMESPACE = "bookinfo"
_SELECTED = Snapshot({NAMESPACE: {"metadata": {"name": NAMESPACE, "labels": {"istio-injection": "enabled"}}}})
_IMAGES = "docker.io/istio/examples-bookinfo"
_PROGRAM = ("-m", "tests.sandbox.programs.bookinfo")


def images(sandbox: Sandbox) -> Images:
    """What stands for every image of the sample and of the template."""
    reviews = {f"{_IMAGES}-reviews-v{n}": python_image(*_PROGRAM, f"reviews-v{n}", "9080", "ratings") for n in (2, 3)}
    return {
        "docker.io/envoyproxy/envoy": sandbox.envoy(),
        "sidecar-injector": injector_image(),
        f"{_IMAGES}-productpage-v1": python_image(*_PROGRAM, "productpage", "9080", "details", "reviews"),
        f"{_IMAGES}-details-v1": python_image(*_PROGRAM, "details", "9080"),
        f"{_IMAGES}-reviews-v1": python_image(*_PROGRAM, "reviews-v1", "9080"),
        **reviews,
        f"{_IMAGES}-ratings-v1": python_image(*_PROGRAM, "ratings", "9080"),
        "docker.io/library/nginx": python_image(*_PROGRAM, "legacy-catalog", "8080", "details"),
    }


def start(sandbox: Sandbox, setup: Setup, *names: str) -> dict[str, list[RunningPod]]:
    """The sample's workloads whose app label is among `names`, running and reachable as services; by that label."""
    running: defaultdict[str, list[RunningPod]] = defaultdict(list)
    for file in sample_files("bookinfo"):
        for document, _ in workloads(file.read_text(encoding="utf-8"), file.name):
            pod = created_pod(document)
            app = pod["metadata"]["labels"]["app"]
            if app in names:
                admission = admitted(pod, setup, _SELECTED, namespace=NAMESPACE)
                assert admission.allowed, admission.message
                pod = {**admission.pod, "metadata": {**admission.pod["metadata"], "namespace": NAMESPACE}}
                running[app].append(sandbox.run(pod, images(sandbox), wait=False))
    for app, pods in running.items():
        port = pods[0].pod["spec"]["containers"][-1]["ports"][0]["containerPort"]
        for each in pods:
            each.wait_ready()
            # The sample has no readiness probes: a pod counts as ready before its program listens.
            until(partial(_listens, each, port), 120, f"{app} listens")
        sandbox.service(app, pods, port)
    return dict(running)


def _listens(pod: RunningPod, port: int) -> bool:
    """Whether the application itself takes connections, asked past the proxy."""
    with pod.entered(), suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def statistics(pod: RunningPod) -> dict[str, float]:
    """What the pod's proxy shows at 15090 `/stats/prometheus`: each line's name with labels, and its value."""
    with pod.entered(), urllib.request.urlopen("http://127.0.0.1:15090/stats/prometheus", timeout=30) as answer:
        text = answer.read().decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def access_log(pod: RunningPod) -> list[dict[str, Any]]:
    """The entries that the pod's proxy has written so far."""
    lines = pod.logs("envoy-sidecar").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def get(url: str) -> Any:
    """The JSON that the URL answers with, asked from where the thread is."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 -- the tests' own URLs
        return json.load(answer)
