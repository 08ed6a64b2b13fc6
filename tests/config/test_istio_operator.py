"""The installer's documents, new and old: what they say is in force, the rest is named."""

from pathlib import Path

import pytest

from tests.config.files import faults_of, loaded, warnings_of

OPERATOR = """\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata:
  namespace: istio-system
spec:
  profile: demo
  hub: registry.example/istio
  tag: 1.26.0
  revision: canary
  namespace: mesh
  meshConfig:
    accessLogFile: /dev/stdout
    defaultConfig:
      proxyMetadata: {A: b}
  components:
    cni:
      enabled: true
    ingressGateways:
    - name: istio-ingressgateway
      enabled: true
    pilot:
      k8s:
        env:
        - name: ENABLE_NATIVE_SIDECARS
          value: "false"
        - name: PILOT_TRACE_SAMPLING
          value: "100"
        resources: {requests: {cpu: 10m}}
  addonComponents:
    grafana:
      enabled: true
  values:
    global:
      tag: 1.26.1
      proxy:
        logLevel: debug
    pilot:
      autoscaleEnabled: false
    sidecarInjectorWebhook:
      templates:
        go: |
          spec: {{ .Spec }}
        plain: |
          metadata: {labels: {a: b}}
"""


def test_what_an_operator_says_is_in_force(tmp_path: Path) -> None:
    """Values win over the installer's shorthand, the profile lies below both."""
    config = loaded(tmp_path, OPERATOR).config
    in_force = config.values["global"]
    assert (in_force["hub"], in_force["tag"], in_force["istioNamespace"]) == (
        "registry.example/istio",
        "1.26.1",
        "mesh",
    )
    assert in_force["proxy"]["logLevel"] == "debug"
    assert in_force["proxy"]["resources"]["requests"]["cpu"] == "10m"
    assert (config.revision, config.native_sidecars) == ("canary", "disabled")
    assert config.values["pilot"]["cni"]["enabled"] is True
    assert config.mesh_config["defaultConfig"]["proxyMetadata"] == {"A": "b"}
    assert config.mesh_config["defaultConfig"]["discoveryAddress"] == "istiod-canary.mesh.svc:15012"
    assert "plain" in config.templates
    assert "go" not in config.templates


def test_what_cannot_be_honoured_is_named_by_its_path(tmp_path: Path) -> None:
    """Each with its line."""
    warnings = [warning.split(": ") for warning in warnings_of(tmp_path, OPERATOR)]
    assert [(place.removeprefix("config.yaml:"), path) for place, path, *_ in warnings] == [
        ("18", "spec.components.ingressGateways"),
        ("30", "spec.addonComponents.grafana"),
        ("28", "spec.components.pilot.k8s.resources"),
        ("26", "spec.components.pilot.k8s.env[1]"),
        ("41", "spec.values.sidecarInjectorWebhook.templates.go"),
        ("32", "spec.values"),
        ("11", "spec.meshConfig"),
    ]
    assert [warning[-1] for warning in warnings[-2:]] == ["pilot.autoscaleEnabled", "accessLogFile"]


def test_faults_have_the_paths_of_the_file(tmp_path: Path) -> None:
    """Not those of the injector's own keys."""
    text = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  hub: [a]\n  values: {global: {sts: 5}}"
    assert [fault.split(": ")[:2] for fault in faults_of(tmp_path, text)] == [
        ["config.yaml:4", "spec.hub"],
        ["config.yaml:5", "spec.values.global.sts"],
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kind: IstioOperator", "config.yaml:1: apiVersion: apiVersion None is not read; valid: install.istio.io/v1al"),
        ("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: [a]", "config.yaml:3: spec: has to be a"),
        ("apiVersion: install.istio.io/v1\nkind: IstioOperator\nspec: {values: 5}", "config.yaml:3: spec.values: has"),
    ],
)
def test_a_document_that_is_none_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    """The message says what would be valid."""
    (found,) = faults_of(tmp_path, text)
    assert found.startswith(fault)


SIDECAR = """\
apiVersion: install.istio.io/v1alpha2
kind: IstioControlPlane
spec:
  defaultNamespace: mesh
  autoInjection:
    enabled: true
    components:
      namespace: mesh
      injector:
        enabled: true
  cni:
    enabled: true
  values:
    istio_cni:
      provider: multus
    sidecarInjectorWebhook:
      enableNamespacesByDefault: true
"""
TELEMETRY = """\
apiVersion: install.istio.io/v1alpha2
kind: IstioControlPlane
spec:
  telemetry:
    enabled: true
    components:
      telemetry:
        enabled: true
  sidecarInjector:
    enabled: false
"""


def test_an_older_control_plane_turns_on_what_concerns_injection(tmp_path: Path) -> None:
    """Features with `enabled` and `components`, values under their older names."""
    config = loaded(tmp_path, SIDECAR).config
    assert (config.policy, config.enable_namespaces_by_default) == ("enabled", True)
    assert config.values["pilot"]["cni"] == {"enabled": True, "provider": "multus"}
    assert config.values["global"]["istioNamespace"] == "mesh"
    assert warnings_of(tmp_path, SIDECAR) == [
        "config.yaml:8: spec.autoInjection.components.namespace: is not honoured: it does not concern injection"
    ]


def test_features_that_do_not_concern_injection_are_named(tmp_path: Path) -> None:
    """And an injector that is turned off leaves the pods their own choice."""
    assert loaded(tmp_path, TELEMETRY).config.policy == "disabled"
    assert [warning.split(": ")[:2] for warning in warnings_of(tmp_path, TELEMETRY)] == [
        ["config.yaml:5", "spec.telemetry.enabled"],
        ["config.yaml:6", "spec.telemetry.components"],
        ["config.yaml:10", "spec.sidecarInjector.enabled"],
    ]
