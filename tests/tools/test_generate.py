"""The JSON Schema and the documentation agree with the tables of keys, and the schema with the loader."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from injector.config import ConfigFaults, load
from tests.config.files import written
from tools.generate import (
    INGRESS_PAGE,
    PAGE,
    SCHEMA_FILE,
    json_schema,
    schema_text,
    with_ingress_tables,
    with_tables,
)


def test_the_shipped_schema_is_the_one_of_the_tables() -> None:
    """`make generate` writes it anew."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


def test_the_documented_tables_are_those_of_the_keys() -> None:
    """`make generate` writes them anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page)
    assert "`global.proxy.excludeInboundPorts`" in page


def test_the_page_on_the_ingress_says_what_the_code_cannot_honour() -> None:
    """`make generate` writes its tables anew."""
    page = INGRESS_PAGE.read_text(encoding="utf-8")
    assert page == with_ingress_tables(page)
    for said in ("`spec.servers[].tls.mode: ISTIO_MUTUAL` | refused", "EnvoyFilter | refused", "Sidecar | left out"):
        assert said in page


def test_the_schema_is_a_valid_one() -> None:
    """Of its own draft."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


DOCUMENTS = [
    "policy: enabled",
    "policy: maybe",
    "polcy: enabled",
    "policy: null",
    "templates: {mine: 'spec: {}', envoy: null}",
    "templates: {'': x}",
    "templates: [a]",
    "aliases: {a: [sidecar]}",
    "aliases: {a: sidecar}",
    "neverInjectSelector: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: In, values: [b]}]}]",
    "neverInjectSelector: [{matchLabel: {a: b}}]",
    "neverInjectSelector: [{matchExpressions: [{key: a, operator: Inn, values: [b]}]}]",
    "injectedAnnotations: {a: 5}",
    "revision: a-1",
    "revision: ''",
    "revision: A",
    "revisionTags: [a, B]",
    "platform: gke",
    "values: {global: {proxy: {statusPort: '15021'}}, other: 5}",
    "values: {global: {proxy: {statusPort: high}}}",
    "values: {global: {proxy: {excludeInboundPorts: 80}}}",
    "values: {global: {proxy: null}}",
    "values: {global: 5}",
    "values: {pilot: {env: {ENABLE_NATIVE_SIDECARS: true, OTHER: x}}}",
    "values: 5",
    "meshConfig: {defaultConfig: {proxyMetadata: {A: b}}}",
    "meshConfig: {defaultConfig: {proxyMetadata: {A: 5}}}",
    "meshConfig: {extensionProviders: [{name: a}, {}]}",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_schema_accepts_what_the_loader_accepts(tmp_path: Path, document: str) -> None:
    """An editor that checks by the schema and the injector say the same."""
    valid = jsonschema.Draft202012Validator(json_schema()).is_valid(yaml.safe_load(document))
    try:
        load([written(tmp_path, document)])
    except ConfigFaults:
        assert not valid
    else:
        assert valid
