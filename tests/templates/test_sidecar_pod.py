"""The template `sidecar`: resources, security contexts, mounts and volumes (reference 5.10 to 5.13)."""

from typing import Any

import pytest

from injector.core.model import JsonObject
from tests.support import container_of, default_setup, env_of, injected, pod_of, setup_with
from tests.templates.injecting import (
    SIDECAR,
    annotated,
    flags_of,
    mounts_of,
    names,
    proxy_of,
    refusal,
    volume_of,
)

RESOURCES = f"{SIDECAR}proxy"


@pytest.mark.parametrize(
    ("annotations", "sets", "resources"),
    [
        ({f"{RESOURCES}CPU": "1"}, (), {"requests": {"cpu": "1"}}),
        ({f"{RESOURCES}MemoryLimit": "1Gi"}, (), {"limits": {"memory": "1Gi"}}),
        (
            {},
            ("values.global.proxy.resources.limits.cpu=null", "values.global.proxy.resources.requests=null"),
            {"limits": {"memory": "1024Mi"}},
        ),
        ({}, ("values.global.proxy.resources.limits=null", "values.global.proxy.resources.requests=null"), None),
        (
            {},
            ("values.global.proxy.resources.limits=null", "values.global.proxy.resources.requests.cpu=0"),
            {"requests": {"cpu": 0, "memory": "128Mi"}},
        ),
    ],
)
def test_resources(annotations: dict[str, str], sets: tuple[str, ...], resources: JsonObject | None) -> None:
    """Reference 5.10, for both containers."""
    pod = annotated(annotations, *sets)
    for name in ("istio-proxy", "istio-init"):
        assert container_of(pod, name).get("resources") == resources


CONTEXT_KEYS = "allowPrivilegeEscalation privileged readOnlyRootFilesystem runAsNonRoot runAsUser runAsGroup".split()
TRACE = "meshConfig.defaultConfig.proxyMetadata.IPTABLES_TRACE_LOGGING=true"
BIND = f"{SIDECAR}capNetBindService"
MODE = f"{SIDECAR}interceptionMode"
ROOT = [False, False, True, False, 0, 1337]


@pytest.mark.parametrize(
    ("annotations", "sets", "capabilities", "wanted"),
    [
        ({}, (), None, [False, False, True, True, 1337, 1337]),
        ({}, ("values.global.proxy.privileged=true",), None, [True, True, True, True, 1337, 1337]),
        ({MODE: "TPROXY"}, (), ["NET_ADMIN"], ROOT),
        ({BIND: "true"}, (), ["NET_BIND_SERVICE"], ROOT),
        ({BIND: "True"}, (), None, [False, False, True, True, 1337, 1337]),
        ({}, ("values.global.proxy.capNetBindService=true",), ["NET_BIND_SERVICE"], ROOT),
        ({BIND: ""}, ("values.global.proxy.capNetBindService=true",), None, [False, False, True, True, 1337, 1337]),
        ({BIND: "true", MODE: "TPROXY"}, (), ["NET_ADMIN", "NET_BIND_SERVICE"], ROOT),
        ({MODE: "TPROXY"}, (TRACE,), ["NET_ADMIN"], [True, True, True, False, 0, 1337]),
    ],
)  # fmt: skip
def test_security_contexts_of_the_proxy(
    annotations: dict[str, str], sets: tuple[str, ...], capabilities: list[str] | None, wanted: list[Any]
) -> None:
    """Reference 5.11."""
    context = proxy_of(annotated(annotations, *sets))["securityContext"]
    assert [context[key] for key in CONTEXT_KEYS] == wanted
    assert context["capabilities"] == {"drop": ["ALL"], **({"add": capabilities} if capabilities else {})}


def test_security_context_of_the_redirection() -> None:
    """Reference 5.11."""
    sets = ("values.global.proxy.privileged=true", "values.global.proxy.seccompProfile.type=RuntimeDefault")
    pod = annotated({MODE: "TPROXY"}, *sets)
    context = container_of(pod, "istio-init")["securityContext"]
    assert [context[key] for key in CONTEXT_KEYS] == [True, True, False, False, 0, 0]
    assert context["capabilities"] == {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert proxy_of(pod)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert flags_of(pod)["-u"] == "1337"
    assert "securityContext" not in pod["spec"]


MOUNTS = {
    "workload-socket": "/var/run/secrets/workload-spiffe-uds",
    "credential-socket": "/var/run/secrets/credential-uds",
    "workload-certs": "/var/run/secrets/workload-spiffe-credentials",
    "istiod-ca-cert": "/var/run/secrets/istio",
    "istio-ca-crl": "/var/run/secrets/istio/crl",
    "istio-data": "/var/lib/istio/data",
    "istio-envoy": "/etc/istio/proxy",
    "istio-token": "/var/run/secrets/tokens",
    "istio-podinfo": "/etc/istio/pod",
}


def test_mounts_and_volumes() -> None:
    """Reference 5.12 and 5.13."""
    pod = annotated({})
    assert mounts_of(pod) == MOUNTS
    assert list(mounts_of(pod)) == list(MOUNTS)
    order = "workload-socket credential-socket workload-certs istio-envoy istio-data istio-podinfo istio-token"
    assert names(pod["spec"]["volumes"]) == [*order.split(), "istiod-ca-cert", "istio-ca-crl"]
    assert volume_of(pod, "istio-ca-crl") == {"configMap": {"name": "istio-ca-crl", "optional": True}}
    assert volume_of(pod, "istiod-ca-cert") == {"configMap": {"name": "istio-ca-root-cert"}}
    assert volume_of(pod, "istio-envoy") == {"emptyDir": {"medium": "Memory"}}
    assert volume_of(pod, "workload-socket") == {}
    token = {"path": "istio-token", "expirationSeconds": 43200, "audience": "istio-ca"}
    assert volume_of(pod, "istio-token") == {"projected": {"sources": [{"serviceAccountToken": token}]}}


def test_volumes_that_values_and_annotations_add() -> None:
    """Reference 5.12 and 5.13."""
    pod = annotated(
        {
            f"{SIDECAR}bootstrapOverride": "boot",
            f"{SIDECAR}userVolume": '{"z": {"emptyDir": {}}, "a": {"secret": {"secretName": "s"}}}',
            f"{SIDECAR}userVolumeMount": '{"z": {"mountPath": "/z", "readOnly": true}, "a": {"mountPath": "/a"}}',
        },
        "values.global.mountMtlsCerts=true",
        "values.global.caName=GkeWorkloadCertificate",
        "values.global.trustBundleName=bundle",
        "values.pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API=true",
        "values.pilot.crlConfigMapName=crl",
        "values.global.sds.token.aud=aud",
    )
    mounts = {each["name"]: each for each in proxy_of(pod)["volumeMounts"]}
    assert list(mounts)[-2:] == ["a", "z"]
    assert mounts["z"] == {"name": "z", "mountPath": "/z", "readOnly": True}
    assert mounts["istio-certs"] == {"name": "istio-certs", "mountPath": "/etc/certs/", "readOnly": True}
    assert mounts["gke-workload-certificate"]["readOnly"] is True
    assert mounts["custom-bootstrap-volume"]["mountPath"] == "/etc/istio/custom-bootstrap"
    assert names(pod["spec"]["volumes"])[-3:] == ["istio-certs", "a", "z"]
    assert volume_of(pod, "istio-certs") == {"secret": {"optional": True, "secretName": "istio.default"}}
    assert volume_of(pod, "custom-bootstrap-volume") == {"configMap": {"name": "boot"}}
    assert volume_of(pod, "istio-ca-crl")["configMap"]["name"] == "crl"
    bundle = {"name": "istio.io:istiod-ca:bundle", "path": "root-cert.pem"}
    assert volume_of(pod, "istiod-ca-cert") == {"projected": {"sources": [{"clusterTrustBundle": bundle}]}}
    assert env_of(proxy_of(pod))["ISTIO_BOOTSTRAP_OVERRIDE"] == "/etc/istio/custom-bootstrap/custom_bootstrap.json"


def test_another_certificate_provider_needs_no_root_certificate() -> None:
    """Reference 5.12 and 5.13: the list of revoked certificates is a volume always, mounted only with istiod."""
    pod = annotated({}, "values.global.pilotCertProvider=none")
    assert not {"istiod-ca-cert", "istio-ca-crl"} & set(mounts_of(pod))
    assert "istiod-ca-cert" not in names(pod["spec"]["volumes"])
    assert "istio-ca-crl" in names(pod["spec"]["volumes"])


def test_a_socket_of_the_user_s_own_keeps_its_source() -> None:
    """Reference 5.13."""
    pod = pod_of(volumes=[{"name": "workload-socket", "csi": {"driver": "spire"}}, {"name": "data", "emptyDir": {}}])
    found = injected(pod, default_setup())
    assert volume_of(found, "workload-socket") == {"csi": {"driver": "spire"}}
    assert names(found["spec"]["volumes"])[-1] == "data"


def test_volumes_in_annotations_may_be_a_list() -> None:
    """Istio ranges over what the JSON holds; an item's own name wins over its key or index."""
    volumes = '[{"name": "z", "emptyDir": {}}, {"name": "a", "secret": {"secretName": "s"}}]'
    mounts = '{"key": {"name": "z", "mountPath": "/z"}, "a": {"mountPath": "/a"}}'
    pod = annotated({f"{SIDECAR}userVolume": volumes, f"{SIDECAR}userVolumeMount": mounts})
    assert names(pod["spec"]["volumes"])[-2:] == ["z", "a"]
    assert proxy_of(pod)["volumeMounts"][-2:] == [
        {"name": "a", "mountPath": "/a"},
        {"name": "z", "mountPath": "/z"},
    ]


@pytest.mark.parametrize("name", ["userVolume", "userVolumeMount"])
@pytest.mark.parametrize("text", ["", "1", "{", '{"a": 1}', "[1]"])
def test_volumes_in_annotations_have_to_be_json(name: str, text: str) -> None:
    """Reference 5.13: the refusal names the annotation."""
    assert f"{SIDECAR}{name}" in refusal({f"{SIDECAR}{name}": text})


def test_pull_secrets_and_policy() -> None:
    """Reference 5.13 and 8.2: the injected secrets stand before the user's."""
    sets = ("values.global.imagePullSecrets={a,b}", "values.global.imagePullPolicy=Always")
    pod = injected(pod_of(imagePullSecrets=[{"name": "mine"}]), setup_with(*sets))
    assert names(pod["spec"]["imagePullSecrets"]) == ["a", "b", "mine"]
    assert proxy_of(pod)["imagePullPolicy"] == container_of(pod, "istio-init")["imagePullPolicy"] == "Always"
    assert "imagePullPolicy" not in proxy_of(annotated({}))
