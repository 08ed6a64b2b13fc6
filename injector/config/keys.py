"""What a key of the configuration is: its path, its type, its default. The tables are in the `*_keys` modules."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from injector.config.checks import Findings
from injector.config.kinds import Type
from injector.core.model import JsonObject


@dataclass(frozen=True, slots=True)
class Absent:
    """The default of a key that is not there unless it is configured."""


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Key:
    """A key: dotted path, type, default, what it is for, and where only some texts are valid, those."""

    name: str
    type: Type
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The path from the top of the table's document."""
        return tuple(self.name.split("."))

    def findings(self, value: Any) -> Findings:
        """What is wrong with `value`, each with the path below this key. A null is never wrong: it says nothing."""
        if value is None:
            return
        yield from self.type.findings(value)
        if self.choices and isinstance(value, str) and value not in self.choices:
            yield (), f"{value!r} is not valid; valid: {', '.join(map(repr, self.choices))}"

    def schema(self) -> JsonObject:
        """The JSON Schema of the key."""
        limits: JsonObject = {"enum": [*self.choices, None]} if self.choices else self.type.schema
        default = {} if isinstance(self.default, Absent) else {"default": self.default}
        return {"description": self.meaning, **limits, **default}


def defaults(table: Iterable[Key]) -> JsonObject:
    """The document that holds every default of the table, and no parent of nothing but absent keys."""
    document: JsonObject = {}
    for key in table:
        if isinstance(key.default, Absent):
            continue
        *above, last = key.path
        level = document
        for parent in above:
            level = level.setdefault(parent, {})
        level[last] = dict(key.default) if isinstance(key.default, dict) else key.default
    return document


def parents(table: Iterable[Key]) -> frozenset[tuple[str, ...]]:
    """The paths of all mappings that the table's keys stand in."""
    return frozenset(key.path[:depth] for key in table for depth in range(1, len(key.path)))
