"""The parts of the chart that are made from tables: its webhook entries, the schema of `config`, its page of values.

`python -m injector.config.documentation` writes them anew in a checkout.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from injector.config.schema import json_schema
from injector.core.model import JsonObject
from injector.core.selection import (
    DEFAULT_REVISION,
    SYSTEM_NAMESPACES,
    SelectionRule,
    default_rules,
    revision_rules,
)

CHART = Path(__file__).resolve().parents[2] / "charts" / "injector"
# No label value has this form, so the chart can put a revision in its place in the text.
ANY_REVISION = "<revision>"

_SELECTION_HEADER = """\
# The opt-in table of injector/core/selection.py, for the webhook entries of this chart; <revision> is each revision
# or tag. Not edited: `python -m injector.config.documentation` writes it.
"""
_VALUES_TABLE = re.compile(r"(<!-- values -->\n).*?(<!-- end of values -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the chart: where it stands, its default and what the comment above it says."""

    path: tuple[str, ...]
    default: Any
    meaning: str


def chart_files(chart: Path = CHART) -> Mapping[Path, str]:
    """Each file that is wholly or partly made, with the text that it has to have."""
    schema_file, readme = chart / "values.schema.json", chart / "README.md"
    schema = with_config(json.loads(schema_file.read_text(encoding="utf-8")))
    values = described_values((chart / "values.yaml").read_text(encoding="utf-8"))
    return {
        chart / "files" / "selection.yaml": selection_text(),
        schema_file: json.dumps(schema, indent=2) + "\n",
        readme: with_values(readme.read_text(encoding="utf-8"), values, schema),
    }


def selection_text() -> str:
    """The rows of the opt-in table as the chart reads them: those of any revision, those of the default one."""
    on_request = default_rules(namespaces_by_default=False)
    document = {
        "defaultRevision": DEFAULT_REVISION,
        "systemNamespaces": list(SYSTEM_NAMESPACES),
        "revision": [_entry(rule) for rule in revision_rules(ANY_REVISION)],
        "default": [_entry(rule) for rule in on_request],
        "namespacesByDefault": [
            _entry(rule) for rule in default_rules(namespaces_by_default=True) if rule not in on_request
        ],
    }
    return _SELECTION_HEADER + yaml.safe_dump(document, sort_keys=False)


def with_config(schema: JsonObject) -> JsonObject:
    """The chart's schema with `config` described as the injector's own configuration is."""
    described = {**json_schema(), "type": "object"}
    del described["$schema"]
    return {**schema, "properties": {**schema["properties"], "config": described}}


def described_values(text: str) -> list[Value]:
    """The values of a values.yaml in order: each key with a comment `# --` above it."""
    defaults, parents, found, meaning = yaml.safe_load(text), list[tuple[int, str]](), list[Value](), ""
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("# --"):
            meaning = words.removeprefix("# --").strip()
        elif words and not words.startswith("#"):
            depth, key = len(line) - len(line.lstrip()), words.partition(":")[0]
            parents = [parent for parent in parents if parent[0] < depth] + [(depth, key)]
            if meaning:
                path = tuple(name for _, name in parents)
                found.append(Value(path, _at(defaults, path), meaning))
            meaning = ""
    return found


def with_values(page: str, values: list[Value], schema: JsonObject) -> str:
    """The page with the table between its marks written anew."""
    rows = ["| value | type | default | meaning |", "| --- | --- | --- | --- |"]
    rows += [_row(value, _schema_of(schema, value.path)) for value in values]
    table = "".join(f"{row}\n" for row in rows)
    return _VALUES_TABLE.sub(lambda match: f"{match[1]}{table}{match[2]}", page)


def _entry(rule: SelectionRule) -> JsonObject:
    # Where a namespace did not opt in, an injector that is away must not keep its pods from being created.
    opted_in = rule.reason != "NamespaceDefault"
    return {
        "name": rule.name,
        "optedIn": opted_in,
        "namespaceSelector": rule.namespace.as_json(),
        "objectSelector": rule.pod.as_json(),
    }


def _row(value: Value, schema: JsonObject) -> str:
    kind = ", ".join(f"`{json.dumps(choice)}`" for choice in schema.get("enum", ())) or " or ".join(_types(schema))
    return f"| `{'.'.join(value.path)}` | {kind} | `{json.dumps(value.default)}` | {value.meaning} |"


def _types(schema: JsonObject) -> Iterator[str]:
    stated = schema["type"]
    yield from [stated] if isinstance(stated, str) else stated


def _schema_of(schema: JsonObject, path: tuple[str, ...]) -> JsonObject:
    for key in path:
        schema = schema["properties"][key]
    return schema


def _at(tree: JsonObject, path: tuple[str, ...]) -> Any:
    found: Any = tree
    for key in path:
        found = found[key]
    return found
