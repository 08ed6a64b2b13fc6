"""An installation of Istio in objects, with templates of its own: what `injector migrate` looks at."""

from collections.abc import Sequence
from typing import Any

import yaml

SIDECAR = """\
metadata:
  labels:
    security.istio.io/tlsMode: istio
  annotations:
    istio.io/rev: {{ .Revision | quote }}
spec:
  initContainers:
  - name: istio-init
    image: {{ .Values.global.hub }}/proxyv2:{{ .Values.global.tag }}
  containers:
  - name: istio-proxy
    image: {{ .Values.global.hub }}/proxyv2:{{ .Values.global.tag }}
    args: [proxy, sidecar]
    env:
    - name: ISTIO_META_WORKLOAD_NAME
      value: {{ .DeploymentMeta.Name | quote }}
"""
HUB = "registry.example/istio"


def config_maps(tag: str = "1.28.10", revision: str = "", sidecar: str = SIDECAR, hub: str = HUB) -> list[Any]:
    """The ConfigMaps of one revision, as its charts write them."""
    config = {"policy": "enabled", "defaultTemplates": ["sidecar"], "templates": {"sidecar": sidecar}}
    values = {"global": {"hub": hub, "tag": tag}, "revision": revision}
    suffix = f"-{revision}" if revision else ""
    return [
        config_map(f"istio-sidecar-injector{suffix}", config=yaml.safe_dump(config), values=yaml.safe_dump(values)),
        config_map(f"istio{suffix}", mesh="rootNamespace: istio-system\n"),
    ]


def config_map(name: str, **data: Any) -> Any:
    metadata = {"name": name, "namespace": "istio-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def webhooks(name: str = "istio-sidecar-injector", revision: str = "default", **labels: str) -> Any:
    """A webhook configuration of istiod, as far as it says whose it is."""
    of_istio = {"operator.istio.io/component": "Pilot", "istio.io/rev": revision}
    service = {"name": "istiod", "namespace": "istio-system", "path": "/inject"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name, "labels": {**of_istio, **{key.replace("_", "/"): labels[key] for key in labels}}},
        "webhooks": [
            {
                "name": "namespace.sidecar-injector.istio.io",
                "clientConfig": {"service": service},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            }
        ],
    }


def namespace(name: str, **labels: str) -> Any:
    named = {"injection": "istio-injection", "rev": "istio.io/rev"}
    metadata = {"name": name, "labels": {named[key]: value for key, value in labels.items()}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def deployment(place: str, name: str, **annotations: str) -> Any:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": place},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def listed(objects: Sequence[Any]) -> str:
    """The objects as `kubectl get -o yaml` prints them."""
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(objects)})
