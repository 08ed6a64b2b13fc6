"""The chart rendered by Helm itself, as documents that tests can look at."""

from functools import cache
from typing import Any

import helm_python
import yaml

from tools.generate import CHART

RELEASE, NAMESPACE = "injector", "injector-system"
CLUSTER_NAME = f"{RELEASE}-{NAMESPACE}"
EVERYTHING: dict[str, Any] = {
    "revision": "canary",
    "revisionTags": ["default", "prod"],
    "enableNamespacesByDefault": True,
    "configFiles": {"mesh": "kind: IstioOperator\n"},
    "istio": {"namespace": "istio-system", "revision": "1-30"},
    "autoscaling": {"enabled": True},
    "preview": {"enabled": True},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "podMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "survivalPolicy": {"enabled": True, "byNamespace": True},
    "accountPolicy": {"enabled": True},
    "userNamespace": True,
}
CERT_MANAGER: dict[str, Any] = {"certificates": {"provider": "cert-manager"}}


@cache
def chart() -> helm_python.Chart:
    """The chart as it is in this checkout."""
    return helm_python.Chart.load(CHART)


def rendered(values: dict[str, Any] | None = None, namespace: str = NAMESPACE) -> list[Any]:
    """Every object that Helm renders for `values` over the chart's defaults."""
    files = chart().render(values or {}, name=RELEASE, namespace=namespace, is_install=True)
    texts = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
    return [document for text in texts for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def of_kind(documents: list[Any], kind: str) -> list[Any]:
    """The objects of one kind."""
    return [document for document in documents if document["kind"] == kind]


def only(documents: list[Any], kind: str, name: str = RELEASE) -> Any:
    """The one object of that kind and name."""
    (found,) = (document for document in of_kind(documents, kind) if document["metadata"]["name"] == name)
    return found


def webhook_entries(documents: list[Any]) -> list[Any]:
    """The entries of all webhook configurations."""
    return [entry for found in of_kind(documents, "MutatingWebhookConfiguration") for entry in found["webhooks"]]


def server_of(documents: list[Any]) -> Any:
    """The container of the Deployment."""
    (container,) = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    return container
