"""Types of the fields of a document: each tells what is wrong with a value, all of it, with the path below the field.

A null field is one that is not there, as in protobuf-JSON; a null item of a list or a mapping is at fault.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

from injector.config.types import Findings, wrong

_SHOWN_CHARACTERS = 80


class FieldType(Protocol):
    """What a field may hold."""

    def findings(self, value: Any) -> Findings:
        """Paths below the field, each with what is wrong there and what would be valid."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without fields: `expected` says in words what `accepts` lets pass."""

    expected: str
    accepts: Callable[[Any], bool]

    def findings(self, value: Any) -> Findings:
        """At most one: the value is not what is expected."""
        if not self.accepts(value):
            yield (), wrong(self.expected, value)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that `parse` understands; it raises ValueError, saying what would be valid, where it does not."""

    parse: Callable[[str], object]

    def findings(self, value: Any) -> Findings:
        """At most one: no text, or one that cannot be parsed."""
        if not isinstance(value, str):
            yield (), wrong("text", value)
            return
        try:
            self.parse(value)
        except ValueError as error:
            yield (), wrong(str(error), value)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A field that Istio knows and that cannot be expressed here; `advice` says what can."""

    advice: str

    def findings(self, value: Any) -> Findings:
        """Always one."""
        yield (), f"is not supported, {_shown(value)} neither: {self.advice}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list; with `filled` one that has an item."""

    item: FieldType
    filled: bool = False

    def findings(self, value: Any) -> Findings:
        """Those of every item."""
        if not isinstance(value, list) or (self.filled and not value):
            yield (), wrong("a list with at least one item" if self.filled else "a list", value)
            return
        for index, item in enumerate(value):
            yield from _below(index, self.item.findings(item))


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping from text."""

    value: FieldType
    key: FieldType

    def findings(self, value: Any) -> Findings:
        """Those of every key and value."""
        if not isinstance(value, dict):
            yield (), wrong("a mapping", value)
            return
        for name, item in value.items():
            yield from _below(name, self.key.findings(name))
            yield from _below(name, self.value.findings(item))


@dataclass(frozen=True, slots=True)
class Message:
    """A mapping with known fields.

    Of each group in `choices` at most one field may be there; `rules` look at several fields at once, and only where
    each of them alone is valid.
    """

    fields: Mapping[str, FieldType]
    required: tuple[str, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()
    rules: tuple[Callable[[Mapping[str, Any]], Findings], ...] = ()

    @property
    def supported(self) -> list[str]:
        """The names of the fields that can be set."""
        return [name for name, kind in self.fields.items() if not isinstance(kind, Unsupported)]

    def findings(self, value: Any) -> Findings:
        """Unknown fields, faulty ones, missing ones, and those that exclude each other."""
        if not isinstance(value, dict):
            yield (), wrong(f"a mapping with the fields {', '.join(self.supported)}", value)
            return
        present = {name: item for name, item in value.items() if item is not None}
        found = list(self._field_findings(present))
        found += self._group_findings(present)
        yield from found
        if not found:
            for rule in self.rules:
                yield from rule(present)

    def _field_findings(self, present: Mapping[str, Any]) -> Findings:
        for name, item in present.items():
            if name in self.fields:
                yield from _below(name, self.fields[name].findings(item))
            else:
                yield (name,), _unknown(name, item, self.supported)

    def _group_findings(self, present: Mapping[str, Any]) -> Findings:
        for name in self.required:
            if name not in present:
                yield (name,), "is missing"
        for group in self.choices:
            first, *others = [name for name in group if name in present] or [""]
            for other in others:
                yield (other,), f"cannot stand beside {first!r}; valid: one of {', '.join(group)}"


def without_nulls(value: Any) -> Any:
    """The value without the fields that are null, at every depth."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _below(step: str | int, findings: Findings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    return (((step, *path), message) for path, message in findings)


def _unknown(name: str, value: Any, supported: Iterable[str]) -> str:
    names = list(supported)
    nearest = get_close_matches(name, names, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"is not supported, {_shown(value)} neither; {hint}supported: {', '.join(names)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


# Regular expressions that RE2 understands, which is what Envoy matches with. Source:
# https://github.com/google/re2/wiki/Syntax. Python's own engine judges what both know; what only one of the two
# knows is told apart by the token that it begins with.

# A class is one token, so that what looks like a group inside it is none.
_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\[pP](?:\{\^?\w+\}|\w)|\\x\{[0-9a-fA-F]+\}|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|\(\?(?:P?<[A-Za-z_]|P.|<.|[A-Za-z-]+[:)]|.)|(?:[*+?]|\{(?P<low>\d+)(?:,(?P<high>\d*))?\})\+?|.",
    re.DOTALL,
)
_NOT_IN_RE2 = (
    (re.compile(r"\(\?[=!]"), "a lookahead"),
    (re.compile(r"\(\?<[=!]"), "a lookbehind"),
    (re.compile(r"\(\?P[=>]|\\[1-9gk]"), "a backreference"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"\(\?\("), "a condition"),
    (re.compile(r"\(\?#"), "a comment"),
    (re.compile(r"\(\?(?![imsU-]+[:)])[A-Za-z-]+[:)]"), "these flags"),
    (re.compile(r"[*+?}]\+|\{.*\+"), "a possessive quantifier"),
    (re.compile(r"\\[GKNRuUXZ]"), "this escape"),
)
# Tokens of RE2 that Python does not know, each with one that takes its place for the syntax check.
_ONLY_IN_RE2 = (
    (re.compile(r"\\Q.*", re.DOTALL), "q"),
    (re.compile(r"\\[pPC].*"), "p"),
    (re.compile(r"\\x\{.*"), "x"),
    (re.compile(r"\\z"), "$"),
    (re.compile(r"\[.*\[:.*", re.DOTALL), "[a]"),
    (re.compile(r"\(\?<[A-Za-z_]"), "(?P<n"),
    (re.compile(r"\(\?[A-Za-z-]+\)"), ""),
    (re.compile(r"\(\?[A-Za-z-]+:"), "(?:"),
)
_MOST_REPETITIONS = 1000


def check_re2(pattern: str) -> None:
    """Raises ValueError, saying what would be valid, where RE2 does not take `pattern`."""
    translated = ""
    for match in _TOKEN.finditer(pattern):
        token = match[0]
        for form, name in _NOT_IN_RE2:
            if form.match(token):
                raise ValueError(f"a regular expression of RE2, which knows no such thing as {name} ({token!r})")
        if any(int(count) > _MOST_REPETITIONS for count in match.group("low", "high") if count):
            raise ValueError(
                f"a regular expression of RE2, which repeats at most {_MOST_REPETITIONS} times ({token!r})"
            )
        translated += next((other for form, other in _ONLY_IN_RE2 if form.match(token)), token)
    _check_syntax(translated)


def _check_syntax(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression of RE2 (here: {error})") from None
