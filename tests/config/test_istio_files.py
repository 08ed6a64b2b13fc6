"""The ConfigMaps of an installation, as `kubectl get -o yaml` prints them."""

from pathlib import Path

import pytest

from injector.config import load
from tests.config.files import faults_of, loaded, warnings_of, written

MESH = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: istio
data:
  mesh: |-
    accessLogFile: ""
    defaultConfig:
      discoveryAddress: istiod.mesh.svc:15012
      proxyMetadata: {}
    enablePrometheusMerge: false
    rootNamespace: mesh
  meshNetworks: 'networks: {}'
"""
INJECTOR = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: istio-sidecar-injector
data:
  config: |-
    policy: disabled
    defaultTemplates: [sidecar]
    alwaysInjectSelector:
      - matchLabels: {always: "yes"}
    injectedAnnotations: {a: b}
    template: "{{ Template_Version_And_Istio_Version_Mismatched_Check_Installation }}"
    templates:
      sidecar: |
        metadata: {{ .ObjectMeta }}
      own: |
        spec: {{ .Spec }}
  values: |-
    {
      "global": {
        "hub": "registry.example/istio",
        "network": "n1",
        "defaultNodeSelector": {"a": "b"}
      },
      "revision": "canary"
    }
"""


def test_the_mesh_is_in_force(tmp_path: Path) -> None:
    """`data.mesh`; networks without any network are nothing to warn of."""
    mesh = loaded(tmp_path, MESH).config.mesh_config
    assert (mesh["rootNamespace"], mesh["enablePrometheusMerge"]) == ("mesh", False)
    assert mesh["defaultConfig"]["discoveryAddress"] == "istiod.mesh.svc:15012"
    assert warnings_of(tmp_path, MESH) == []


def test_networks_are_warned_of(tmp_path: Path) -> None:
    """They concern the control plane."""
    text = MESH.replace("'networks: {}'", "'networks: {n1: {}}'")
    assert warnings_of(tmp_path, text)[-1].startswith("config.yaml:13: data.meshNetworks: is not read")


def test_the_injector_s_values_and_settings_are_in_force(tmp_path: Path) -> None:
    """`data.values` and all of `data.config`; its templates take the place of shipped ones of their names."""
    config = loaded(tmp_path, INJECTOR).config
    assert (config.policy, config.default_templates, config.revision) == ("disabled", ("sidecar",), "canary")
    assert config.always_inject_selector[0].matches({"always": "yes"})
    assert config.injected_annotations == {"a": "b"}
    assert config.values["global"]["network"] == "n1"
    assert set(config.go_templates) == {"sidecar", "own"}
    assert config.go_templates["own"] == "spec: {{ .Spec }}"
    assert "gateway" in config.templates
    assert not {"sidecar", "own"} & set(config.templates)


def test_what_is_recognised_is_said_in_one_line(tmp_path: Path) -> None:
    """The release is the tag of the values; nothing that is honoured is warned of."""
    (notice,) = loaded(tmp_path, INJECTOR.replace('"hub":', '"tag": "1.27.1", "hub":')).notices
    assert notice.endswith("config.yaml: the templates of Istio 1.27.1: sidecar, own")
    (notice,) = loaded(tmp_path, INJECTOR).notices
    assert notice.endswith("an Istio release that its values do not name: sidecar, own")
    assert warnings_of(tmp_path, INJECTOR) == []


def test_templates_of_the_gateway_controller_are_left_out(tmp_path: Path) -> None:
    """They are no partial pods, and no pod can ask for them."""
    text = INJECTOR.replace("      own: |", "      waypoint: |\n        {{ .ServiceAccount }}\n      own: |")
    assert set(loaded(tmp_path, text).config.go_templates) == {"sidecar", "own"}


def test_the_only_template_of_old_releases_is_the_sidecar(tmp_path: Path) -> None:
    """`template` counts where there are no `templates`; else it guards against older injectors."""
    text = INJECTOR.partition("    template: ")[0] + "    template: 'spec: {{ .Spec }}'\n"
    assert loaded(tmp_path, text).config.go_templates == {"sidecar": "spec: {{ .Spec }}"}


def test_an_old_name_of_a_value_is_there_under_both(tmp_path: Path) -> None:
    """Its own templates read the old one, what is shipped here reads the new one."""
    text = INJECTOR.replace('"revision":', '"istio_cni": {"enabled": true, "chained": false}, "revision":')
    config = loaded(tmp_path, text).config
    assert config.values["istio_cni"] == {"enabled": True, "chained": False}
    assert config.values["pilot"]["cni"]["enabled"] is True


def test_the_values_of_a_revision_are_read(tmp_path: Path) -> None:
    """The ConfigMap `values`, which the chart writes since 1.23, holds them as they were merged."""
    text = "kind: ConfigMap\nmetadata: {name: values-canary}\ndata:\n"
    text += '  original-values: \'{"global": {"network": "n0"}}\'\n  merged-values: \'{"global": {"network": "n1"}}\'\n'
    assert loaded(tmp_path, text).config.values["global"]["network"] == "n1"
    assert warnings_of(tmp_path, text) == []


def test_a_later_file_replaces_a_template_in_either_language(tmp_path: Path) -> None:
    """A name stands in one of the two."""
    first = written(tmp_path, INJECTOR, "first.yaml")
    jinja = written(tmp_path, "templates: {own: 'spec: {}'}", "jinja.yaml")
    config = load([first, jinja]).config
    assert config.templates["own"] == "spec: {}"
    assert set(config.go_templates) == {"sidecar"}
    go = written(tmp_path, "goTemplates: {own: 'spec: {{ .Spec }}'}", "go.yaml")
    config = load([first, jinja, go]).config
    assert ("own" in config.go_templates, "own" in config.templates) == (True, False)


def test_one_file_may_not_write_a_template_in_both_languages(tmp_path: Path) -> None:
    """It could not be told which one is meant."""
    (fault,) = faults_of(tmp_path, "templates: {own: a}\ngoTemplates: {own: b}")
    assert fault.startswith("config.yaml:2: goTemplates.own: template 'own' is written in both languages")


def test_both_may_stand_in_one_list_with_the_injector_s_own_file_on_top(tmp_path: Path) -> None:
    """As `kubectl get configmaps -o yaml` prints them."""
    items = "".join(f"- {text.replace(chr(10), chr(10) + '  ').rstrip()}\n" for text in (MESH, INJECTOR))
    exported = written(tmp_path, f"apiVersion: v1\nkind: List\nitems:\n{items}", "exported.yaml")
    config = load([exported, written(tmp_path, "policy: enabled\nvalues: {global: {network: n2}}")]).config
    assert (config.policy, config.mesh_config["rootNamespace"]) == ("enabled", "mesh")
    assert (config.values["global"]["network"], config.values["global"]["hub"]) == ("n2", "registry.example/istio")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            '"hub": "registry.example/istio"',
            '"hub": 5',
            "config.yaml:21: data.values.global.hub: must be a string, got 5",
        ),
        (
            "policy: disabled",
            "policy: maybe",
            "config.yaml:7: data.config.policy: must be one of 'enabled', 'disabled'",
        ),
        ('"revision": "canary"', '"revision": [', "config.yaml:26: data.values: not YAML"),
    ],
)
def test_faults_inside_the_text_have_the_lines_of_the_file(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """The path leads through the ConfigMap into the text."""
    (found,) = faults_of(tmp_path, INJECTOR.replace(old, new))
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("{}", "config.yaml:3: data: ConfigMap 'x' is not Istio's; valid: data with mesh, with values and config"),
        ("{mesh: {a: b}}", "config.yaml:3: data.mesh: must be a string that holds YAML"),
        ("{mesh: '[a]'}", "config.yaml:3: data.mesh: must hold a mapping, got ['a']"),
    ],
)
def test_another_config_map_is_refused(tmp_path: Path, data: str, fault: str) -> None:
    """The message says what would be valid."""
    (found,) = faults_of(tmp_path, f"kind: ConfigMap\nmetadata: {{name: x}}\ndata: {data}")
    assert found.startswith(fault)


# The installer's documents, new and old: what they say is in force, the rest is named.

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
    assert set(config.go_templates) == {"go", "plain"}


def test_what_cannot_be_honoured_is_named_by_its_path(tmp_path: Path) -> None:
    """Each with its line."""
    warnings = [warning.split(": ") for warning in warnings_of(tmp_path, OPERATOR)]
    assert [(place.removeprefix("config.yaml:"), path) for place, path, *_ in warnings] == [
        ("18", "spec.components.ingressGateways"),
        ("30", "spec.addonComponents.grafana"),
        ("28", "spec.components.pilot.k8s.resources"),
        ("26", "spec.components.pilot.k8s.env[1]"),
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
        (
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: [a]",
            "config.yaml:3: spec: must be a mapping",
        ),
        (
            "apiVersion: install.istio.io/v1\nkind: IstioOperator\nspec: {values: 5}",
            "config.yaml:3: spec.values: must be a mapping",
        ),
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
