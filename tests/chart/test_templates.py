"""Whatever the values: Helm lints and renders the chart, and Kubernetes' own schemas accept every object of it."""

import json
from typing import Any

import helm_python
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chart.rendering import CERT_MANAGER, EVERYTHING, NAMESPACE, chart, of_kind, rendered
from tests.kubernetes_schemas import validate
from tools.generate import CHART

# Kinds that Kubernetes does not bring itself: what their definitions require, by path.
REQUIRED: dict[str, tuple[str, ...]] = {
    "PodMonitor": ("spec.selector.matchLabels", "spec.podMetricsEndpoints"),
    "ServiceMonitor": ("spec.selector.matchLabels", "spec.endpoints"),
    "PrometheusRule": ("spec.groups",),
    "Certificate": ("spec.secretName", "spec.issuerRef.name", "spec.issuerRef.kind"),
    "Issuer": ("spec",),
}

VALUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "cert-manager": CERT_MANAGER,
    "everything with cert-manager": {**EVERYTHING, **CERT_MANAGER},
    "an issuer that is there": {
        "certificates": {
            "provider": "cert-manager",
            "servingDays": 0.5,
            "certManager": {"issuer": {"name": "company", "kind": "ClusterIssuer"}},
        }
    },
    "rsa keys": {"certificates": {**CERT_MANAGER["certificates"], "keyType": "rsa"}},
    "no roles": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "mine"}},
    "one replica": {"replicas": 1, "acknowledgeSingleReplica": True, "podDisruptionBudget": {"enabled": False}},
    "the node's network": {"hostNetwork": True, "server": {"port": 15018}},
    "dual stack": {
        "server": {"host": "::"},
        "service": {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack", "type": "NodePort"},
    },
    "extras": {
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "proxy": {"httpsProxy": "http://proxy.example:3128", "noProxy": ["10.0.0.0/8"]},
        "strategy": {"type": "Recreate"},
        "podDisruptionBudget": {"maxUnavailable": "34%"},
        "autoscaling": {"enabled": True, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}},
        "server": {"logLevel": "warning", "logFormat": "text"},
        "priorityClassName": "",
    },
    "high availability": yaml.safe_load((CHART / "values-ha.yaml").read_text(encoding="utf-8")),
    "a private cluster": yaml.safe_load((CHART / "values-private.yaml").read_text(encoding="utf-8")),
    "half of four": {"replicas": 4, "podDisruptionBudget": {"minAvailable": "50%"}},
    "openshift": {"config": {"platform": "openshift"}},
    "a digest": {"image": {"digest": f"sha256:{'0' * 64}"}, "imagePullSecrets": [{"name": "pull"}]},
    "outside": {"webhook": {"url": "https://injector.example:15017/inject", "failurePolicy": "Ignore"}},
    "metadata": {
        "commonLabels": {"team": "mesh"},
        "podLabels": {"a": "b"},
        "podAnnotations": {"c": "d"},
        "service": {"annotations": {"e": "f"}, "ipFamilyPolicy": "PreferDualStack"},
        "webhook": {"annotations": {"g": "h"}, "matchConditions": [{"name": "more", "expression": "true"}]},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "system-cluster-critical",
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "server": {"host": "::", "extraArguments": ["--set", "policy=disabled"], "events": False},
    },
}


def assert_valid(documents: list[Any]) -> None:
    """Every object is one that Kubernetes, or the definition of its kind, accepts."""
    for document in documents:
        if document["kind"] in REQUIRED:
            assert all(at(document, path) is not None for path in REQUIRED[document["kind"]]), document
        else:
            validate(document)


def at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_every_object_is_valid(values: dict[str, Any]) -> None:
    assert_valid(rendered(values))


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_helm_lints_the_chart_without_a_warning(values: dict[str, Any]) -> None:
    report = helm_python.lint(CHART, values, strict=True, namespace=NAMESPACE)
    assert [message for message in report["messages"] if message["severity"] > 1] == []


def test_everything_renders_every_template() -> None:
    files = chart().render({**EVERYTHING, **CERT_MANAGER}, name="injector", namespace=NAMESPACE)
    silent = {name.rpartition("/")[2] for name, text in files.items() if not text.strip()}
    assert silent <= {"refusals.yaml", "_arguments.tpl", "_names.tpl", "_pod.tpl", "_refusals.tpl", "_webhooks.tpl"}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "revision": st.sampled_from(["", "canary", "1-26"]),
            "revisionTags": st.lists(st.sampled_from(["prod", "staging"]), unique=True),
            "replicas": st.integers(2, 9),
            "ignoredNamespaces": st.just(["kube-system", "kube-public", "kube-node-lease", "local-path-storage", "ci"]),
            "preview": st.fixed_dictionaries({"enabled": st.booleans()}),
            "autoscaling": st.fixed_dictionaries({"enabled": st.booleans(), "maxReplicas": st.integers(2, 50)}),
            "webhook": st.fixed_dictionaries({"timeoutSeconds": st.integers(1, 30), "path": st.just("/inject/net/n")}),
            "certificates": st.fixed_dictionaries({"provider": st.sampled_from(["injector", "cert-manager"])}),
            "server": st.fixed_dictionaries({"events": st.booleans(), "workers": st.integers(1, 8)}),
            "networkPolicy": st.fixed_dictionaries({"enabled": st.booleans()}),
            "survivalPolicy": st.fixed_dictionaries({"enabled": st.booleans()}),
            "nameOverride": st.sampled_from(["", "a", "x" * 63]),
            "fullnameOverride": st.sampled_from(["", "b", "y" * 63]),
        },
    ),
    st.sampled_from([NAMESPACE, "default", "kube-system", "n" * 63]),
)
@settings(max_examples=20, deadline=None)
def test_any_combination_of_values_gives_valid_objects_of_one_name_each(values: dict[str, Any], where: str) -> None:
    documents = rendered(values, where)
    assert_valid(documents)
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for kind, name in names if kind in {"Service", "Deployment"})


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_no_certificate_and_no_secret_is_ever_rendered(values: dict[str, Any]) -> None:
    """Helm and every GitOps tool would fight over them with whoever rotates them."""
    documents = rendered(values)
    text = json.dumps(documents)
    assert of_kind(documents, "Secret") == []
    assert '"caBundle"' not in text
    assert "BEGIN" not in text


@pytest.mark.parametrize("chosen", ["", "registry.example/capture:1"])
def test_traffic_is_captured_with_the_injector_s_own_image_unless_another_is_chosen(chosen: str) -> None:
    values: dict[str, Any] = {"image": {"repository": "registry.example/injector", "tag": "2"}, "revision": "canary"}
    if chosen:
        values["config"] = {"values": {"global": {"envoy": {"captureImage": chosen}}}}
    (configuration,) = (
        yaml.safe_load(each["data"]["config.yaml"])
        for each in of_kind(rendered(values), "ConfigMap")
        if "config.yaml" in each.get("data", {})
    )
    assert configuration["values"]["global"]["envoy"]["captureImage"] == (chosen or "registry.example/injector:2")
    assert configuration["values"]["revision"] == "canary"
