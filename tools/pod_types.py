"""Writes `injector/core/pod_types.py`, the types of a Pod, from the OpenAPI document that kubernetes-validate ships.

`make generate` runs it where that package is installed; a new Kubernetes release is a new release of the package.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

import kubernetes_validate

from injector.core.model import JsonObject

MODULE = Path(__file__).resolve().parents[1] / "injector" / "core" / "pod_types.py"
_ROOT = "io.k8s.api.core.v1.Pod"
# Types that are one value, and those that only the API server writes.
_PLAIN = {
    "Quantity": "quantity",
    "IntOrString": "port",
    "Time": "string",
    **dict.fromkeys(("PodStatus", "ManagedFieldsEntry"), "any"),
}
_LONGEST_LINE = 117
_HEADER = '''\
"""The fields of a Pod in Kubernetes {version}, by type. Not edited: `make generate` writes it (tools/pod_types.py).

Each field is its name, `!` where it is required, and its type, which is `string` where none is written. `[T]` is a list
of T, `{{T}}` a mapping with values of type T.
"""

from collections.abc import Mapping

KUBERNETES_VERSION = "{version}"

FIELDS: Mapping[str, str] = {{
{rows}}}
'''


def module_text() -> str:
    """What the generated module has to contain."""
    definitions = _definitions()
    rows = (_row(name, definitions) for name in sorted(_reachable(_ROOT, definitions)))
    return _HEADER.format(version=kubernetes_validate.latest_version(), rows="".join(rows))


def _definitions() -> dict[str, JsonObject]:
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    file = folder / f"v{kubernetes_validate.latest_version()}-local-strict" / "_definitions.json"
    definitions: dict[str, JsonObject] = json.loads(file.read_text(encoding="utf-8"))["$defs"]
    return definitions


def _reachable(name: str, definitions: dict[str, JsonObject]) -> set[str]:
    """The names of the definition and of those that its fields refer to, directly or not."""
    reached, open_names = set[str](), {name}
    while open_names:
        reached |= open_names
        referred = {other for each in open_names for other in _references(definitions[each])}
        open_names = {each for each in referred if _short(each) not in _PLAIN} - reached
    return reached


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _row(name: str, definitions: dict[str, JsonObject]) -> str:
    definition = definitions[name]
    fields = [
        f"{field}{'!' if field in definition.get('required', ()) else ''}{_type_suffix(schema)}"
        for field, schema in sorted(definition["properties"].items())
    ]
    text, beginning = " ".join(fields), f'    "{_short(name)}": '
    if len(beginning) + len(text) < _LONGEST_LINE:
        return f'{beginning}"{text}",\n'
    lines = wrap(text, _LONGEST_LINE - 12, break_long_words=False, break_on_hyphens=False)
    written = "".join(f'        "{line}{" " if line is not lines[-1] else ""}"\n' for line in lines)
    return f"{beginning}(\n{written}    ),\n"


def _type_suffix(schema: JsonObject) -> str:
    kind = _type(schema)
    return "" if kind == "string" else f":{kind}"


def _type(schema: JsonObject) -> str:
    if "$ref" in schema:
        short = _short(schema["$ref"])
        return _PLAIN.get(short, short)
    kinds = schema.get("type", [])
    (kind,) = [each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"]
    if kind == "array":
        return f"[{_type(schema['items'])}]"
    if kind == "object":
        return f"{{{_type(schema['additionalProperties'])}}}"
    return str(schema.get("format", kind))


def _short(name: str) -> str:
    return name.rpartition(".")[2]


if __name__ == "__main__":
    MODULE.write_text(module_text(), encoding="utf-8")
