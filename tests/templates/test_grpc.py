"""The shipped templates `grpc-agent` and `grpc-simple`, held against reference section 7."""

import json
import re
import subprocess
from pathlib import Path

from injector.core.model import JsonObject, Pod
from tests.support import admitted, container_of, env_of, injected, pod_of, setup_with
from tests.templates.injecting import mounts_of, names, proxy_of, volume_of

AGENT, SIMPLE = "defaultTemplates={grpc-agent}", "defaultTemplates={grpc-simple}"
OFF = {"status.sidecar.istio.io/port": "0"}


def agent(*sets: str, annotations: dict[str, str] | None = None, **container: object) -> Pod:
    return injected(pod_of(annotations=annotations, container=dict(container)), setup_with(AGENT, *sets))


def test_the_agent_s_metadata() -> None:
    found = agent(annotations={"sidecar.istio.io/rewriteAppHTTPProbers": "true"})["metadata"]
    assert "security.istio.io/tlsMode" not in found["labels"]
    assert found["labels"]["service.istio.io/canonical-name"] == "shop"
    assert found["annotations"]["sidecar.istio.io/rewriteAppHTTPProbers"] == "false"
    assert found["annotations"]["istio.io/rev"] == "default"


def test_the_agent_s_container() -> None:
    pod = agent("nativeSidecars=enabled", "values.global.proxy.outlierLogPath=/o", "values.global.proxy.lifecycle.a=1")
    assert "initContainers" not in pod["spec"]
    proxy = proxy_of(pod)
    assert proxy["ports"] == [{"containerPort": 15020, "protocol": "TCP", "name": "mesh-metrics"}]
    waits = ["pilot-agent", "wait", "--url=http://localhost:15020/healthz/ready"]
    assert proxy["lifecycle"] == {"postStart": {"exec": {"command": waits}}}
    assert proxy["args"][-1] == "--log_output_level=default:info"
    assert proxy["readinessProbe"]["httpGet"] == {"path": "/healthz/ready", "port": 15020}
    assert proxy["resources"]["limits"]["cpu"] == "2000m"
    assert not {"securityContext", "startupProbe", "restartPolicy"} & proxy.keys()


ORDER = (
    "ISTIO_META_GENERATOR OUTPUT_CERTS PILOT_CERT_PROVIDER CA_ADDR POD_NAME POD_NAMESPACE INSTANCE_IP SERVICE_ACCOUNT "
    "HOST_IP PROXY_CONFIG ISTIO_META_POD_PORTS ISTIO_META_APP_CONTAINERS ISTIO_META_CLUSTER_ID ISTIO_META_NODE_NAME "
    "ISTIO_META_WORKLOAD_NAME ISTIO_META_OWNER ISTIO_META_MESH_ID TRUST_DOMAIN X ISTIO_META_DNS_CAPTURE DISABLE_ENVOY"
).split()


def test_the_agent_s_environment() -> None:
    annotations = {"sidecar.istio.io/bootstrapOverride": "b", "proxy.istio.io/config": "proxyMetadata: {X: '1'}"}
    pod = agent("compliancePolicy=fips-140-3", annotations=annotations)
    assert names(proxy_of(pod)["env"]) == ORDER
    assert "custom-bootstrap-volume" in names(pod["spec"]["volumes"])
    assert "custom-bootstrap-volume" not in mounts_of(pod)


def test_the_agent_s_mounts_and_volumes() -> None:
    pod = agent()
    order = "workload-socket workload-certs istiod-ca-cert istio-data istio-xds istio-token istio-podinfo"
    assert list(mounts_of(pod)) == order.split()
    order = "workload-socket workload-certs istio-xds istio-data istio-podinfo istio-token istiod-ca-cert"
    assert names(pod["spec"]["volumes"]) == order.split()
    assert volume_of(pod, "istio-xds") == {"emptyDir": {"medium": "Memory"}}


def test_without_a_status_port_probe_resources_and_mounts_are_missing() -> None:
    proxy = proxy_of(agent(annotations=OFF))
    assert not {"readinessProbe", "volumeMounts", "resources"} & proxy.keys()
    asked = {**OFF, "sidecar.istio.io/userVolumeMount": '{"v": {"mountPath": "/v"}}'}
    admission = admitted(pod_of(annotations=asked), setup_with(AGENT))
    assert not admission.allowed
    assert "sidecar.istio.io/userVolumeMount" in admission.message


def test_the_application_learns_where_its_bootstrap_is() -> None:
    pod = agent("values.global.caName=GkeWorkloadCertificate")
    app = container_of(pod, "app")
    assert env_of(app) == {
        "GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT": "true",
        "GRPC_XDS_BOOTSTRAP": "/etc/istio/proxy/grpc-bootstrap.json",
    }
    assert [(each["name"], each["mountPath"], each.get("readOnly")) for each in app["volumeMounts"]] == [
        ("istio-data", "/var/lib/istio/data", None),
        ("istio-xds", "/etc/istio/proxy", None),
        ("gke-workload-certificate", "/var/run/secrets/workload-spiffe-credentials", True),
    ]


def test_the_application_counts_as_injected_and_its_definition_is_kept() -> None:
    """Reference 7, last paragraph: in the status, and in the overrides annotation."""
    for template in (AGENT, SIMPLE):
        found = injected(pod_of(), setup_with(template))["metadata"]["annotations"]
        assert "app" in json.loads(found["sidecar.istio.io/status"])["containers"]
        kept = json.loads(found["proxy.istio.io/overrides"])["containers"]
        assert kept == [{"name": "app", "image": "registry.example/app:1", "resources": {}}]


def test_what_the_application_says_itself_wins() -> None:
    """Reference 9.1."""
    own = [{"name": "GRPC_XDS_BOOTSTRAP", "value": "mine"}]
    assert env_of(container_of(agent(env=own), "app"))["GRPC_XDS_BOOTSTRAP"] == "mine"


def test_the_probes_of_a_grpc_application_are_not_rewritten() -> None:
    probe = {"httpGet": {"path": "/x", "port": 80}}
    assert container_of(agent(readinessProbe=probe), "app")["readinessProbe"] == probe


def simple() -> Pod:
    return injected(pod_of(), setup_with(SIMPLE, "values.global.istioNamespace=mesh"))


def test_grpc_simple_adds_an_init_container_and_little_else() -> None:
    pod = simple()
    (init,) = pod["spec"]["initContainers"]
    assert (init["name"], init["image"], init["command"][:2]) == ("grpc-bootstrap-init", "busybox:1.28", ["sh", "-c"])
    assert init["volumeMounts"] == [{"mountPath": "/var/lib/grpc/data/", "name": "grpc-io-proxyless-bootstrap"}]
    assert names(init["env"]) == ["INSTANCE_IP", "POD_NAME", "POD_NAMESPACE", "ISTIO_NAMESPACE"]
    assert env_of(init)["ISTIO_NAMESPACE"] == "mesh\n"
    assert names(pod["spec"]["containers"]) == ["app"]
    assert env_of(container_of(pod, "app")) == {
        "GRPC_XDS_BOOTSTRAP": "/var/lib/grpc/data/bootstrap.json",
        "GRPC_GO_LOG_VERBOSITY_LEVEL": "99",
        "GRPC_GO_LOG_SEVERITY_LEVEL": "info",
    }
    assert pod["metadata"]["labels"] == {"app": "shop"}
    assert "istio.io/rev" not in pod["metadata"]["annotations"]
    assert volume_of(pod, "grpc-io-proxyless-bootstrap") == {"emptyDir": {}}


def test_the_script_writes_the_bootstrap_that_grpc_reads(tmp_path: Path) -> None:
    """Reference 7.2: run by a shell, as in the pod, with the folder of the volume elsewhere."""
    (init,) = simple()["spec"]["initContainers"]
    script = init["command"][2].replace("/var/lib/grpc/data", str(tmp_path))
    environment = {"INSTANCE_IP": "10.0.0.1", "POD_NAME": "p", "POD_NAMESPACE": "n", "ISTIO_NAMESPACE": "mesh\n"}
    subprocess.run(["sh", "-c", script], env={**environment, "PATH": "/usr/bin:/bin"}, check=True)
    (file,) = tmp_path.iterdir()
    found: JsonObject = json.loads(file.read_text(encoding="utf-8"))
    (server,) = found["xds_servers"]
    assert server["server_uri"] == "dns:///istiod.mesh.svc:15010"
    assert server["channel_creds"] == [{"type": "insecure"}]
    assert server["server_features"] == ["xds_v3"]
    assert found["node"] == {"id": "sidecar~10.0.0.1~p.n~cluster.local", "metadata": {"GENERATOR": "grpc"}}
    assert re.fullmatch(r"bootstrap\.json", file.name)
