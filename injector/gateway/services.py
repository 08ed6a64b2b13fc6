"""Kubernetes Services: what is read of them, and those that a destination needs beside the user's own.

Without a control plane Envoy finds pods through DNS alone. So a subset is a Service with the original's selector and
the subset's labels; and whatever has to tell one pod from another (a hash, ejection of bad pods) needs a headless
Service, whose name resolves to every pod. Source of the fields:
https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from injector.core.model import JsonObject
from injector.core.validation import FILLED_STRING, STRING, Listed, Message, Scalar
from injector.gateway.documents import mapping_in
from injector.gateway.fields import LABELS, PORT
from injector.gateway.model import Resource

SERVICE = Message(
    {
        "selector": LABELS,
        "clusterIP": STRING,
        "ports": Listed(
            Message(
                {
                    "port": PORT,
                    "targetPort": Scalar(
                        "a port number or the name of a port",
                        lambda value: PORT.accepts(value) or FILLED_STRING.accepts(value),
                    ),
                    "name": STRING,
                    "protocol": STRING,
                    "appProtocol": STRING,
                },
                required=("port",),
                is_open=True,
            )
        ),
    },
    is_open=True,
)
_LONGEST_NAME = 63
_PORT_FIELDS = ("name", "port", "targetPort", "protocol", "appProtocol")
_LABELS = {"app.kubernetes.io/managed-by": "sidecar-injector"}
_HEADLESS = "None"


@dataclass(frozen=True, slots=True)
class DerivedService:
    """A Service made of the validated `original`, of the name `name`, for the pods that have `labels` too."""

    name: str
    original: Resource
    labels: Mapping[str, str]
    headless: bool

    def manifest(self) -> JsonObject:
        """The Service as a Kubernetes object."""
        ports = [{key: port[key] for key in _PORT_FIELDS if key in port} for port in self.original.body["ports"]]
        made: JsonObject = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self.name, "namespace": self.original.namespace, "labels": dict(_LABELS)},
            "spec": {"selector": self.selector(), "ports": ports},
        }
        if self.headless:
            made["spec"]["clusterIP"] = _HEADLESS
        return made

    def selector(self) -> dict[str, str]:
        """The labels of its pods."""
        return {**self.original.body.get("selector", {}), **self.labels}

    def is_same_as(self, existing: Resource) -> bool:
        """Whether a Service of the documents, of the same name, already selects these pods in the same way."""
        spec = mapping_in(existing, "spec")
        return spec.get("selector") == self.selector() and (spec.get("clusterIP") == _HEADLESS) == self.headless


def derived_name(service: str, suffix: str) -> str:
    """The name of a Service made of another one; a hash keeps long ones apart."""
    name = f"{service}-{suffix}"
    if len(name) <= _LONGEST_NAME:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9].rstrip('-')}-{mark}"


def is_headless(service: Resource) -> bool:
    """Whether a validated Service's name resolves to its pods."""
    return bool(service.body.get("clusterIP") == _HEADLESS)


def pod_port(port: Mapping[str, Any]) -> int | None:
    """The port of the pods that a Service's port leads to; None where only its name is known."""
    target = port.get("targetPort") or port["port"]
    return target if isinstance(target, int) else None


def sees_pods(policy: JsonObject) -> bool:
    """Whether a traffic policy can only be honoured by who sees every pod."""
    balancer = policy.get("loadBalancer") or {}
    return bool(policy.get("outlierDetection") or balancer.keys() - {"localityLbSetting"})
