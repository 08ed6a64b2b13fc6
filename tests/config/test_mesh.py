"""The mesh configuration: the chart's defaults from the values, the loader's rules for single fields."""

from pathlib import Path
from typing import Any

import pytest

from injector.config import load
from tests.config.files import faults_of, loaded, written


def _mesh(directory: Path, text: str) -> dict[str, Any]:
    return loaded(directory, text).config.mesh_config


def _default_config(directory: Path, values: str) -> dict[str, Any]:
    config: dict[str, Any] = _mesh(directory, f"values: {values}")["defaultConfig"]
    return config


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ("{revision: canary}", "istiod-canary.istio-system.svc:15012"),
        ("{global: {istioNamespace: mesh}}", "istiod.mesh.svc:15012"),
        ("{revision: canary, global: {remotePilotAddress: 10.0.0.1}}", "istiod.istio-system.svc:15012"),
        (
            "{global: {remotePilotAddress: 10.0.0.1}, istiodRemote: {enabledLocalInjectorIstiod: true}}",
            "istiod-remote.istio-system.svc:15012",
        ),
    ],
)
def test_the_discovery_address_follows_the_values(tmp_path: Path, values: str, address: str) -> None:
    """Reference 3.3."""
    assert _default_config(tmp_path, values)["discoveryAddress"] == address


def test_mesh_id_and_image_type_follow_the_values(tmp_path: Path) -> None:
    """The proxy's own variant counts more than the global one (reference 3.3)."""
    assert _default_config(tmp_path, "{global: {meshID: m}}")["meshId"] == "m"
    assert _default_config(tmp_path, "{global: {variant: debug}}")["image"] == {"imageType": "debug"}
    both = "{global: {variant: debug, proxy: {variant: distroless}}}"
    assert _default_config(tmp_path, both)["image"] == {"imageType": "distroless"}


@pytest.mark.parametrize(
    ("values", "tracing"),
    [
        ("{global: {proxy: {tracer: zipkin}}}", {"zipkin": {"address": "zipkin.istio-system:9411"}}),
        (
            "{global: {proxy: {tracer: zipkin}, tracer: {zipkin: {address: 'z:1'}}}}",
            {"zipkin": {"address": "z:1"}},
        ),
        ("{global: {proxy: {tracer: datadog}}}", {"datadog": {"address": "$(HOST_IP):8126"}}),
        (
            "{global: {proxy: {tracer: lightstep}, tracer: {lightstep: {address: a, accessToken: t}}}}",
            {"lightstep": {"address": "a", "accessToken": "t"}},
        ),
    ],
)
def test_the_tracer_becomes_a_tracing_block(tmp_path: Path, values: str, tracing: dict[str, Any]) -> None:
    """Reference 3.3."""
    assert _default_config(tmp_path, values)["tracing"] == tracing


def test_stackdriver_has_three_limits(tmp_path: Path) -> None:
    """64-bit numbers are text in protobuf-JSON."""
    tracing = _default_config(tmp_path, "{global: {proxy: {tracer: stackdriver}}}")["tracing"]["stackdriver"]
    limits = ("maxNumberOfAttributes", "maxNumberOfAnnotations", "maxNumberOfMessageEvents")
    assert [str(tracing[limit]) for limit in limits] == ["200", "200", "200"]


def test_without_a_tracer_there_is_no_tracing() -> None:
    """The default is `none`."""
    assert "tracing" not in load().config.mesh_config["defaultConfig"]


def test_names_in_snake_case_are_the_same_fields(tmp_path: Path) -> None:
    """Also across files, and without touching what are the user's own names."""
    first = written(
        tmp_path, "meshConfig: {root_namespace: a, default_config: {proxy_metadata: {MY_KEY: x}}}", "1.yaml"
    )
    second = written(tmp_path, "meshConfig: {rootNamespace: b, inbound_traffic_policy: {mode: LOCALHOST}}")
    mesh = load([first, second]).config.mesh_config
    assert (mesh["rootNamespace"], mesh["inboundTrafficPolicy"]) == ("b", {"mode": "LOCALHOST"})
    assert mesh["defaultConfig"]["proxyMetadata"] == {"MY_KEY": "x"}
    assert "root_namespace" not in mesh


def test_the_root_namespace_is_the_installation_s(tmp_path: Path) -> None:
    """Unless it is configured."""
    assert _mesh(tmp_path, "values: {global: {istioNamespace: mesh}}")["rootNamespace"] == "mesh"


def test_extension_providers_are_merged_by_name(tmp_path: Path) -> None:
    """Replaced or appended (reference 3.3)."""
    text = "meshConfig: {extensionProviders: [{name: envoy, x: {}}, {name: otel, opentelemetry: {a_b: c}}]}"
    providers = _mesh(tmp_path, text)["extensionProviders"]
    assert [provider["name"] for provider in providers] == ["prometheus", "stackdriver", "envoy", "otel"]
    assert providers[2:] == [{"name": "envoy", "x": {}}, {"name": "otel", "opentelemetry": {"aB": "c"}}]


def test_default_providers_are_merged_and_aliases_are_a_sorted_union(tmp_path: Path) -> None:
    """Reference 3.3."""
    mesh = _mesh(tmp_path, "meshConfig: {defaultProviders: {tracing: [otel]}, trustDomainAliases: [b, a, b]}")
    assert mesh["defaultProviders"] == {"metrics": ["prometheus"], "tracing": ["otel"]}
    assert mesh["trustDomainAliases"] == ["a", "b"]


def test_a_null_field_is_one_that_is_not_there(tmp_path: Path) -> None:
    """Protobuf-JSON; of the metadata it takes an entry away, a profile's too."""
    text = """
    values: {profile: preview}
    meshConfig:
      trustDomain: null
      inboundTrafficPolicy: {mode: null}
      defaultConfig: {statusPort: null, proxyMetadata: {ISTIO_META_DNS_CAPTURE: null, A: b}}
    """
    mesh = _mesh(tmp_path, text)
    assert (mesh["trustDomain"], mesh["inboundTrafficPolicy"]) == ("cluster.local", {"mode": "PASSTHROUGH"})
    assert (mesh["defaultConfig"]["statusPort"], mesh["defaultConfig"]["proxyMetadata"]) == (15020, {"A": "b"})


def test_mesh_configuration_among_the_values_counts_less_than_the_key_itself(tmp_path: Path) -> None:
    """Istio's chart takes it there."""
    text = "values: {meshConfig: {trustDomain: a, rootNamespace: r}}\nmeshConfig: {trustDomain: b}"
    config = loaded(tmp_path, text).config
    assert (config.mesh_config["trustDomain"], config.mesh_config["rootNamespace"]) == ("b", "r")
    assert "meshConfig" not in config.values


def test_durations_of_the_default_config_are_canonical(tmp_path: Path) -> None:
    """The ProxyConfig is parsed by its own rules."""
    config = _mesh(tmp_path, "meshConfig: {defaultConfig: {drain_duration: 1m30s}}")["defaultConfig"]
    assert config["drainDuration"] == "90s"


def test_a_fault_among_the_values_has_their_place(tmp_path: Path) -> None:
    """Where the file says `values.meshConfig` the fault says so too."""
    (fault,) = faults_of(tmp_path, "values:\n  meshConfig:\n    enablePrometheusMerge: 5")
    assert fault.startswith("config.yaml:3: values.meshConfig.enablePrometheusMerge: has to be true or false")
