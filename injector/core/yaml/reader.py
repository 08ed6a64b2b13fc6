"""Values of YAML as Kubernetes reads them: sigs.k8s.io/yaml v1.6.0, but that repeated keys and infinity are faults."""

import binascii
import math
import re
from collections.abc import Callable, Hashable, Iterator
from types import NoneType
from typing import Any, NoReturn, TypeVar

from injector.core.yaml.bounds import DOCUMENTS, Bounds
from injector.core.yaml.json_text import NotJsonError, parse_json
from injector.core.yaml.nodes import Alias, Mapping, Node, Scalar, Sequence, YamlError, compose, compose_all
from injector.core.yaml.scalars import Scalar as ScalarValue
from injector.core.yaml.scalars import json_number, key_text, resolve

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MERGE = "<<"
_MERGE_TAG = "tag:yaml.org,2002:merge"
_BINARY_TAG = "tag:yaml.org,2002:binary"
_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"
# Any other tag says nothing: what carries it is text.
_TYPES: dict[str, type] = {
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:null": NoneType,
}
_TIME = r"(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](?:\.[0-9]+)?"
_TIMESTAMP = re.compile(
    r"[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])"
    rf"(?:[Tt]{_TIME}(?:Z|[-+][0-9]{{2}}:[0-9]{{2}})| {_TIME})?"
)
# What Python puts in place of bytes that are no UTF-8, and Go writes each as U+FFFD.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_LONGEST_QUOTED = 80


def read(text: str, bounds: Bounds = DOCUMENTS) -> Any:
    """The first document of `text`, which is all that Kubernetes reads; None where there is none. Raises YamlError."""
    node = compose(text, bounds)
    return None if node is None else value_of(node)


def read_all(text: str, bounds: Bounds = DOCUMENTS) -> Iterator[Any]:
    """Every document of `text`. Raises YamlError."""
    return map(value_of, compose_all(text, bounds))


def read_manifest(text: str, bounds: Bounds = DOCUMENTS) -> Any:
    """One document as kubectl reads it: JSON where it is JSON, else YAML. Raises ValueError."""
    try:
        return parse_json(text)
    except NotJsonError:
        return read(text, bounds)


def value_of(node: Node) -> Any:
    """The JSON value that `node` stands for.

    Raises YamlError for a repeated key, for keys that are no text, and for numbers that JSON does not have.
    """
    if isinstance(node, Scalar):
        return node.text if node.style and not node.tag else _json_value(node)
    if isinstance(node, Mapping):
        return mapping_of(node, key_of, value_of)
    if isinstance(node, Sequence):
        return [value_of(child) for child in node.children]
    return value_of(node.target)


def mapping_of(node: Mapping, key_of: Callable[[Node], K], value_of: Callable[[Node], V]) -> dict[K, V]:
    """What `node` stands for, its keys and values as the two functions read them. Raises YamlError for a repeated key.

    Later entries replace what is merged before them, and what is merged later replaces earlier entries.
    """
    mapping: dict[K, V] = {}
    own: set[K] = set()
    for key, value in node.entries:
        if type(key) is Scalar and key.text == _MERGE and (_is_implicit(key) or key.tag == _MERGE_TAG):
            for merged in _merged_mappings(value):
                mapping.update(mapping_of(merged, key_of, value_of))
            continue
        name = key_of(key)
        if name in own:
            raise YamlError(f"duplicate key {str(name)[:_LONGEST_QUOTED]!r}", key.start.line + 1)
        own.add(name)
        mapping[name] = value_of(value)
    return mapping


def key_of(node: Node) -> str:
    """The key of a JSON object that `node` stands for. Raises YamlError."""
    if type(node) is Scalar and node.style and not node.tag:
        return node.text
    scalar = node.target if isinstance(node, Alias) else node
    if not isinstance(scalar, Scalar):
        kind = "mapping" if isinstance(scalar, Mapping) else "list"
        raise YamlError(f"a key must be text, got a {kind}", node.start.line + 1)
    value = _value(scalar)
    key = value if isinstance(value, str) else key_text(value)
    if key is None:
        raise YamlError(f"a key must be text, got {_quoted(scalar) or 'nothing'}", node.start.line + 1)
    return key


def _merged_mappings(value: Node) -> list[Mapping]:
    """The mappings that a merge key's `value` stands for, the one that counts most last. Raises YamlError."""
    target = value.target if isinstance(value, Alias) else value
    # An alias to a list of mappings is refused, as goyaml does.
    parts = value.children[::-1] if isinstance(value, Sequence) else [target]
    targets = [part.target if isinstance(part, Alias) else part for part in parts]
    mappings = [part for part in targets if isinstance(part, Mapping)]
    if len(mappings) < len(parts):
        raise YamlError("'<<' must be a mapping or a list of mappings", value.start.line + 1)
    return mappings


def _json_value(node: Scalar) -> Any:
    value = _value(node)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise YamlError(f"JSON has no {_quoted(node)}", node.start.line + 1)
        return json_number(value)
    return value


def _value(node: Scalar) -> ScalarValue:
    if node.tag:
        return _tagged(node)
    return node.text if node.style else resolve(node.text)


def _is_implicit(node: Scalar) -> bool:
    return node.tag == "!" or not (node.tag or node.style)


def _tagged(node: Scalar) -> ScalarValue:
    """The value of a scalar whose tag says its type. Raises YamlError where it is not of that type."""
    if node.tag == _BINARY_TAG:
        return _decoded(node)
    if node.tag == _TIMESTAMP_TAG:
        return node.text if _TIMESTAMP.fullmatch(node.text) else _refuse_type(node)
    expected = _TYPES.get(node.tag)
    if expected is None:
        return node.text
    value = resolve(node.text)
    if expected is float and type(value) is int and value < 2**63:
        return float(value)
    return value if type(value) is expected else _refuse_type(node)


def _refuse_type(node: Scalar) -> NoReturn:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    raise YamlError(f"{_quoted(node)} is not a value of type !!{kind}", node.start.line + 1)


def _decoded(node: Scalar) -> str:
    text = node.text.replace("\n", "").replace("\r", "")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        data = None
    if data is None or len(text) % 4:
        raise YamlError(f"{_quoted(node)} is not base64", node.start.line + 1)
    return _NOT_UTF8.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def _quoted(node: Scalar) -> str:
    return node.text if len(node.text) <= _LONGEST_QUOTED else f"{node.text[: _LONGEST_QUOTED - 3]}..."
