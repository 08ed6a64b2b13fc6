"""The shipped template `gateway`, held against reference section 6."""

import pytest

from injector.config.keys import ISTIO_RELEASE
from injector.core.model import JsonObject, Pod
from tests.support import admitted, env_of, injected, pod_of, setup_with
from tests.templates.injecting import mounts_of, names, proxy_of, volume_of

GATEWAY = "defaultTemplates={gateway}"


def gateway(*sets: str, annotations: dict[str, str] | None = None) -> Pod:
    """An injected pod whose only container is the proxy."""
    pod = pod_of(annotations=annotations)
    pod["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto"}]
    return injected(pod, setup_with(GATEWAY, *sets))


def test_its_metadata() -> None:
    found = gateway("values.pilot.cni.enabled=true")["metadata"]
    assert set(found["labels"]) == {"app", "service.istio.io/canonical-name", "service.istio.io/canonical-revision"}
    kept = {name for name in found["annotations"] if not name.startswith(("prometheus.io", "sidecar", "proxy"))}
    assert kept == {"istio.io/rev"}
    assert not [name for name in found["annotations"] if name.startswith("traffic.")]


def test_its_default_container_is_an_application_s_if_there_is_one() -> None:
    pod = injected(pod_of(), setup_with(GATEWAY))
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "app"


def test_it_is_one_container_and_never_native() -> None:
    pod = gateway("nativeSidecars=enabled", "values.global.proxy.outlierLogPath=/o", "values.global.logAsJson=true")
    assert names(pod["spec"]["containers"]) == ["istio-proxy"]
    assert "initContainers" not in pod["spec"]
    proxy = proxy_of(pod)
    assert proxy["args"] == [
        *("proxy", "router", "--domain", "$(POD_NAMESPACE).svc.cluster.local", "--proxyLogLevel=warning"),
        *("--proxyComponentLogLevel=misc:error", "--log_output_level=default:info", "--log_as_json"),
    ]
    assert proxy["securityContext"] == {"runAsUser": 1337, "runAsGroup": 1337}
    assert not {"restartPolicy", "startupProbe", "lifecycle"} & proxy.keys()
    assert not proxy.get("resources")


@pytest.mark.parametrize(
    ("sets", "context"),
    [
        ((), {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}),
        (("values.gateways.securityContext.runAsUser=5",), {"runAsUser": 5}),
    ],
)
def test_the_pod_may_bind_low_ports(sets: tuple[str, ...], context: JsonObject) -> None:
    assert gateway(*sets)["spec"]["securityContext"] == context


def test_annotations_of_the_sidecar_template_have_no_effect_on_its_probe_and_resources() -> None:
    annotations = {
        "status.sidecar.istio.io/port": "0",
        "readiness.status.sidecar.istio.io/periodSeconds": "99",
        "sidecar.istio.io/proxyCPU": "1",
        "sidecar.istio.io/interceptionMode": "TPROXY",
        "sidecar.istio.io/userVolume": '{"v": {"emptyDir": {}}}',
    }
    pod = gateway("values.global.proxy.readinessInitialDelaySeconds=1", annotations=annotations)
    probe = proxy_of(pod)["readinessProbe"]
    assert (probe["periodSeconds"], probe["initialDelaySeconds"], probe["failureThreshold"]) == (15, 1, 4)
    assert env_of(proxy_of(pod))["ISTIO_META_INTERCEPTION_MODE"] == "REDIRECT"
    assert not proxy_of(pod).get("resources")
    assert "v" not in names(pod["spec"]["volumes"])


ORDER = (
    "PILOT_CERT_PROVIDER CA_ADDR POD_NAME POD_NAMESPACE INSTANCE_IP SERVICE_ACCOUNT HOST_IP ISTIO_CPU_LIMIT "
    "PROXY_CONFIG ISTIO_META_POD_PORTS GOMEMLIMIT COMPLIANCE_POLICY GODEBUG ISTIO_META_APP_CONTAINERS "
    "ISTIO_META_CLUSTER_ID ISTIO_META_NODE_NAME ISTIO_META_INTERCEPTION_MODE ISTIO_META_WORKLOAD_NAME "
    "ISTIO_META_OWNER ISTIO_BOOTSTRAP_OVERRIDE ISTIO_META_MESH_ID TRUST_DOMAIN X"
).split()


def test_its_environment() -> None:
    annotations = {"sidecar.istio.io/bootstrapOverride": "b", "proxy.istio.io/config": "proxyMetadata: {X: '1'}"}
    proxy = proxy_of(gateway("compliancePolicy=fips-140-3", annotations=annotations))
    assert names(proxy["env"]) == ORDER
    assert env_of(proxy)["ISTIO_META_APP_CONTAINERS"] == ""


def test_its_mounts_and_volumes() -> None:
    pod = gateway("values.global.mountMtlsCerts=true")
    order = "workload-socket credential-socket workload-certs istiod-ca-cert istio-data istio-envoy istio-token"
    assert list(mounts_of(pod)) == [*order.split(), "istio-certs", "istio-podinfo"]
    order = "workload-socket credential-socket workload-certs istio-envoy istio-data istio-podinfo istio-token"
    assert names(pod["spec"]["volumes"]) == [*order.split(), "istiod-ca-cert", "istio-certs"]
    assert volume_of(pod, "workload-socket") == {}
    assert volume_of(pod, "credential-socket") == volume_of(pod, "workload-certs") == {"emptyDir": {}}


def test_only_the_workload_socket_can_be_replaced() -> None:
    pod = pod_of(volumes=[{"name": "workload-socket", "csi": {"driver": "spire"}}])
    assert volume_of(injected(pod, setup_with(GATEWAY)), "workload-socket") == {"csi": {"driver": "spire"}}


def test_a_user_s_port_and_environment_stand_beside_the_injected_ones() -> None:
    """Reference 9.1: the user's definition wins where both say something."""
    pod = pod_of()
    own = {
        "name": "istio-proxy",
        "image": "auto",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "CA_ADDR", "value": "x"}],
    }
    pod["spec"]["containers"] = [own]
    proxy = proxy_of(injected(pod, setup_with(GATEWAY)))
    assert [each["containerPort"] for each in proxy["ports"]] == [15090, 80]
    assert env_of(proxy)["CA_ADDR"] == "x"
    assert proxy["image"].endswith(f"/proxyv2:{ISTIO_RELEASE}")


def test_an_unknown_name_of_a_template_is_refused_with_those_there_are() -> None:
    """Reference 1.2 step 13 and 13.3."""
    for asked in ("gatewy", "", "sidecar,"):
        admission = admitted(pod_of(annotations={"inject.istio.io/templates": asked}), setup_with())
        missing = asked.rpartition(",")[2]
        assert f'requested template "{missing}" not found; have ' in admission.message
        assert "gateway" in admission.message
