"""The mesh configuration: the chart's defaults from the values, the loader's rules for single fields."""

from pathlib import Path
from typing import Any

import pytest

from injector.config import load
from tests.config.files import faults_of, loaded, warnings_of, written


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
    assert fault.startswith("config.yaml:3: values.meshConfig.enablePrometheusMerge: must be true or false")


# Profiles, compatibility versions and platforms (reference 3.2).


def test_demo_asks_for_less(tmp_path: Path) -> None:
    """The limits stay."""
    resources = loaded(tmp_path, "values: {profile: demo}").config.values["global"]["proxy"]["resources"]
    assert resources["requests"] == {"cpu": "10m", "memory": "40Mi"}
    assert resources["limits"] == {"cpu": "2000m", "memory": "1024Mi"}


@pytest.mark.parametrize(
    ("profile", "metadata"),
    [("ambient", "ISTIO_META_ENABLE_HBONE"), ("preview", "ISTIO_META_DNS_CAPTURE")],
)
def test_ambient_and_preview_set_metadata_of_the_mesh(tmp_path: Path, profile: str, metadata: str) -> None:
    """Also when the profile stands below `global`."""
    config = loaded(tmp_path, f"values: {{global: {{profile: {profile}}}}}").config
    assert config.mesh_config["defaultConfig"]["proxyMetadata"] == {metadata: "true"}


def test_ambient_images_are_distroless(tmp_path: Path) -> None:
    """And the mesh's image type with them."""
    config = loaded(tmp_path, "values: {profile: ambient}").config
    assert config.values["global"]["variant"] == "distroless"
    assert config.mesh_config["defaultConfig"]["image"] == {"imageType": "distroless"}


@pytest.mark.parametrize("values", ["{platform: openshift}", "{global: {platform: openshift}}", "{profile: openshift}"])
def test_openshift_means_cni_with_multus_and_the_platform_s_user_ids(tmp_path: Path, values: str) -> None:
    """Whichever way it is named."""
    config = loaded(tmp_path, f"values: {values}").config
    assert config.values["pilot"]["cni"] == {"enabled": True, "provider": "multus"}
    assert config.platform == "openshift"


def test_the_native_platform_alone_does_not_switch_to_cni(tmp_path: Path) -> None:
    """It is the control plane's PLATFORM, not the chart's profile."""
    config = loaded(tmp_path, "platform: openshift").config
    assert config.values["pilot"]["cni"] == {"enabled": False, "provider": "default"}


@pytest.mark.parametrize("version", ["1.25", "'1.26'"])
def test_older_compatibility_versions_turn_native_sidecars_off(tmp_path: Path, version: str) -> None:
    """Also when the version is written like a number."""
    assert loaded(tmp_path, f"values: {{compatibilityVersion: {version}}}").config.native_sidecars == "disabled"


def test_what_is_configured_counts_more_than_the_profile(tmp_path: Path) -> None:
    """Profiles lie between the defaults and the user's values."""
    config = loaded(tmp_path, "values: {profile: openshift, pilot: {cni: {provider: default}}}").config
    assert config.values["pilot"]["cni"] == {"enabled": True, "provider": "default"}


def test_names_without_effect_are_warned_of(tmp_path: Path) -> None:
    """Never in silence."""
    text = "values:\n  profile: fancy\n  compatibilityVersion: 1.24\n  platform: gke\n"
    text += "  pilot: {env: {ENABLE_NATIVE_SIDECARS: maybe}}"
    warnings = warnings_of(tmp_path, text)
    assert [warning.rsplit(";")[0] for warning in warnings] == [
        "config.yaml:2: values.profile: profile 'fancy' has no effect here",
        "config.yaml:3: values.compatibilityVersion: version '1.24' has no effect here",
        "config.yaml:4: values.platform: platform 'gke' has no effect here",
        "config.yaml:5: values.pilot.env.ENABLE_NATIVE_SIDECARS: mode 'maybe' is read as false",
    ]
    assert loaded(tmp_path, text).config.native_sidecars == "disabled"
