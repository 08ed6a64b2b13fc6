"""The template `sidecar`: arguments, environment, lifecycle and probes of the proxy (reference 5.9)."""

import json

import pytest

from tests.support import admitted, default_setup, env_of, injected, pod_of, setup_with
from tests.templates.injecting import (
    SIDECAR,
    STATUS,
    annotated,
    names,
    proxy_of,
    refusal,
    volume_of,
)


def test_the_arguments_of_the_proxy() -> None:
    """Reference 5.9.1."""
    sets = (
        "values.global.proxy.clusterDomain=d.local",
        "values.global.sts.servicePort=15463",
        "values.global.logAsJson=true",
        "values.global.proxy.outlierLogPath=/o",
    )
    given = {f"{SIDECAR}logLevel": "debug", f"{SIDECAR}componentLogLevel": "", f"{SIDECAR}agentLogLevel": "a:b"}
    assert proxy_of(annotated(given, *sets))["args"] == [
        *("proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.d.local", "--proxyLogLevel=debug"),
        *("--proxyComponentLogLevel=", "--log_output_level=a:b", "--stsPort=15463", "--log_as_json"),
        "--outlierLogPath=/o",
    ]


HOLD = "values.global.proxy.holdApplicationUntilProxyStarts=true"


@pytest.mark.parametrize(
    ("annotations", "sets", "command"),
    [
        ({}, (), None),
        ({}, (HOLD,), ["pilot-agent", "wait"]),
        ({"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"}, (), ["pilot-agent", "wait"]),
        (
            {f"{STATUS}port": "123"},
            (HOLD, "nativeSidecars=enabled"),
            ["pilot-agent", "request", "--debug-port=123", "POST", "drain"],
        ),
        ({}, (HOLD, "values.global.proxy.lifecycle.preStop.exec.command={bye}"), ["bye"]),
    ],
)
def test_the_lifecycle_of_the_proxy(
    annotations: dict[str, str], sets: tuple[str, ...], command: list[str] | None
) -> None:
    """Reference 5.9.2, and 11.7: the proxy that is waited for stands first."""
    pod = annotated(annotations, *sets)
    lifecycle = proxy_of(pod).get("lifecycle")
    assert (None if lifecycle is None else [each["exec"]["command"] for each in lifecycle.values()]) == (
        None if command is None else [command]
    )


@pytest.mark.parametrize(
    ("own", "mesh", "first"),
    [(None, "true", True), ("false", "true", False), ("true", "false", True), (None, "false", False)],
)
def test_the_pod_s_own_hold_wins_over_the_mesh_s(own: str | None, mesh: str, first: bool) -> None:
    """Reference 3.4 (wrapped values override also as false) and 11.7."""
    given = {} if own is None else {"proxy.istio.io/config": f"holdApplicationUntilProxyStarts: {own}"}
    pod = annotated(given, f"meshConfig.defaultConfig.holdApplicationUntilProxyStarts={mesh}")
    assert (names(pod["spec"]["containers"])[0] == "istio-proxy") == first
    assert ("lifecycle" in proxy_of(pod)) == first


ORDER = (
    "PILOT_CERT_PROVIDER CA_ADDR POD_NAME POD_NAMESPACE INSTANCE_IP SERVICE_ACCOUNT HOST_IP ISTIO_CPU_LIMIT "
    "PROXY_CONFIG ISTIO_META_POD_PORTS ISTIO_META_APP_CONTAINERS GOMEMLIMIT ISTIO_META_CLUSTER_ID "
    "ISTIO_META_NODE_NAME ISTIO_META_INTERCEPTION_MODE ISTIO_META_WORKLOAD_NAME ISTIO_META_OWNER ISTIO_META_MESH_ID "
    "TRUST_DOMAIN"
).split()


def test_the_environment_of_the_proxy_and_its_order() -> None:
    """Reference 5.9.3."""
    env = proxy_of(annotated({}))["env"]
    assert names(env) == ORDER
    found = {each["name"]: each for each in env}
    references = {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "INSTANCE_IP": "status.podIP",
        "SERVICE_ACCOUNT": "spec.serviceAccountName",
        "HOST_IP": "status.hostIP",
        "ISTIO_META_NODE_NAME": "spec.nodeName",
    }
    for name, path in references.items():
        assert found[name]["valueFrom"] == {"fieldRef": {"fieldPath": path}}
    for name, resource in {"ISTIO_CPU_LIMIT": "limits.cpu", "GOMEMLIMIT": "limits.memory"}.items():
        assert found[name]["valueFrom"] == {"resourceFieldRef": {"resource": resource, "divisor": "1"}}
    values = env_of(proxy_of(annotated({})))
    assert values["PROXY_CONFIG"] == "{}\n"
    assert values["CA_ADDR"] == "istiod.istio-system.svc:15012"
    assert values["ISTIO_META_CLUSTER_ID"] == "Kubernetes"
    assert values["ISTIO_META_OWNER"] == "kubernetes://apis/v1/namespaces/default/pods/shop"
    assert values["ISTIO_META_POD_PORTS"] == "[\n]"
    assert (values["ISTIO_META_MESH_ID"], values["TRUST_DOMAIN"]) == ("cluster.local", "cluster.local")


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        (("values.global.caAddress=ca:1",), {"CA_ADDR": "ca:1"}),
        (
            ("values.revision=canary", "values.global.istioNamespace=mesh"),
            {"CA_ADDR": "istiod-canary.mesh.svc:15012"},
        ),
        (("meshConfig.inboundTrafficPolicy.mode=LOCALHOST",), {"REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION": "true"}),
        (("compliancePolicy=fips-140-2",), {"COMPLIANCE_POLICY": "fips-140-2", "GODEBUG": None}),
        (("compliancePolicy=fips-140-3",), {"COMPLIANCE_POLICY": "fips-140-3", "GODEBUG": "fips140=only"}),
        (("values.global.meshID=m",), {"ISTIO_META_MESH_ID": "m", "TRUST_DOMAIN": "cluster.local"}),
        (
            ("meshConfig.trustDomain=", "values.global.trustDomain=t"),
            {"ISTIO_META_MESH_ID": "t", "TRUST_DOMAIN": "t"},
        ),
        (("meshConfig.trustDomain=",), {"ISTIO_META_MESH_ID": None, "TRUST_DOMAIN": None}),
        (("values.global.network=n",), {"ISTIO_META_NETWORK": "n"}),
        (("values.global.pilotCertProvider=kubernetes",), {"PILOT_CERT_PROVIDER": "kubernetes"}),
        (("meshConfig.defaultConfig.interceptionMode=TPROXY",), {"ISTIO_META_INTERCEPTION_MODE": "TPROXY"}),
    ],
)
def test_values_in_the_environment(sets: tuple[str, ...], wanted: dict[str, str | None]) -> None:
    """Reference 5.9.3; None: there is no such variable."""
    env = env_of(proxy_of(annotated({}, *sets)))
    assert {name: env.get(name) for name in wanted} == wanted


def test_the_ports_of_the_pod() -> None:
    """Reference 5.9.3, row 11."""
    pod = pod_of(container={"ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}, {"containerPort": 81}]})
    pod["spec"]["containers"].append(
        {"name": "istio-proxy", "image": "auto", "ports": [{"hostIP": "1.2.3.4", "containerPort": 82, "hostPort": 5}]}
    )
    lines = env_of(proxy_of(injected(pod, default_setup())))["ISTIO_META_POD_PORTS"].split("\n")
    assert lines == [
        "[",
        '    {"name":"http","containerPort":80,"protocol":"TCP"}',
        '    ,{"containerPort":81}',
        '    ,{"hostPort":5,"containerPort":82,"hostIP":"1.2.3.4"}',
        "]",
    ]


def test_the_workload_s_name_can_come_from_a_label() -> None:
    """Reference 5.9.3, row 20; only in this template (6, 7.1)."""
    labels = {"service.istio.io/workload-name": "other"}
    for template, name in {"sidecar": "other", "gateway": "shop", "grpc-agent": "shop"}.items():
        pod = injected(pod_of(labels=labels), setup_with(f"defaultTemplates={{{template}}}"))
        assert env_of(proxy_of(pod))["ISTIO_META_WORKLOAD_NAME"] == name


def test_the_datadog_tracer_takes_environment_from_an_annotation() -> None:
    """Reference 5.9.3, row 25."""
    datadog = "values.global.proxy.tracer=datadog"
    given = {"apm.datadoghq.com/env": '{"DD_B": 8126, "DD_A": "x", "DD_C": true}'}
    env = proxy_of(annotated(given, datadog))["env"]
    assert [each for each in env if each["name"].startswith("DD_")] == [
        {"name": "DD_A", "value": "x"},
        {"name": "DD_B", "value": "8126"},
        {"name": "DD_C", "value": "true"},
    ]
    assert "DD_A" not in env_of(proxy_of(annotated(given)))
    assert "apm.datadoghq.com/env" in refusal({"apm.datadoghq.com/env": "{"}, datadog)
    tracing = json.loads(env_of(proxy_of(annotated({}, datadog)))["PROXY_CONFIG"])["tracing"]
    assert tracing == {"datadog": {"address": "$(HOST_IP):8126"}}


LIGHTSTEP = (
    "values.global.proxy.tracer=lightstep",
    "values.global.tracer.lightstep.address=l:1",
    "values.global.tracer.lightstep.accessToken=t",
)
LIGHTSTEP_TLS = "meshConfig.defaultConfig.tracing.tlsSettings"


def test_the_lightstep_tracer_mounts_its_authority() -> None:
    """Reference 5.12 row 12 and 5.13 row 13."""
    pod = annotated({}, *LIGHTSTEP, f"{LIGHTSTEP_TLS}.mode=SIMPLE", f"{LIGHTSTEP_TLS}.caCertificates=/etc/l/ca.pem")
    (mount,) = [each for each in proxy_of(pod)["volumeMounts"] if each["name"] == "lightstep-certs"]
    assert mount == {"name": "lightstep-certs", "mountPath": "/etc/l/", "readOnly": True}
    assert volume_of(pod, "lightstep-certs") == {"secret": {"optional": True, "secretName": "lightstep.cacert"}}
    tracing = json.loads(env_of(proxy_of(pod))["PROXY_CONFIG"])["tracing"]
    assert tracing["lightstep"] == {"address": "l:1", "accessToken": "t"}
    assert "lightstep-certs" not in names(annotated({}, *LIGHTSTEP)["spec"]["volumes"])


READINESS = "readiness.status.sidecar.istio.io/"


def test_the_probes_of_the_proxy() -> None:
    """Reference 5.9."""
    given = {
        f"{READINESS}initialDelaySeconds": "2",
        f"{READINESS}periodSeconds": "3",
        f"{READINESS}failureThreshold": "4",
    }
    proxy = proxy_of(
        annotated({**given, f"{STATUS}port": "123"}, "values.global.proxy.startupProbe.failureThreshold=5")
    )
    asked = {"path": "/healthz/ready", "port": 15021}
    assert proxy["readinessProbe"] == {
        "httpGet": asked,
        "initialDelaySeconds": 2,
        "periodSeconds": 3,
        "failureThreshold": 4,
        "timeoutSeconds": 3,
    }
    startup = {"periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 5, "initialDelaySeconds": 0}
    assert proxy["startupProbe"] == {"httpGet": asked, **startup}
    silent = proxy_of(annotated({f"{STATUS}port": "0"}))
    assert not {"readinessProbe", "startupProbe"} & silent.keys()
    assert "startupProbe" not in proxy_of(annotated({}, "values.global.proxy.startupProbe.enabled=false"))


def test_a_proxy_written_by_hand_as_in_the_article_keeps_what_it_says() -> None:
    """Its image, arguments, resources, ports, mounts and probes; only the rest is the template's."""
    resources = {"limits": {"cpu": "2000m", "memory": "1024Mi"}, "requests": {"cpu": "1000m", "memory": "128Mi"}}
    ports = [{"name": name, "containerPort": port} for name, port in (("http2", 8080), ("tcp", 31400), ("tls", 15012))]
    own = {
        "name": "istio-proxy",
        "image": "docker.io/istio/proxyv2:1.8.0",
        "securityContext": {"privileged": True, "runAsUser": 1337},
        "args": ["--dnsRefreshRate=300s", "--proxyLogLevel=warning"],
        "resources": resources,
        "ports": ports,
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/istio/proxy", "readOnly": True}],
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15020}},
        "livenessProbe": {"httpGet": {"path": "/app-health/livez", "port": 15020}},
    }
    pod = pod_of(volumes=[{"name": "config-volume", "configMap": {"name": "istio"}}])
    pod["spec"]["containers"].append(own)

    admission = admitted(pod, default_setup())

    (proxy,) = (each for each in admission.pod["spec"]["containers"] if each["name"] == "istio-proxy")
    assert {name: proxy[name] for name in ("image", "args", "resources")} == {
        name: own[name] for name in ("image", "args", "resources")
    }
    for listed in ("ports", "volumeMounts"):
        assert all(each in proxy[listed] for each in own[listed])
    assert proxy["securityContext"]["privileged"]
    assert proxy["livenessProbe"] == own["livenessProbe"]
    assert {"PROXY_CONFIG", "POD_NAME"} <= {each["name"] for each in proxy["env"]}
    # As printed it asks for what an API server of today refuses, which the injector says.
    assert any("privileged needs allowPrivilegeEscalation" in text for text in admission.warnings)
