"""Everything that is made from tables: pages of docs/, the JSON Schema of the configuration, files of the chart.

`make generate` writes them anew in a checkout; `--check` only names those that are out of date.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from injector.config.keys import ABSENT, MESH_KEYS, NATIVE_KEYS, VALUES_KEYS, Key
from injector.core.annotations import ANNOTATIONS, LABELS, Row
from injector.core.cache import BUDGETS, MOST_BYTES
from injector.core.metrics import METRICS
from injector.core.model import JsonObject
from injector.core.reasons import FAILURES, REASONS
from injector.core.selection import (
    DEFAULT_REVISION,
    SYSTEM_NAMESPACES,
    SelectionRule,
    default_rules,
    revision_rules,
)
from injector.core.yaml.reader import read
from injector.core.yaml.writer import write
from injector.gateway.authentication import REQUEST_AUTHENTICATION
from injector.gateway.authorization import AUTHORIZATION_POLICY
from injector.gateway.destination_rules import DESTINATION_RULE
from injector.gateway.documents import LEFT_OUT_KINDS, REFUSED_KINDS
from injector.gateway.fields import exceptions
from injector.gateway.servers import GATEWAY
from injector.gateway.service_entries import SERVICE_ENTRY
from injector.gateway.virtual_services import VIRTUAL_SERVICE
from injector.policy.annotation_types import READINGS
from injector.policy.filters import FILTERS, METHODS, TESTS
from injector.policy.filters import Row as FilterRow
from injector.policy.scope import SAID, UNSAID

# The JSON Schema of the configuration, made from the tables of keys; `schema.json` beside this file is its text.
# Source: https://json-schema.org/draft/2020-12. Only the injector's own document is described, no foreign kind.

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMA_FILE = REPOSITORY / "injector" / "config" / "schema.json"
_OBJECT: JsonObject = {"type": ["object", "null"]}


def json_schema() -> JsonObject:
    """The schema: no unknown key at the top, any further key in `values` and `meshConfig`."""
    schema = _object_schema(NATIVE_KEYS)
    for name, table in (("values", VALUES_KEYS), ("meshConfig", MESH_KEYS)):
        schema["properties"][name] |= _object_schema(table)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the sidecar injector",
        **schema,
        "additionalProperties": False,
    }


def schema_text() -> str:
    """What `schema.json` has to contain."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _object_schema(table: Iterable[Key]) -> JsonObject:
    schema: JsonObject = {**_OBJECT, "properties": {}}
    for key in table:
        *above, last = key.path
        level = schema
        for parent in above:
            level = level["properties"].setdefault(parent, {**_OBJECT})
            level.setdefault("properties", {})
        level["properties"][last] = {**level["properties"].get(last, {}), **key.schema()}
    return schema


# The parts of the chart that are made from tables: its webhook entries, the schema of `config`, its page of values.
# `make generate` writes them anew in a checkout.

CHART = REPOSITORY / "charts" / "injector"
# No label value has this form, so the chart can put a revision in its place in the text.
ANY_REVISION = "<revision>"

_SELECTION_HEADER = """\
# The opt-in table of injector/core/selection.py, for the webhook entries of this chart; <revision> is each revision
# or tag. Not edited: `make generate` writes it.
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
    return _SELECTION_HEADER + write(document)


def with_config(schema: JsonObject) -> JsonObject:
    """The chart's schema with `config` described as the injector's own configuration is."""
    described = {**json_schema(), "type": "object"}
    del described["$schema"]
    return {**schema, "properties": {**schema["properties"], "config": described}}


def described_values(text: str) -> list[Value]:
    """The values of a values.yaml in order: each key with a comment `# --` above it."""
    defaults, parents, found, meaning = read(text), list[tuple[int, str]](), list[Value](), ""
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


PAGE = REPOSITORY / "docs" / "configuration.md"
_TABLES: Mapping[str, Iterable[Key]] = {"native": NATIVE_KEYS, "values": VALUES_KEYS, "mesh": MESH_KEYS}
_SECTION = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with each table between its marks written anew."""
    return _SECTION.sub(lambda match: f"{match[1]}{_key_table(_TABLES[match[2]])}{match[3]}", page)


def _key_table(keys: Iterable[Key]) -> str:
    return _markdown_table(("key", "type", "default", "meaning"), map(_key_row, keys))


def _key_row(key: Key) -> tuple[str, ...]:
    choices = key.type.schema.get("enum", ())
    kind = ", ".join(f"`{choice}`" if choice else '`""`' for choice in choices)
    kind = kind or key.type.expected.removeprefix("a ").removeprefix("an ")
    default = "absent" if key.default is ABSENT else f"`{json.dumps(key.default)}`"
    return f"`{key.name}`", kind, default, key.meaning


# What a gateway cannot honour, by field and by kind.

INGRESS_PAGE = PAGE.with_name("ingress.md")
_GATEWAY_FIELDS = {
    "Gateway": GATEWAY,
    "VirtualService": VIRTUAL_SERVICE,
    "DestinationRule": DESTINATION_RULE,
    "ServiceEntry": SERVICE_ENTRY,
    "AuthorizationPolicy": AUTHORIZATION_POLICY,
    "RequestAuthentication": REQUEST_AUTHENTICATION,
}
_INGRESS_SECTION = re.compile(r"(<!-- ingress: (\w+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def with_ingress_tables(page: str) -> str:
    """The page on the ingress with each table between its marks written anew."""
    fields: dict[tuple[str, ...], tuple[str, ...]] = {}
    for kind, table in _GATEWAY_FIELDS.items():
        for path, outcome, reason in exceptions(table, "spec"):
            # The same settings in several places are one fact.
            fields.setdefault((kind, *path.split(".")[-2:], reason), (kind, f"`{path}`", outcome, reason))
    kinds = [(kind, "refused where it is about the gateway", reason) for kind, reason in REFUSED_KINDS.items()]
    kinds += [(kind, "left out", reason) for kind, reason in LEFT_OUT_KINDS.items()]
    tables = {
        "fields": _markdown_table(("kind", "field", "what becomes of it", "why, or what to write"), fields.values()),
        "kinds": _markdown_table(("kind", "what becomes of it", "why"), kinds),
    }
    return _INGRESS_SECTION.sub(lambda match: f"{match[1]}{tables[match[2]]}{match[3]}", page)


# What of the template language CEL can say.

POLICIES_PAGE = PAGE.with_name("policies.md")
_POLICIES_SECTION = re.compile(r"(<!-- policies: (\w+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def with_policies_tables(page: str) -> str:
    """The page on policies with each table between its marks written anew."""
    names = {
        **{name: ("yes", note) for name, note in SAID.items()},
        **{name: ("no", why) for name, why in UNSAID.items()},
    }
    types = {
        name: ("no", reading) if isinstance(reading, str) else ("yes", reading.note)
        for name, reading in READINGS.items()
    }
    tables = {
        "names": _said_table("name", names),
        "types": _said_table("type", types),
        **{
            each: _said_table(each[:-1], {name: (_is_said(row), row.note) for name, row in rows.items()})
            for each, rows in (("filters", FILTERS), ("tests", TESTS), ("methods", METHODS))
        },
    }
    return _POLICIES_SECTION.sub(lambda match: f"{match[1]}{tables[match[2]]}{match[3]}", page)


def _is_said(row: FilterRow) -> str:
    return "yes" if row.say else "no"


def _said_table(what: str, rows: Mapping[str, tuple[str, str]]) -> str:
    lines = [(f"`{name}`", said, note) for name, (said, note) in sorted(rows.items())]
    return _markdown_table((what, "in CEL", "how, or why not"), lines)


# Pages that are wholly made from a table.

_GENERATED = "<!-- Made by `make generate`; not edited. -->\n"
_MERGED = {"sum": "added up", "lowest": "the lowest", "highest": "the highest"}
_SUFFIXES = {"counter": "_total", "gauge": "", "histogram": ""}


def annotations_page() -> str:
    """`docs/annotations.md`: annotations that injection reads, labels, and those that only others read."""
    others = {name: row for rows in (ANNOTATIONS, LABELS) for name, row in rows.items() if not row.has_effect}
    return f"""# Annotations and labels

{_GENERATED}
A checked value that is not valid refuses the pod, and the message names what would be. So does YAML or JSON that cannot
be parsed. A name that is nearly one of these gets a warning.

## Annotations of pods

{_rows_table(ANNOTATIONS)}
## Labels of pods

{_rows_table(LABELS)}
## Names without an effect on injection

The proxy or the control plane reads them: {", ".join(f"`{name}`" for name in sorted(others))}.
"""


def _rows_table(rows: Mapping[str, Row]) -> str:
    return _markdown_table(
        ("name", "values", "effect", "default", "checked", "reference"),
        (
            (f"`{name}`", row.accepted, row.effect, row.default, "yes" if row.check else "", _section(row.section))
            for name, row in rows.items()
            if row.has_effect
        ),
    )


def _section(number: str) -> str:
    if not number:
        return ""
    headings = re.findall(
        r"^#+ (.*)$", (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    heading = next(each for each in headings if each.split(" ")[0].rstrip(".") == number)
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    return f"[{number}](reference.md#{anchor})"


def metrics_page() -> str:
    """`docs/metrics.md`: every metric of `GET /metrics`."""
    rows = (
        (
            f"`{metric.name}{_SUFFIXES[metric.kind]}`",
            metric.kind,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.help,
            _MERGED[metric.merged],
        )
        for metric in METRICS.values()
    )
    return f"""# Metrics

{_GENERATED}
Of several worker processes one answers for all. The values of the label `reason` are in [reasons](reasons.md).

{_markdown_table(("metric", "kind", "labels", "says", "of several workers"), rows)}"""


def caches_page() -> str:
    """`docs/caches.md`: every cache of a worker."""
    rows = ((f"`{each.name}`", each.holds, each.by, _mebibytes(each.bytes)) for each in BUDGETS.values())
    return f"""# Caches

{_GENERATED}
All that a worker keeps because it may be asked for again. What was not asked for longest is forgotten first, and what
is larger than a tenth of its cache is not kept. A value is kept when it is asked for a second time: whoever sends pods
that come once fills nothing.

Together they hold at most {_mebibytes(MOST_BYTES)} a worker, and twice as much while one configuration replaces
another. What they hold in bytes, and how often they had what was asked for, is in the [metrics](metrics.md).

{_markdown_table(("cache", "holds", "by", "at most"), rows)}"""


def _mebibytes(count: int) -> str:
    return f"{count / 1024 / 1024:g} MiB"


def reasons_page() -> str:
    """`docs/reasons.md`: why pods are injected or not."""
    decisions = ((f"`{name}`", row.meaning, row.event) for name, row in REASONS.items())
    failures = ((f"`{name}`", meaning) for name, meaning in FAILURES.items())
    return f"""# Reasons

{_GENERATED}
The same words are in the preview, the log line, the metric's label, the audit annotation and the Event.

## Decisions

A skip with an Event is one that the author of a pod in a selected namespace would want to know of.

{_markdown_table(("reason", "means", "Event for a skip"), decisions)}
## Failures

{_markdown_table(("reason", "means"), failures)}"""


def _markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def generated_files() -> Mapping[Path, str]:
    """Every file that is wholly or partly made from tables, with the text that it has to have."""
    return {
        SCHEMA_FILE: schema_text(),
        PAGE: with_tables(PAGE.read_text(encoding="utf-8")),
        INGRESS_PAGE: with_ingress_tables(INGRESS_PAGE.read_text(encoding="utf-8")),
        POLICIES_PAGE: with_policies_tables(POLICIES_PAGE.read_text(encoding="utf-8")),
        PAGE.with_name("annotations.md"): annotations_page(),
        PAGE.with_name("metrics.md"): metrics_page(),
        PAGE.with_name("caches.md"): caches_page(),
        PAGE.with_name("reasons.md"): reasons_page(),
        **chart_files(),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with `--check` name those that are out of date; 1 where there are any."""
    stale = [path for path, text in generated_files().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(path.relative_to(REPOSITORY))
        if "--check" not in arguments:
            path.write_text(generated_files()[path], encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
