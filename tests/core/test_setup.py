"""The digest of a set-up stands for its configuration: equal where that is equal, else another."""

from dataclasses import replace
from pathlib import Path

import pytest

from injector.core.injection import digest_of
from tests.support import admitted, default_setup, pod_of, setup_of


def test_equal_configurations_have_one_digest_whatever_the_order_of_their_keys(tmp_path: Path) -> None:
    one = setup_of(tmp_path, "values: {global: {hub: a, tag: b}}")
    other = setup_of(tmp_path, "values: {global: {tag: b, hub: a}}")
    assert one.digest == other.digest
    config = one.config
    turned = replace(config, templates=dict(reversed(list(config.templates.items()))))
    assert digest_of(turned) == digest_of(config)


@pytest.mark.parametrize(
    "text",
    [
        "policy: disabled",
        "values: {global: {tag: other}}",
        "templates: {sidecar: ''}",
        "ignoredNamespaces: []",
        "neverInjectSelector: [{matchLabels: {a: b}}]",
        "meshConfig: {trustDomain: other}",
        "nativeSidecars: enabled",
    ],
)
def test_every_part_of_it_counts(tmp_path: Path, text: str) -> None:
    assert setup_of(tmp_path, text).digest != default_setup().digest


@pytest.mark.parametrize("labels", [{}, {"sidecar.istio.io/inject": "false"}])
def test_every_admission_records_it(labels: dict[str, str]) -> None:
    setup = default_setup()
    assert admitted(pod_of(labels=labels), setup).configuration == setup.digest


def test_a_set_up_knows_what_any_template_gives(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, "templates: {own: 'spec: {hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]}'}")
    shape = setup.footprint()
    assert shape
    assert shape["spec"]
    assert "hostAliases" in shape["spec"]
    assert setup.footprint() is shape, "it is made once"
