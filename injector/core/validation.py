"""Checking a document against one table: the names of its fields, their types and values, and what is required.

A table is made of the types below. Reading a value with its type gives the value's canonical form, and everything that
is wrong with it, each with the path where it is. A null field is one that is absent, as in Protobuf's JSON.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Protocol

from injector.core.errors import Path, quoted, suggestion

JsonSchema = dict[str, Any]


class Finding(NamedTuple):
    """What is wrong at a path of a document, and what would be valid there."""

    path: Path
    message: str


class Type(Protocol):
    """What a field may hold."""

    @property
    def expected(self) -> str:
        """What is valid, in words."""

    @property
    def schema(self) -> JsonSchema:
        """The JSON Schema of the type, as far as it can be said there."""

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The canonical form of `value`, which is at `path`; what is wrong is added to `findings`."""


def read(kind: Type, value: Any) -> tuple[Any, list[Finding]]:
    """The canonical form of a whole document, and all that is wrong with it; only without findings is it of use."""
    findings: list[Finding] = []
    return kind.read(value, (), findings), findings


def check(kind: Type, value: Any) -> list[Finding]:
    """All that is wrong with a document."""
    return read(kind, value)[1]


def wrong(expected: str, value: Any) -> str:
    """The message for a value that is not what was expected."""
    return f"must be {expected}, got {quoted(value)}"


def unknown(name: str, valid: Sequence[str]) -> str:
    """The message for a name that a table does not have."""
    return f"unknown key {quoted(name)}; {suggestion(name, valid)}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without fields: `accepts` says whether it is valid, `convert` gives the canonical form of a valid one."""

    expected: str
    accepts: Callable[[Any], bool]
    schema: JsonSchema = field(default_factory=dict)
    convert: Callable[[Any], Any] | None = None

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """At most one finding."""
        if not self.accepts(value):
            findings.append(Finding(path, wrong(self.expected, value)))
            return None
        return value if self.convert is None else self.convert(value)


def _takes_all(kind: "Type", values: Iterable[Any]) -> bool:
    """Whether `kind` takes every one of the values as it is."""
    return isinstance(kind, Scalar) and kind.convert is None and all(map(kind.accepts, values))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A string that `parse` understands: it returns the canonical form, or None where that is the string itself.

    It raises ValueError for other strings; the text of the error is what is expected.
    """

    parse: Callable[[str], str | None]
    expected: str = "a string"
    schema: JsonSchema = field(default_factory=lambda: {"type": "string"})

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """At most one finding."""
        try:
            canonical = self.parse(value) if isinstance(value, str) else _refuse(self.expected)
        except ValueError as error:
            findings.append(Finding(path, wrong(str(error), value)))
            return None
        return value if canonical is None else canonical


def _refuse(expected: str) -> NoReturn:
    raise ValueError(expected)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A field that is known and that cannot be honoured; `advice` says what to write in its place."""

    advice: str
    expected: str = "absent"
    schema: JsonSchema = field(default_factory=lambda: {"not": {}})

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """Always one finding."""
        findings.append(Finding(path, f"is not supported, got {quoted(value)}: {self.advice}"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A list; with `filled` one that has an item."""

    item: Type
    filled: bool = False
    items: str = ""

    @property
    def expected(self) -> str:
        """What the list holds, in words: those of `items`, where its items are better named."""
        return f"a list of {self.items}" if self.items else "a list with at least one item" if self.filled else "a list"

    @property
    def schema(self) -> JsonSchema:
        """An array of the item's schema."""
        limits = {"minItems": 1} if self.filled else {}
        return {"type": "array", "items": self.item.schema, **limits}

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The list of the items' canonical forms."""
        if not isinstance(value, list) or (self.filled and not value):
            findings.append(Finding(path, wrong(self.expected, value)))
            return None
        return [self.item.read(item, (*path, index), findings) for index, item in enumerate(value)]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping with names of the user's own; with `removable`, a null takes away an entry of the layers below."""

    value: Type
    key: Type | None = None
    removable: bool = False
    items: str = ""

    @property
    def expected(self) -> str:
        """What the mapping holds, in words: those of `items`, where it has some."""
        return f"a mapping of {self.items}" if self.items else "a mapping"

    @property
    def schema(self) -> JsonSchema:
        """An object whose every value has the value's schema."""
        names = {"propertyNames": self.key.schema} if self.key and self.key.schema else {}
        value = or_null(self.value.schema) if self.removable else self.value.schema
        return {"type": "object", "additionalProperties": value, **names}

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The mapping of the values' canonical forms."""
        if not isinstance(value, dict):
            findings.append(Finding(path, wrong(self.expected, value)))
            return None
        # The long ones are environments, and mostly right.
        if self.key is None and _takes_all(self.value, value.values()):
            return value.copy()
        result = {}
        for name, item in value.items():
            below = (*path, name)
            if self.key:
                self.key.read(name, below, findings)
            absent = item is None and self.removable
            result[name] = None if absent else self.value.read(item, below, findings)
        return result


Rule = Callable[[Mapping[str, Any]], Iterator[tuple[Path, str]]]
"""What several fields have to be together: findings with the path below the message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A mapping with known fields.

    Of each group in `choices` at most one field may be set. `rules` look at several fields at once, and only where each
    of them alone is valid. `spelling` turns other ways to write a name into the table's. Names that the table does not
    have are faults, unless it `is_open`. A document that `is_layer` will be merged over others, so that it keeps those
    names, and nulls too, which take something away.
    """

    fields: Mapping[str, Type]
    required: tuple[str, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()
    rules: tuple[Rule, ...] = ()
    spelling: Callable[[str], str] | None = None
    is_open: bool = False
    is_layer: bool = False
    noun: str = ""

    @property
    def expected(self) -> str:
        """The noun, or the fields that the mapping may have."""
        return self.noun or f"a mapping with the keys {', '.join(self.supported)}"

    @property
    def schema(self) -> JsonSchema:
        """An object with the fields' schemas."""
        properties = {name: or_null(kind.schema) for name, kind in self.fields.items()}
        required = {"required": list(self.required)} if self.required else {}
        closed = {} if self.is_open else {"additionalProperties": False}
        return {"type": "object", "properties": properties, **required, **closed}

    @property
    def supported(self) -> list[str]:
        """The names of the fields that can be set."""
        return [name for name, kind in self.fields.items() if not isinstance(kind, Unsupported)]

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The mapping of the fields' canonical forms."""
        if not isinstance(value, Mapping):
            findings.append(Finding(path, wrong(self.expected, value)))
            return None
        before = len(findings)
        given = {self.spelling(name): item for name, item in value.items()} if self.spelling else value
        result = self._fields(given, path, findings)
        present = {name for name in self.fields if given.get(name) is not None}
        findings += (Finding((*path, name), "is missing") for name in self.required if name not in present)
        for group in self.choices:
            first, *others = [name for name in group if name in present] or [""]
            message = f"cannot be set beside {first!r}; valid: one of {', '.join(group)}"
            findings += (Finding((*path, other), message) for other in others)
        if len(findings) == before:
            findings += (Finding(path + below, message) for rule in self.rules for below, message in rule(result))
        return result

    def _fields(self, given: Mapping[str, Any], path: Path, findings: list[Finding]) -> dict[str, Any]:
        result = {}
        for name, item in given.items():
            kind = self.fields.get(name)
            if kind is None and not self.is_open:
                findings.append(Finding((*path, name), unknown(name, self.supported)))
            elif kind is not None and item is not None:
                result[name] = kind.read(item, (*path, name), findings)
            elif self.is_layer:
                result[name] = item
        return result


def or_null(schema: JsonSchema) -> JsonSchema:
    """The schema that takes null too: null says nothing."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    kinds = schema.get("type")
    if kinds is None:
        return schema
    return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}


def one_of(*names: str) -> Scalar:
    """One of a few words."""
    return Scalar(f"one of {', '.join(map(repr, names))}", lambda value: value in names, {"enum": list(names)})


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


STRING = Scalar("a string", lambda value: isinstance(value, str), {"type": "string"})
FILLED_STRING = Scalar(
    "a string that is not empty",
    lambda value: isinstance(value, str) and value != "",
    {"type": "string", "minLength": 1},
)
BOOLEAN = Scalar("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
INTEGER = Scalar("an integer", _is_integer, {"type": "integer"})
MAPPING = Scalar("a mapping", lambda value: isinstance(value, dict), {"type": "object"})
ANYTHING = Scalar("anything", lambda _: True)
STRINGS = Listed(STRING, items="strings")
STRING_MAP = Mapped(STRING, items="strings to strings")
