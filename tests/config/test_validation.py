"""Keys that look like one that is read get a warning; keys of others, and those of custom templates, do not."""

from pathlib import Path

import pytest

from injector.config import load
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
    (warning,) = load(sets=[flag]).warnings
    assert warning.startswith(f"--set {flag}: ")
    assert warning.endswith(f"; did you mean {meant!r}?")


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
        ("polcy: x", "config.yaml:1: polcy: unknown key 'polcy'; did you mean 'policy'? valid: policy, defaultT"),
        ("default_templates: []", "config.yaml:1: default_templates: unknown key 'default_templates'; did you mean 'd"),
        ("global: {}", "config.yaml:1: global: unknown key 'global': installation values stand below 'values'"),
        ("policy: on", "config.yaml:1: policy: has to be text, not True"),
        ("policy: maybe", "config.yaml:1: policy: 'maybe' is not valid; valid: 'enabled', 'disabled'"),
        ("nativeSidecars: yes", "config.yaml:1: nativeSidecars: has to be text, not True"),
        ("platform: gke", "config.yaml:1: platform: 'gke' is not valid; valid: '', 'openshift'"),
        ("revisionTags: [a, B]", "config.yaml:1: revisionTags[1]: has to be a DNS label"),
        ("revisionTags: ['']", "config.yaml:1: revisionTags[0]: has to be a DNS label, not ''"),
        ("templates: {'': x}", "config.yaml:1: templates.: the name of a template cannot be empty"),
        ("templates: {a: {}}", "config.yaml:1: templates.a: has to be text, not {}"),
        ("aliases: {a: sidecar}", "config.yaml:1: aliases.a: has to be a list of texts, not 'sidecar'"),
        ("aliases: {'': [sidecar]}", "config.yaml:1: aliases.: the name of an alias cannot be empty"),
        ("injectedAnnotations: {a.b/c: 1}", "config.yaml:1: injectedAnnotations.a\\.b/c: has to be text, not 1"),
        ("values: 5", "config.yaml:1: values: has to be a mapping, not 5"),
        ("values: {global: {tag: [1]}}", "config.yaml:1: values.global.tag: has to be text or a number, not [1]"),
        ("values: {global: {proxy: {statusPort: x}}}", "config.yaml:1: values.global.proxy.statusPort: has to be a w"),
        (
            "values: {global: {imagePullSecrets: [{name: a}]}}",
            "config.yaml:1: values.global.imagePullSecrets[0]: has t",
        ),
        (
            "values: {pilot: {env: {ENABLE_CLUSTER_TRUST_BUNDLE_API: 'true'}}}",
            "config.yaml:1: values.pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API: has to be true or false, not 'true'",
        ),
        ("meshConfig: {enable_prometheus_merge: 5}", "config.yaml:1: meshConfig.enablePrometheusMerge: has to be tru"),
        ("meshConfig: {extensionProviders: [{}]}", "config.yaml:1: meshConfig.extensionProviders[0]: has to be a map"),
        ("meshConfig: {inboundTrafficPolicy: {mode: X}}", "config.yaml:1: meshConfig.inboundTrafficPolicy.mode: 'X' i"),
        ("meshConfig: {defaultConfig: {statusPort: x}}", "config.yaml:1: meshConfig.defaultConfig.statusPort: "),
        ("meshConfig: {defaultConfig: {proxyMetadata: {A: 1}}}", "config.yaml:1: meshConfig.defaultConfig.proxyMetada"),
        ("neverInjectSelector: [{matchLabel: {}}]", "config.yaml:1: neverInjectSelector[0].matchLabel: unknown key"),
        ("neverInjectSelector: [5]", "config.yaml:1: neverInjectSelector[0]: a label selector has to be a mapping"),
        (
            "alwaysInjectSelector: [{matchExpressions: [{key: a, operator: In, value: [b]}]}]",
            "config.yaml:1: alwaysInjectSelector[0].matchExpressions[0].value: unknown key 'value'; did you mean 'val",
        ),
        ("defaultTemplates: [_proxy]", "config.yaml:1: defaultTemplates[0]: there is no template '_proxy'; valid: "),
        ("templates: {gateway: null}\ndefaultTemplates: [gateway]", "config.yaml:2: defaultTemplates[0]: there is no"),
        ("[a]", "config.yaml:1: a configuration has to be a mapping, not ['a']"),
        ("kind: Pod", "config.yaml:1: kind: kind 'Pod' is not read; valid: IstioOperator, IstioControlPlane, ConfigMa"),
        ("a: 1\nb: [", "config.yaml:3: not YAML: "),
        ("policy: enabled\npolicy: disabled", "config.yaml:2: duplicate key 'policy'"),
        ("policy: enabled\n---\npolicy: x", "config.yaml:3: document 2: policy: 'x' is not valid"),
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


def test_a_value_spelt_almost_like_a_known_one_is_warned_of(tmp_path: Path) -> None:
    """Allowed, but hardly meant."""
    (warning,) = warnings_of(tmp_path, "values:\n  global:\n    proxy: {statusport: 15021}")
    assert warning.startswith("config.yaml:3: values.global.proxy.statusport: is read by no shipped template; did you")
