"""Values that would lock a cluster out, or cannot work, are refused with a line that names them and what would do."""

from typing import Any

import helm_python
import pytest

from injector.core.selection import SYSTEM_NAMESPACES
from tests.chart.rendering import rendered, webhook_entries

ONE = {"replicas": 1, "podDisruptionBudget": {"enabled": False}}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    # values, what is named, what would be valid
    ({"ignoredNamespaces": []}, "ignoredNamespaces: kube-system", "webhook.failurePolicy to Ignore"),
    (
        {"ignoredNamespaces": list(SYSTEM_NAMESPACES[:3]), "enableNamespacesByDefault": True},
        "ignoredNamespaces: local-path-storage",
        "add it",
    ),
    (ONE, "replicas: 1", "at least 2, or acknowledgeSingleReplica true"),
    ({"autoscaling": {"enabled": True, "minReplicas": 1}}, "autoscaling.minReplicas: 1", "at least 2"),
    (
        {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 4}},
        "autoscaling.maxReplicas: 4",
        "at least 5",
    ),
    ({"podDisruptionBudget": {"minAvailable": 2}}, "podDisruptionBudget.minAvailable: 2 of 2", "at most 1"),
    ({"podDisruptionBudget": {"minAvailable": "51%"}}, "podDisruptionBudget.minAvailable: 51% of 2", "at most 1"),
    (
        {"autoscaling": {"enabled": True, "minReplicas": 3}, "podDisruptionBudget": {"minAvailable": 3}},
        "podDisruptionBudget.minAvailable: 3 of 3",
        "at most 2",
    ),
    (
        {"certificates": {"certManager": {"issuer": {"name": "company"}}}},
        "certificates.certManager.issuer.name: company",
        "set the provider to cert-manager",
    ),
    ({"server": {"clients": {"names": ["apiserver"]}}}, "server.clients.names", "set server.clients.configMap"),
    ({"certificates": {"servingDays": 365}}, "certificates.servingDays: 365", "less than certificates.authorityDays"),
    ({"revisionTags": ["default"]}, "revisionTags: default", "only other names"),
    ({"revision": "a", "enableNamespacesByDefault": True}, "enableNamespacesByDefault", "add default to revisionTags"),
    ({"config": {"revision": "a"}}, "config.revision", "set revision in its place"),
    ({"config": {"ignoredNamespaces": []}}, "config.ignoredNamespaces", "set ignoredNamespaces in its place"),
    ({"preview": {"enabled": True, "port": 15017}}, "preview.port: 15017 is server.port", "any other port"),
    (
        {"server": {"limits": {"connections": 100}}},
        "server.limits.handshakes: 128 is more than server.limits.connections, 100",
        "at most as many",
    ),
    ({"configFiles": {"config": ""}}, "configFiles.config", "any other name"),
    ({"replicas": 0, "webhook": {"failurePolicy": "Ignore"}}, "replicas: 0 runs no injector", "helm uninstall"),
    ({"replicas": 0}, "replicas: 0 runs no injector", "at least 2"),
    ({"podDisruptionBudget": {"maxUnavailable": 0}}, "podDisruptionBudget.maxUnavailable: 0", "at least 1"),
    ({"webhook": {"url": "https://injector.example"}}, "webhook.url: https://injector.example has no path", "/inject"),
    (
        {"webhook": {"url": "https://injector.example/x"}},
        "webhook.url: https://injector.example/x has the path /x",
        "/inject",
    ),
    ({"webhook": {"url": "https://in_jector/inject"}}, "webhook.url: in_jector is no host", "a DNS name"),
    ({"webhook": {"url": "https://-a.example/inject"}}, "webhook.url: -a.example is no host", "a DNS name"),
    ({"server": {"host": "localhost"}}, "server.host: localhost", "0.0.0.0, or ::"),
    ({"podLabels": {"app.kubernetes.io/name": "x"}}, "podLabels: app.kubernetes.io/name", "any other label"),
    (
        {"commonLabels": {"app.kubernetes.io/instance": "x"}},
        "commonLabels: app.kubernetes.io/instance",
        "any other label",
    ),
    ({"podLabels": {"sidecar.istio.io/inject": "true"}}, "podLabels: sidecar.istio.io/inject", "any other label"),
    ({"service": {"ipFamilies": ["IPv6"]}}, "server.host: 0.0.0.0 answers no IPv6", "set it to ::"),
    (
        {"service": {"ipFamilies": ["IPv4", "IPv6"]}, "server": {"host": "::"}},
        "service.ipFamilies: two families",
        "service.ipFamilyPolicy",
    ),
    ({"hostNetwork": True, "server": {"port": 10250}}, "server.port: 10250 is the kubelet's", "any other port"),
    ({"hostNetwork": True, "userNamespace": True}, "userNamespace: not together", "set one of them to false"),
    ({"survivalPolicy": {"actions": ["Deny", "Warn"]}}, "survivalPolicy.actions", "leave one out"),
]


@pytest.mark.parametrize(("values", "named", "valid"), REFUSED, ids=[named for _, named, _ in REFUSED])
def test_a_combination_that_cannot_be_meant_is_refused(values: dict[str, Any], named: str, valid: str) -> None:
    with pytest.raises(helm_python.HelmRenderError) as refused:
        rendered(values)
    (line,) = [line for line in str(refused.value).splitlines() if line.startswith(named)]
    assert valid in line


def test_all_refusals_are_told_at_once() -> None:
    with pytest.raises(helm_python.HelmRenderError) as refused:
        rendered({**ONE, "revisionTags": ["default"], "certificates": {"servingDays": 400}})
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    "values",
    [
        {**ONE, "acknowledgeSingleReplica": True},
        {**ONE, "webhook": {"failurePolicy": "Ignore"}},
        {"ignoredNamespaces": [], "webhook": {"failurePolicy": "Ignore"}},
        {"podDisruptionBudget": {"minAvailable": "50%"}},
        {"podDisruptionBudget": {"minAvailable": 2, "maxUnavailable": 1}},
        {"webhook": {"url": "https://[fd00::2]:15017/inject/cluster/c"}},
        {"webhook": {"url": "https://192.0.2.1/inject"}},
        {"service": {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}, "server": {"host": "::"}},
        {"revision": "a", "revisionTags": ["default"], "enableNamespacesByDefault": True},
    ],
)
def test_what_does_no_harm_is_rendered(values: dict[str, Any]) -> None:
    assert rendered(values)


@pytest.mark.parametrize("where", ["injector-system", "kube-system", "default"])
def test_the_release_s_own_namespace_is_never_sent_wherever_it_is(where: str) -> None:
    """Else a release whose replicas are all gone could not come back."""
    for entry in webhook_entries(rendered({"ignoredNamespaces": [], "webhook": {"failurePolicy": "Ignore"}}, where)):
        (names,) = [
            each["values"]
            for each in entry["namespaceSelector"]["matchExpressions"]
            if each["key"] == "kubernetes.io/metadata.name" and where in each["values"]
        ]
        assert names == [where]
