"""Pods for single questions: a server of many protocols and a client, injected with the template `envoy`."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from injector.core.model import JsonObject, Pod
from injector.core.setup import Setup
from tests.sandbox import Images, RunningPod, Sandbox, injector_image, python_image
from tests.support import injected, pod_of, setup_of

CONFIGURATION = "defaultTemplates: [envoy]\nnativeSidecars: {}\n"
PATIENCE = "protocolDetectionTimeout: 30s"
"""Of `meshConfig`, where HTTP has to be found out: on a busy machine a client may pause before its first byte."""


def envoy_setup(tmp_path: Path, *, native: bool = True, more: str = "") -> Setup:
    """A configuration whose default template is `envoy`."""
    return setup_of(tmp_path, CONFIGURATION.format("enabled" if native else "disabled") + more)


def images(sandbox: Sandbox) -> Images:
    """What stands for the images: `registry.example/app` serves all protocols."""
    return {
        "docker.io/envoyproxy/envoy": sandbox.envoy(),
        "sidecar-injector": injector_image(),
        "registry.example/app": python_image("-m", "tests.sandbox.programs.protocols"),
        "registry.example/python": python_image(),
        "registry.example/idle": python_image("-c", "import signal; signal.pause()"),
    }


def server_pod(container: JsonObject | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> Pod:
    """A pod, not injected, whose application serves all protocols and is ready when HTTP is answered."""
    probe = {"httpGet": {"path": "/", "port": 7003}}
    return pod_of(container={"readinessProbe": probe, **(container or {})}, annotations=annotations, **spec)


def client_pod(annotations: dict[str, str] | None = None, **spec: Any) -> Pod:
    """A pod, not injected, whose application does nothing."""
    return pod_of(container={"image": "registry.example/idle"}, annotations=annotations, **spec)


def run(sandbox: Sandbox, pod: Pod, setup: Setup, *, wait: bool = True) -> RunningPod:
    """The pod, injected and running."""
    return sandbox.run(injected(pod, setup), images(sandbox), wait=wait)


def ask(address: str, path: str = "/", port: int = 7003) -> Any:
    """What the HTTP server at the address answers, from where the thread is."""
    host = f"[{address}]" if ":" in address else address
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
        return json.load(answer)
