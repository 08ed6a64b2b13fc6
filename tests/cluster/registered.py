"""A webhook configuration as somebody applied it."""

from typing import Any

PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhooks"
OWN, FOREIGN = "namespace.sidecar-injector.istio.io", "other.example"


def configuration(bundle: str | None = None, labels: dict[str, str] | None = None, name: str = OWN) -> Any:
    """A webhook configuration with an entry of the injector's, and one of somebody else."""
    client = {"url": "https://a/inject", **({} if bundle is None else {"caBundle": bundle})}
    other = {"name": FOREIGN, "clientConfig": {"url": "https://b", "caBundle": "Yg=="}}
    metadata = {"name": "webhooks", "labels": labels or {}, "managedFields": [{"manager": "helm"}]}
    return {"metadata": metadata, "webhooks": [{"name": name, "clientConfig": client}, other]}
