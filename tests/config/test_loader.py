"""What a configuration becomes: defaults, merging, keys that feed others, templates."""

from pathlib import Path

import pytest

from injector.config import ConfigFaults, load
from injector.config.loader import template_files
from injector.core.model import Config
from tests.config.files import loaded, written


def test_without_any_file_the_shipped_defaults_are_in_force() -> None:
    """The table of the contract, and the values and mesh defaults of the reference."""
    config = load().config
    assert (config.policy, config.default_templates, config.aliases) == ("enabled", ("sidecar",), {})
    assert (config.revision, config.revision_tags, config.native_sidecars) == ("default", (), "auto")
    assert config.ignored_namespaces == {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
    assert (config.platform, config.compliance_policy, config.enable_namespaces_by_default) == ("", "", False)
    assert config.values["global"]["sds"]["token"]["aud"] == "istio-ca"
    assert config.values["global"]["multiCluster"]["clusterName"] == ""
    assert config.values["global"]["sts"]["servicePort"] == 0
    assert config.mesh_config["trustDomain"] == "cluster.local"
    assert config.mesh_config["defaultConfig"]["discoveryAddress"] == "istiod.istio-system.svc:15012"
    assert {"sidecar", "gateway", "grpc-simple", "grpc-agent"} <= set(config.templates)


def test_later_files_win_mappings_merge_lists_and_scalars_are_replaced(tmp_path: Path) -> None:
    """The deep merge of several `-c` files."""
    first = written(tmp_path, "revisionTags: [a, b]\nvalues: {global: {hub: one, tag: 1}}\n", "1.yaml")
    second = written(tmp_path, "revisionTags: [c]\nvalues: {global: {tag: 2.5}}\n", "2.yaml")
    config = load([first, second]).config
    assert config.revision_tags == ("c",)
    assert (config.values["global"]["hub"], config.values["global"]["tag"]) == ("one", 2.5)


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """A JSON file, indented by tabs."""
    assert loaded(tmp_path, '{\n\t"policy": "disabled",\n\t"values": {"revision": "x"}\n}\n').config.revision == "x"


def test_documents_of_one_file_are_merged_like_files(tmp_path: Path) -> None:
    """A stream of two documents."""
    assert loaded(tmp_path, "policy: disabled\n---\npolicy: enabled\n---\n").config.policy == "enabled"


def test_a_null_takes_a_default_value_away_and_stays_a_null(tmp_path: Path) -> None:
    """As in the conformance case proxy-resources-null: the template drops the nulls."""
    config = loaded(tmp_path, "values: {global: {proxy: {resources: {limits: {cpu: null, memory: 500Mi}}}}}").config
    resources = config.values["global"]["proxy"]["resources"]
    assert resources["limits"] == {"cpu": None, "memory": "500Mi"}
    assert resources["requests"] == {"cpu": "100m", "memory": "128Mi"}


@pytest.mark.parametrize("text", ["values:", "values:\n  global:\n", "values:\n  global:\n    sts:\n", "meshConfig:"])
def test_an_empty_parent_says_nothing(tmp_path: Path, text: str) -> None:
    """A section whose content is commented out leaves the defaults, and what earlier files say."""
    earlier = written(tmp_path, "values: {global: {hub: one}}\nmeshConfig: {rootNamespace: r}", "earlier.yaml")
    config = load([earlier, written(tmp_path, text)]).config
    assert config.values["global"]["sts"] == {"servicePort": 0}
    assert config.values["global"]["hub"] == "one"
    assert config.mesh_config["rootNamespace"] == "r"


FED = """
values:
  revision: canary
  revisionTags: [prod]
  pilot: {env: {ENABLE_NATIVE_SIDECARS: "false", PLATFORM: openshift, COMPLIANCE_POLICY: pqc}}
  global: {proxy: {autoInject: disabled}}
  sidecarInjectorWebhook:
    neverInjectSelector: [{matchLabels: {a: b}}]
    alwaysInjectSelector: [{matchExpressions: [{key: c, operator: Exists}]}]
    injectedAnnotations: {from: values, shared: values}
    templates: {mine: "spec: {}"}
    defaultTemplates: [mine]
    enableNamespacesByDefault: true
"""


def _native(config: Config) -> tuple[object, ...]:
    return (config.policy, config.default_templates, config.revision, config.revision_tags, config.native_sidecars)


def test_values_feed_the_native_keys_that_are_not_configured(tmp_path: Path) -> None:
    """An installation's values say the same under other names (reference 3.1, 3.2, 3.6)."""
    config = loaded(tmp_path, FED).config
    assert _native(config) == ("disabled", ("mine",), "canary", ("prod",), "disabled")
    assert (config.platform, config.compliance_policy) == ("openshift", "pqc")
    assert config.never_inject_selector[0].matches({"a": "b"})
    assert config.always_inject_selector[0].matches({"c": ""})
    assert config.enable_namespaces_by_default


def test_native_keys_win_over_values_and_mappings_unite(tmp_path: Path) -> None:
    """Each key that is configured itself, whatever the values say."""
    native = """
    policy: enabled
    defaultTemplates: [sidecar]
    revision: other
    revisionTags: []
    nativeSidecars: enabled
    platform: ""
    neverInjectSelector: []
    enableNamespacesByDefault: false
    injectedAnnotations: {shared: native, own: native}
    """
    config = load([written(tmp_path, FED, "values.yaml"), written(tmp_path, native)]).config
    assert _native(config) == ("enabled", ("sidecar",), "other", (), "enabled")
    assert (config.platform, config.never_inject_selector, config.enable_namespaces_by_default) == ("", (), False)
    assert config.injected_annotations == {"from": "values", "shared": "native", "own": "native"}


def test_empty_default_templates_mean_the_sidecar(tmp_path: Path) -> None:
    """Reference 3.1."""
    assert loaded(tmp_path, "defaultTemplates: []").config.default_templates == ("sidecar",)


def test_ignored_namespaces_can_be_none(tmp_path: Path) -> None:
    """An empty list is configured, not missing."""
    assert loaded(tmp_path, "ignoredNamespaces: []").config.ignored_namespaces == frozenset()


def test_a_null_takes_a_template_an_alias_or_an_annotation_away(tmp_path: Path) -> None:
    """Also a shipped template, and what an earlier file added."""
    earlier = written(tmp_path, "aliases: {a: [sidecar], b: [sidecar]}\ninjectedAnnotations: {c: d}", "earlier.yaml")
    later = written(tmp_path, "templates: {gateway: null}\naliases: {a: null}\ninjectedAnnotations: {c: null}")
    config = load([earlier, later]).config
    assert "gateway" not in config.templates
    assert (set(config.aliases), config.injected_annotations) == ({"b"}, {})


def test_integers_may_be_quoted_and_are_integers_then(tmp_path: Path) -> None:
    """As protobuf-JSON allows."""
    assert loaded(tmp_path, 'values: {global: {proxy: {statusPort: "15021"}}}').config.values["global"]["proxy"][
        "statusPort"
    ] == (15021)


def test_plain_scalars_are_what_they_are_to_kubernetes(tmp_path: Path) -> None:
    """No dates, no numbers in base 60; keys are text."""
    config = loaded(tmp_path, "values: {a: 2020-01-01, b: 12:30, 5: x, true: z, c: 1e3, d: 0x10, e: 1_0}").config
    picked = {key: config.values[key] for key in ("a", "b", "5", "true", "c", "d")}
    assert picked == {"a": "2020-01-01", "b": "12:30", "5": "x", "true": "z", "c": 1000.0, "d": 16}


def test_flags_come_last_and_can_change_items_of_lists(tmp_path: Path) -> None:
    """`--set` over files; an index leads into the list that the files made."""
    config = loaded(tmp_path, "revisionTags: [a, b]", ["revisionTags[1]=c", "policy=disabled"]).config
    assert (config.revision_tags, config.policy) == (("a", "c"), "disabled")


def test_a_flag_for_a_text_stays_text(tmp_path: Path) -> None:
    """A port list of one port, a label of digits: there the key decides, not the look of the value."""
    flags = ["values.global.proxy.excludeInboundPorts=8080", "injectedAnnotations.a=true", "revision=2"]
    flags.append("meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE=true")
    config = loaded(tmp_path, "", flags).config
    assert config.values["global"]["proxy"]["excludeInboundPorts"] == "8080"
    assert (config.injected_annotations, config.revision) == ({"a": "true"}, "2")
    assert config.mesh_config["defaultConfig"]["proxyMetadata"] == {"ISTIO_META_DNS_CAPTURE": "true"}


def test_a_template_knows_the_line_where_its_text_begins(tmp_path: Path) -> None:
    """So that a fault in a template can be told as a place in the file it came from."""
    text = "policy: enabled\ntemplates:\n  mine: |\n    spec: {}\n  short: 'spec: {}'\n"
    found = loaded(tmp_path, text)
    assert found.template_origins["mine"] == (str(tmp_path / "config.yaml"), 4)
    assert found.template_origins["short"] == (str(tmp_path / "config.yaml"), 5)
    assert found.template_origins["sidecar"][0].endswith("sidecar.yaml.j2")
    assert set(found.template_origins) == set(found.config.templates)


def test_a_configured_template_replaces_the_shipped_one(tmp_path: Path) -> None:
    """By its name."""
    assert loaded(tmp_path, "templates: {gateway: 'spec: {}'}").config.templates["gateway"] == "spec: {}"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """All such files at once."""
    with pytest.raises(ConfigFaults) as caught:
        load([tmp_path / "missing.yaml", tmp_path])
    assert [fault.message for fault in caught.value.faults] == [
        "cannot be read: No such file or directory",
        "is a directory; valid: a file, such as one in it",
    ]


# Where the shipped templates are found: packaged in a wheel, beside the package in a checkout.


def _directory(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text("spec: {}", encoding="utf-8")
    return path


def test_the_packaged_directory_counts_first(tmp_path: Path) -> None:
    """So that a wheel never reads a directory that happens to lie beside it."""
    packaged, checkout = _directory(tmp_path / "a", "sidecar.yaml.j2"), _directory(tmp_path / "b", "other.yaml.j2")
    assert template_files((packaged, checkout)) == {"sidecar": packaged / "sidecar.yaml.j2"}


@pytest.mark.parametrize("packaged", ["missing", "empty"])
def test_the_checkout_s_directory_counts_where_nothing_is_packaged(tmp_path: Path, packaged: str) -> None:
    """An editable install has no packaged directory, or a stale and empty one. Only `*.yaml.j2` are templates."""
    _directory(tmp_path / "empty")
    checkout = _directory(tmp_path / "b", "sidecar.yaml.j2", "_proxy.yaml.j2", "README.md")
    assert set(template_files((tmp_path / packaged, checkout))) == {"sidecar", "_proxy"}


def test_without_any_template_both_directories_are_named(tmp_path: Path) -> None:
    """A broken installation, not a fault of the configuration."""
    with pytest.raises(FileNotFoundError, match=r"a or .*b"):
        template_files((tmp_path / "a", tmp_path / "b"))


def test_the_templates_of_the_contract_are_shipped() -> None:
    """In this very installation."""
    assert {"sidecar", "gateway", "grpc-simple", "grpc-agent"} <= set(template_files())
