"""A document is what a template gives for one path through it, with placeholders for values. It is parsed only once.

Filling a document with the values of a rendering gives an overlay. Parts without placeholders are built once, and
shared by all overlays of the document: nobody may change them.

A deletion is written out in the text, as `null` or `$patch: delete`. A key without a value, or with an expression whose
value is null, is left out, and so is a list of which no item is left.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, repeat
from typing import Any, TypeAlias

import orjson

from injector.core.errors import InjectorError
from injector.core.model import Container, JsonObject, Pod
from injector.core.pod_fields import SIDECARS, pod_type
from injector.core.pods import annotations, containers, is_native
from injector.core.render.checks import FieldError, Fill, Place, checked, places_of
from injector.core.render.placeholders import CONSTANT, PLACEHOLDER, as_text
from injector.core.shared import (
    UNCLEAN,
    SharedList,
    SharedMapping,
    UncleanList,
    UncleanMapping,
    as_shared,
    is_clean,
    without_directives,
    without_nulls,
)
from injector.core.validation import Finding, Type
from injector.core.yaml.nodes import Alias, Node, Scalar, YamlError, compose_all
from injector.core.yaml.nodes import Mapping as MappingNode
from injector.core.yaml.nodes import Sequence as List
from injector.core.yaml.reader import key_of, mapping_of, value_of

_TEXT_TAG = "tag:yaml.org,2002:str"

BuilderOf: TypeAlias = "Callable[[Sequence[Any]], Builder]"


class DocumentError(InjectorError, ValueError):
    """Text that is no YAML mapping; the message says where and why."""


def compile_document(text: str, constants: Sequence[Any] = (), make_builder: "BuilderOf | None" = None) -> Fill:
    """Parse `text` into a function that makes an overlay of the values for its placeholders.

    `constants` are the values that are known already. `make_builder` says what nodes and placeholders mean, where that
    is not what they mean in a Jinja template.

    Raises DocumentError where the text is not YAML, not a mapping, or repeats a key, and FieldError where it gives a
    field of a Pod what that cannot be.
    """
    documents = _composed(text)
    if not documents:
        return lambda _: {}
    if len(documents) > 1 or not isinstance(documents[0], MappingNode):
        given = "several documents" if len(documents) > 1 else "a list or a single value"
        raise DocumentError(f"the template gives {given}, not a partial Pod")
    part = _built(documents[0], text, pod_type(is_whole=False), (make_builder or Builder)(constants))
    return fill_of(part)


def compile_part(text: str, constants: Sequence[Any], kind: Type) -> Fill:
    """The same for a text that is a part of a document: entries of a mapping, or items of a list, of type `kind`.

    A list of which nothing is left is filled as None.
    """
    documents = _composed(text)
    if len(documents) != 1 or not isinstance(documents[0], MappingNode | List):
        raise DocumentError("a part is a mapping or a list")
    part = _built(documents[0], text, kind, Builder(constants))
    return fill_of(None if part is NOTHING else part)


def _composed(text: str) -> list[Node]:
    try:
        return list(islice(compose_all(text), 2))
    except YamlError as error:
        raise DocumentError(_explain(error, text)) from error


def _built(node: Node, text: str, kind: Type, builder: "Builder") -> Any:
    builder.places = places_of(node, kind, builder.findings)
    try:
        part = builder.build(node)
    except YamlError as error:
        raise DocumentError(_explain(error, text)) from error
    if builder.findings:
        raise FieldError(*builder.findings)
    return part


class Dynamic:
    """A part of a document with placeholders; `is_clean`: without nulls and directives, whatever the values are."""

    __slots__ = ("fill", "is_clean")

    def __init__(self, fill: Fill, *, is_clean: bool = False) -> None:
        """`fill` makes the part of the rendering's values."""
        self.fill = fill
        self.is_clean = is_clean


class _Text(Dynamic):
    """A string that is one value as text, of the placeholder `number`."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        super().__init__(_filled_once("", number, ""), is_clean=True)
        self.number = number


class _Texts(Dynamic):
    """A mapping whose parts are known or texts: `entries`."""

    __slots__ = ("entries",)

    def __init__(self, fill: Fill, entries: Mapping[str, Any]) -> None:
        super().__init__(fill, is_clean=True)
        self.entries = entries


class RowFill:
    """Fills a list with one item, a mapping whose parts are known or texts, or with any number of such items at once.

    Loops over what a pod's author wrote make long lists of them, such as an environment.
    """

    __slots__ = ("_entries", "_fill")

    def __init__(self, texts: _Texts) -> None:
        """Fill an item as `texts` does."""
        self._fill = texts.fill
        self._entries = texts.entries

    def __call__(self, values: Sequence[Any]) -> SharedList:
        """The list with its one item."""
        return SharedList((self._fill(values),))

    def rows(self, values: Sequence[Any], size: int) -> SharedList:
        """A list with an item for each `size` of the values."""
        texts = values if {*map(type, values)} == {str} else [*map(as_text, values)]
        columns = [
            texts[part.number :: size] if isinstance(part, _Text) else repeat(part) for part in self._entries.values()
        ]
        keys = [*self._entries]
        return SharedList([SharedMapping(zip(keys, row)) for row in zip(*columns)])  # noqa: B905 -- one may be endless


class _Nothing:
    """Stands for a value that the document leaves out."""


NOTHING = _Nothing()
"""In place of a value that the document leaves out."""


def fill_of(part: Any) -> Fill:
    """The function that makes a part of the rendering's values."""
    if isinstance(part, Dynamic):
        return part.fill
    return lambda _: part


class Builder:
    """Turns YAML nodes into plain values, or into Dynamic where they have placeholders."""

    def __init__(self, constants: Sequence[Any]) -> None:
        """`constants` are the values of placeholders that are the same in every rendering."""
        self._constants = constants
        self.places: Mapping[int, Place] = {}
        self.findings = list[Finding]()

    def build(self, node: Node) -> Any:
        """What `node` stands for: a value, or a Dynamic. Raises YamlError."""
        if isinstance(node, Scalar):
            return self.checked(node, self._scalar(node))
        if isinstance(node, List):
            return _sequence([self.build(item) for item in node.children])
        if isinstance(node, MappingNode):
            return _mapping(mapping_of(node, self._key, self.build))
        return self.build(node.target)

    def checked(self, node: Node, part: Any) -> Any:
        """The part that a node stands for, which is checked now where it is known, and else when it is filled."""
        place = self.places.get(id(node))
        if place is None or part is None or part is NOTHING:
            return part
        if isinstance(part, Dynamic):
            fill = checked(part.fill, place, is_text=part.is_clean)
            return part if fill is part.fill else Dynamic(fill, is_clean=part.is_clean)
        place.kind.read(part, place.path, self.findings)
        return part

    def _key(self, node: Node) -> Any:
        target = node.target if isinstance(node, Alias) else node
        return (
            self._text(target.text) if isinstance(target, Scalar) and PLACEHOLDER.search(target.text) else key_of(node)
        )

    def _scalar(self, node: Scalar) -> Any:
        if PLACEHOLDER.search(node.text):
            return self._text(node.text) if node.style else self._expression(node)
        return value_of(node) if node.text or node.style or node.tag else NOTHING

    def _expression(self, node: Scalar) -> Any:
        """A plain scalar: what is nothing but one expression keeps its type."""
        lone = PLACEHOLDER.fullmatch(node.text)
        if node.tag and node.tag != _TEXT_TAG:
            raise YamlError("an expression has a type of its own, a tag cannot change it", node.start.line + 1)
        if lone is None or node.tag:
            return self._text(node.text)
        constant = self._constant(lone[1])
        return Dynamic(_filled_value(int(lone[1]))) if constant is None else _written(constant[0])

    def _text(self, text: str) -> Any:
        first, *rest = PLACEHOLDER.split(text)
        literals, numbers = [first], []
        for placeholder, literal in zip(rest[::2], rest[1::2], strict=True):
            constant = self._constant(placeholder)
            if constant is None:
                numbers.append(int(placeholder))
                literals.append(literal)
            else:
                literals[-1] += as_text(constant[0]) + literal
        return _filled_text(literals, numbers) if numbers else literals[0]

    def _constant(self, placeholder: str) -> tuple[Any] | None:
        """The value of a placeholder that is known already; None for any other."""
        return (self._constants[int(placeholder[1:])],) if placeholder[0] == CONSTANT else None


def _written(constant: Any) -> Any:
    """What a document has in place of an expression whose value is known."""
    if constant is None:
        return NOTHING
    return as_shared(without_nulls(constant)) if type(constant) in UNCLEAN else constant


def _filled_value(number: int) -> Fill:
    def fill(values: Sequence[Any]) -> Any:
        value = values[number]
        return _without_nulls(value) if isinstance(value, (dict, list)) else value

    return fill


def _without_nulls(value: Any) -> Any:
    """A value without nulls and directives. Its JSON says at once that most have neither.

    What a pod's author wrote is data: a `$patch` in it must not become a directive of the template.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        return without_directives(without_nulls(value))
    if b'"$' in text:
        return without_directives(without_nulls(value))
    if b"null" in text:
        return without_nulls(value)
    return SharedMapping(value) if isinstance(value, dict) else SharedList(value)


def _filled_text(literals: list[str], numbers: list[int]) -> Dynamic:
    if len(numbers) == 1:
        if not any(literals):
            return _Text(numbers[0])
        return Dynamic(_filled_once(literals[0], numbers[0], literals[1]), is_clean=True)

    def fill(values: Sequence[Any]) -> str:
        joined = literals[0]
        for number, literal in zip(numbers, literals[1:], strict=True):
            joined += as_text(values[number]) + literal
        return joined

    return Dynamic(fill, is_clean=True)


def _filled_once(before: str, number: int, after: str) -> Fill:
    """By far the most frequent text: one value, mostly a string and alone in its quotes."""

    def fill(values: Sequence[Any]) -> str:
        value = values[number]
        return before + (value if type(value) is str else as_text(value)) + after

    def fill_alone(values: Sequence[Any]) -> str:
        value = values[number]
        return value if type(value) is str else as_text(value)

    return fill if before or after else fill_alone


def _sequence(written: list[Any]) -> Any:
    items = [item for item in written if item is not NOTHING]
    if written and not items:
        return NOTHING
    dynamic = [(index, item.fill) for index, item in enumerate(items) if isinstance(item, Dynamic)]
    if not dynamic:
        return SharedList(items) if are_clean(items) else UncleanList(items)
    if len(items) == 1 and isinstance(items[0], _Texts):
        return Dynamic(RowFill(items[0]), is_clean=True)
    always_clean = are_clean(items)

    def fill(values: Sequence[Any]) -> list[Any] | None:
        filled = items.copy()
        left_out = []
        for index, part in dynamic:
            filled[index] = value = part(values)
            if value is None:
                left_out.append(index)
        for index in reversed(left_out):
            del filled[index]
        if not filled:
            return None
        return SharedList(filled) if always_clean or are_clean(filled) else filled

    return Dynamic(fill, is_clean=always_clean)


def _mapping(entries: dict[Any, Any]) -> Any:
    written = [(key, part) for key, part in entries.items() if part is not NOTHING]
    keys, parts = [key for key, _ in written], [part for _, part in written]
    literal_keys = [key for key in keys if isinstance(key, str)]
    if len(literal_keys) < len(keys):
        return _mapping_with_dynamic_keys([fill_of(key) for key in keys], parts)
    static = dict(zip(keys, parts, strict=True))
    dynamic = [(key, part.fill) for key, part in static.items() if isinstance(part, Dynamic)]
    kind = SharedMapping if are_clean(parts) and not any(key.startswith("$") for key in keys) else dict
    if not dynamic:
        return kind(static) if kind is SharedMapping else UncleanMapping(static)

    def fill(values: Sequence[Any]) -> dict[str, Any]:
        filled = kind(static)
        for key, part in dynamic:
            value = part(values)
            if value is None:
                del filled[key]
            else:
                filled[key] = value
        return filled

    if kind is SharedMapping and all(isinstance(static[key], _Text) for key, _ in dynamic):
        return _Texts(fill, static)
    return Dynamic(fill, is_clean=kind is SharedMapping)


def are_clean(parts: list[Any]) -> bool:
    """Whether no part holds nulls or directives, whatever the values are."""
    return all(part.is_clean if isinstance(part, Dynamic) else is_clean(part) for part in parts)


def _mapping_with_dynamic_keys(keys: list[Fill], parts: list[Any]) -> Dynamic:
    fills = [(key, fill_of(part), part is None) for key, part in zip(keys, parts, strict=True)]

    def fill(values: Sequence[Any]) -> dict[str, Any]:
        filled = ((key(values), part(values), deletes) for key, part, deletes in fills)
        return {key: value for key, value, deletes in filled if deletes or value is not None}

    return Dynamic(fill)


def with_sidecars_placed(overlay: JsonObject, scope: Mapping[str, Any]) -> JsonObject:
    """The overlay with its `sidecars` among the init containers, which they join as native sidecars, or the containers.

    They come behind the overlay's own, since an init container of a template mostly prepares what its sidecar reads. A
    container that the pod has itself stays in its list. Native sidecars:
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    pod: Pod = scope["pod"]
    native = is_native(annotations(pod), by_default=scope["native_sidecars"])
    spec = overlay["spec"]
    by_pod = {name: {each["name"] for each in containers(pod, name)} for name in ("initContainers", "containers")}
    placed: dict[str, list[Container]] = {name: [] for name in by_pod}
    for sidecar in spec[SIDECARS] or ():
        default = "initContainers" if native else "containers"
        which = next((each for each, names in by_pod.items() if sidecar.get("name") in names), default)
        placed[which].append({**sidecar, "restartPolicy": "Always"} if which == "initContainers" else sidecar)
    lists = {name: [*(spec.get(name) or ()), *added] for name, added in placed.items() if added}
    return {**overlay, "spec": {**{key: value for key, value in spec.items() if key != SIDECARS}, **lists}}


def _explain(error: YamlError, text: str) -> str:
    lines = text.splitlines()
    line = PLACEHOLDER.sub("{{ … }}", lines[error.line - 1].strip()) if error.line <= len(lines) else ""
    return f"{error.problem} in line {error.line} of what the template gives: {line!r}"
