"""Keys that look like one that is read are refused; keys of others, and those of custom templates, are not."""

from pathlib import Path

import pytest

from injector.config import ConfigFaults, load
from tests.config.files import faults_of, warnings_of


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("values.globl.hub=x", "global"),
        ("values.global.proxy.includeIPRange=x", "includeIPRanges"),
        ("values.global.proxy.statusport=15020", "statusPort"),
        ("values.pilot.cni.enable=true", "enabled"),
        ("meshConfig.enablePrometheusMerg=false", "enablePrometheusMerge"),
        ("meshConfig.outboundTraficPolicy.mode=REGISTRY_ONLY", "outboundTrafficPolicy"),
        ("meshConfig.defaultConfig.holdApplicationUntilProxyStart=true", "holdApplicationUntilProxyStarts"),
    ],
)
def test_a_misspelt_key_is_told_with_the_name_that_was_meant(flag: str, meant: str) -> None:
    with pytest.raises(ConfigFaults) as caught:
        load(sets=[flag])
    fault = str(caught.value)
    assert fault.startswith(f"--set {flag}: ")
    assert fault.endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize(
    "flag",
    [
        "values.audit.level=debug",
        "values.global.proxy.readinessSuccessThreshold=1",
        "meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY",
        "meshConfig.default_config.status_port=15020",
        "meshConfig.enable_prometheus_merge=true",
    ],
)
def test_a_key_of_another_reader_or_of_another_spelling_is_no_mistake(flag: str) -> None:
    assert load(sets=[flag]).warnings == ()


# What is refused, and that it is all told at once, each with file, line and path.

BAD = """\
polcy: disabled
values:
  global:
    proxy:
      excludeInboundPorts: 8080
      autoInject: maybe
    sts: 5
defaultTemplates: [sidecar, nope]
aliases: {x: [z]}
revision: A_B
"""


def test_all_faults_are_told_at_once_with_file_line_and_path(tmp_path: Path) -> None:
    """Unknown keys, wrong types, wrong words and names of templates that do not exist, in one go."""
    places = [fault.rsplit(": ", 1)[0] for fault in faults_of(tmp_path, BAD)]
    starts = [
        "config.yaml:1: polcy",
        "config.yaml:5: values.global.proxy.excludeInboundPorts",
        "config.yaml:6: values.global.proxy.autoInject",
        "config.yaml:7: values.global.sts",
        "config.yaml:10: revision",
        "config.yaml:8: defaultTemplates[1]",
        "config.yaml:9: aliases.x[0]",
    ]
    assert len(places) == len(starts)
    assert all(place.startswith(start) for place, start in zip(places, starts, strict=True))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("polcy: x", "config.yaml:1: polcy: unknown key 'polcy'; did you mean 'policy'?"),
        ("default_templates: []", "config.yaml:1: default_templates: unknown key 'default_templates'; did you mean 'd"),
        ("global: {}", "config.yaml:1: global: is not supported, got {}: installation values go below 'values'"),
        ("policy: on", "config.yaml:1: policy: must be one of 'enabled', 'disabled', got true"),
        ("policy: maybe", "config.yaml:1: policy: must be one of 'enabled', 'disabled', got 'maybe'"),
        (
            "nativeSidecars: yes",
            "config.yaml:1: nativeSidecars: must be one of 'auto', 'enabled', 'disabled', got true",
        ),
        ("platform: gke", "config.yaml:1: platform: must be one of '', 'openshift', got 'gke'"),
        ("revisionTags: [a, B]", "config.yaml:1: revisionTags[1]: must be a DNS label"),
        (
            "revisionTags: ['']",
            "config.yaml:1: revisionTags[0]: must be a DNS label (lower-case letters, digits and '-', at most",
        ),
        ("templates: {'': x}", "config.yaml:1: templates.: must be a string that is not empty, got ''"),
        ("templates: {a: {}}", "config.yaml:1: templates.a: must be a string, got {}"),
        ("aliases: {a: sidecar}", "config.yaml:1: aliases.a: must be a list of strings, got 'sidecar'"),
        ("aliases: {'': [sidecar]}", "config.yaml:1: aliases.: must be a string that is not empty, got ''"),
        ("injectedAnnotations: {a.b/c: 1}", "config.yaml:1: injectedAnnotations.a\\.b/c: must be a string, got 1"),
        ("values: 5", "config.yaml:1: values: must be a mapping, got 5"),
        ("values: {global: {tag: [1]}}", "config.yaml:1: values.global.tag: must be a string or a number, got [1]"),
        (
            "values: {global: {proxy: {statusPort: x}}}",
            "config.yaml:1: values.global.proxy.statusPort: must be an integer, got 'x'",
        ),
        (
            "values: {global: {imagePullSecrets: [{name: a}]}}",
            "config.yaml:1: values.global.imagePullSecrets[0]: must be a string",
        ),
        (
            "values: {pilot: {env: {ENABLE_CLUSTER_TRUST_BUNDLE_API: 'true'}}}",
            "config.yaml:1: values.pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API: must be true or false, got 'true'",
        ),
        (
            "meshConfig: {enable_prometheus_merge: 5}",
            "config.yaml:1: meshConfig.enablePrometheusMerge: must be true or false, got 5",
        ),
        ("meshConfig: {extensionProviders: [{}]}", "config.yaml:1: meshConfig.extensionProviders[0].name: is missing"),
        (
            "meshConfig: {inboundTrafficPolicy: {mode: X}}",
            "config.yaml:1: meshConfig.inboundTrafficPolicy.mode: must be one of 'PASSTHROUGH', 'LOCALHOST', got 'X'",
        ),
        ("meshConfig: {defaultConfig: {statusPort: x}}", "config.yaml:1: meshConfig.defaultConfig.statusPort: "),
        ("meshConfig: {defaultConfig: {proxyMetadata: {A: 1}}}", "config.yaml:1: meshConfig.defaultConfig.proxyMetada"),
        ("neverInjectSelector: [{matchLabel: {}}]", "config.yaml:1: neverInjectSelector[0].matchLabel: unknown key"),
        ("neverInjectSelector: [5]", "config.yaml:1: neverInjectSelector[0]: must be a label selector, got 5"),
        (
            "alwaysInjectSelector: [{matchExpressions: [{key: a, operator: In, value: [b]}]}]",
            "config.yaml:1: alwaysInjectSelector[0].matchExpressions[0].value: unknown key 'value'; did you mean 'val",
        ),
        ("defaultTemplates: [_proxy]", "config.yaml:1: defaultTemplates[0]: there is no template '_proxy'; valid: "),
        ("templates: {gateway: null}\ndefaultTemplates: [gateway]", "config.yaml:2: defaultTemplates[0]: there is no"),
        ("[a]", "config.yaml:1: a configuration must be a mapping, got ['a']"),
        (
            "kind: Pod",
            "config.yaml:1: kind: kind 'Pod' is not supported; valid: IstioOperator, IstioControlPlane, ConfigMa",
        ),
        ("kind: [Pod]", "config.yaml:1: kind: kind ['Pod'] is not supported; valid: IstioOperator, "),
        ("a: 1\nb: [", "config.yaml:3: not YAML: "),
        ("policy: enabled\npolicy: disabled", "config.yaml:2: duplicate key 'policy'"),
        ("policy: enabled\n---\npolicy: x", "config.yaml:3: document 2: policy: must be one of"),
    ],
)
def test_a_fault_says_where_it_is_and_what_would_be_valid(tmp_path: Path, text: str, fault: str) -> None:
    """One fault each, told by its beginning."""
    (found,) = faults_of(tmp_path, text)
    assert found.startswith(fault)


def test_a_template_that_is_at_fault_is_not_also_missing(tmp_path: Path) -> None:
    """No second fault for the names that lead to it."""
    assert len(faults_of(tmp_path, "templates: {mine: 5}\ndefaultTemplates: [mine]\naliases: {a: [mine]}")) == 1


@pytest.mark.parametrize(
    ("flag", "fault"),
    [
        ("a", "--set a: key 'a' has no value; valid: a=value"),
        ("polcy=x", "--set polcy=x: polcy: unknown key 'polcy'; did you mean 'policy'?"),
        ("policy.x=y", "--set policy.x=y: key 'x' is for a mapping, but 'enabled' stands there"),
    ],
)
def test_the_fault_of_a_flag_names_the_flag(tmp_path: Path, flag: str, fault: str) -> None:
    """There is no file and no line to name."""
    (found,) = faults_of(tmp_path, "policy: enabled", [flag])
    assert found.startswith(fault)


def test_unknown_values_and_mesh_fields_are_allowed(tmp_path: Path) -> None:
    """Istio has many more, and the user's templates may read any."""
    assert warnings_of(tmp_path, "values: {pilot: {replicaCount: 2}}\nmeshConfig: {accessLogFile: /dev/stdout}") == []


MISSPELT = "{global: {proxy: {statusport: 15021}}}"


def test_a_value_spelt_almost_like_a_known_one_is_refused_and_warned_of_in_files_of_istio(tmp_path: Path) -> None:
    fault = "values.global.proxy.statusport: no shipped template reads it; did you mean 'statusPort'?"
    assert faults_of(tmp_path, f"values: {MISSPELT}") == [f"config.yaml:1: {fault}"]
    operator = f"apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  values: {MISSPELT}"
    assert f"config.yaml:4: spec.{fault}" in warnings_of(tmp_path, operator)
