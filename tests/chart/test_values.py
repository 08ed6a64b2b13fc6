"""Values, their schema and their page say the same."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import helm_python
import jsonschema
import pytest
import yaml

import injector
from injector.core.model import JsonObject
from injector.runtime.options import server_limits
from injector.server.limits import SETTABLE, ConnectionLimits, Limits, ServerLimits
from tests.chart.rendering import chart, of_kind, rendered
from tools.generate import CHART, chart_files, described_values

SCHEMA: JsonObject = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
VALUES_TEXT = (CHART / "values.yaml").read_text(encoding="utf-8")


def leaves(schema: JsonObject, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The values that a schema names, down to those that have no parts of their own."""
    for key, below in schema["properties"].items():
        if "properties" in below and key != "config":
            yield from leaves(below, (*path, key))
        else:
            yield (*path, key)


def closed(schema: Any) -> Iterator[bool]:
    """Whether each object with named parts refuses other names."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema.get("additionalProperties") is False
        for key, below in schema.items():
            if key != "config":
                yield from closed(below)


def test_the_made_files_of_the_chart_are_up_to_date() -> None:
    """`make generate` writes them anew."""
    for file, text in chart_files().items():
        assert file.read_text(encoding="utf-8") == text, file


def test_every_value_is_described_and_in_the_schema_and_nothing_else_is() -> None:
    described = {value.path for value in described_values(VALUES_TEXT)}
    assert described == set(leaves(SCHEMA)) - {("global",)}


def test_the_schema_is_a_valid_one_and_refuses_unknown_names_everywhere() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert all(closed(SCHEMA))


def test_the_defaults_keep_to_the_schema() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(VALUES_TEXT))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 3}, "replica"),
        ({"webhook": {"timeout": 5}}, "timeout"),
        ({"webhook": {"timeoutSeconds": 31}}, "maximum: got 31, want 30"),
        ({"webhook": {"timeoutSeconds": 0}}, "minimum: got 0, want 1"),
        ({"webhook": {"failurePolicy": "fail"}}, "'Fail', 'Ignore'"),
        ({"webhook": {"url": "http://injector.example"}}, "/webhook/url"),
        ({"certificates": {"provider": "both"}}, "'injector', 'cert-manager'"),
        ({"certificates": {"renewal": 1}}, "/certificates/renewal"),
        ({"server": {"port": 443}}, "minimum: got 443"),
        ({"revision": "A"}, "/revision"),
        ({"revisionTags": ["a", "a"]}, "/revisionTags"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"podDisruptionBudget": {"minAvailable": "many"}}, "/podDisruptionBudget/minAvailable"),
        ({"config": {"polcy": "enabled"}}, "polcy"),
        ({"config": {"policy": "maybe"}}, "/config/policy"),
        ({"config": {"values": {"global": {"proxy": {"statusPort": "high"}}}}}, "statusPort"),
        ({"configFiles": {"../x": ""}}, "../x"),
    ],
)
def test_a_wrong_value_is_refused_by_the_schema_and_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(helm_python.HelmValuesError) as refused:
        rendered(values)
    assert named in str(refused.value)


def test_helm_s_own_global_values_are_let_through() -> None:
    assert rendered({"global": {"any": "thing"}})


def test_the_chart_has_the_version_of_the_program() -> None:
    assert chart().metadata["appVersion"] == injector.__version__


def test_the_limits_are_the_server_s_own_and_reach_its_command_line() -> None:
    usual = {**asdict(Limits()), **asdict(ConnectionLimits())}
    limits = yaml.safe_load(VALUES_TEXT)["server"]["limits"]
    assert limits == {name: usual[limit.field] for name, limit in SETTABLE.items()}
    for name, limit in SETTABLE.items():
        schema = SCHEMA["properties"]["server"]["properties"]["limits"]["properties"][name]
        assert (schema["minimum"], schema["maximum"]) == (limit.least, limit.most)
        assert (schema["type"] == "integer") == limit.whole
    (deployment,) = of_kind(rendered({"server": {"limits": {"waitingSeconds": 0.5}}}), "Deployment")
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    given = [argument.removeprefix("--limit=") for argument in arguments if argument.startswith("--limit=")]
    assert server_limits(given) == ServerLimits(Limits(waiting=0.5))
    assert "bodyBytes=6291456" in given
