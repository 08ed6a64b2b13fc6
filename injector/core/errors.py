"""What is wrong with an input: where it is, what it says, and what would be valid.

Every error about somebody's input is an InjectorError, so that one handler in the shell can print any of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nlargest
from itertools import islice
from reprlib import Repr
from typing import Any, TypeAlias

LONGEST_QUOTE = 80
# What API servers show of a warning, and what they hand on of all of a response:
# https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
LONGEST_WARNING, LONGEST_WARNINGS = 120, 4096
LONGEST_MESSAGE = 4096
# Below this ratio of difflib two names are alike by chance.
_LIKENESS = 0.6
# A key that is compared with every known one costs the product of their lengths.
_LONGEST_NAME = 256
_MOST_COMPARED = 2
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+(?=>)")
_WORD_BREAKS = re.compile(r"[_-]")

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, or that a warning is about: where it is and what would be valid.

    `line` is None where there is no line (a `--set` flag, a file that cannot be read); `document` counts from 1 and is
    0 where the file has only one.
    """

    file: str
    line: int | None
    path: str
    message: str
    document: int = 0

    def __str__(self) -> str:
        """The fault as one line of a compiler's report: file, line, document, path, message."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        document = f"document {self.document}" if self.document else ""
        return ": ".join(part for part in (where, document, self.path, self.message) if part)


class InjectorError(Exception):
    """Somebody's input cannot be used; `faults` has all that is wrong with it, and the text one line for each."""

    def __init__(self, *faults: Fault | str) -> None:
        """Take faults, or plain messages where nothing is known of their place."""
        self.faults = tuple(fault if isinstance(fault, Fault) else Fault("", None, "", fault) for fault in faults)
        super().__init__("\n".join(map(str, self.faults)))


def format_path(path: Path) -> str:
    """The path in Helm's notation, as `--set` takes it: `a.b[0]`, with dots and commas inside a key escaped."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            escaped = step.replace(".", "\\.").replace(",", "\\,")
            text += f".{escaped}" if text else escaped
    return text


def quoted(value: Any) -> str:
    """The value as a message shows it: words of YAML, text in quotes, at most 80 characters, whatever its size."""
    text = _SHORT.repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"


def without_addresses(text: str) -> str:
    """The text without the addresses by which Python shows objects that have no other name."""
    return _ADDRESS.sub("", text)


def shortened(text: str, longest: int) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def shortened_warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    """Warnings as an AdmissionResponse may have them: each of one line and cut, and no more than are handed on."""
    kept: list[str] = []
    length = 0
    for warning in warnings:
        text = shortened(warning, LONGEST_WARNING)
        length += len(text.encode())
        if length > LONGEST_WARNINGS:
            break
        kept.append(text)
    return tuple(kept)


def nearest(name: str, valid: Iterable[str], likeness: float = _LIKENESS) -> str | None:
    """The name of `valid` that was probably meant: another spelling of `name`, or one that looks like it."""
    if len(name) > _LONGEST_NAME:
        return None
    bare = _bare(name)
    by_bare = {_bare(each): each for each in valid}
    # Two letters that follow each other are counted at once. To compare names with difflib takes twenty times as long.
    pairs = _pairs(bare)
    likely = nlargest(_MOST_COMPARED, by_bare, lambda each: len(pairs & _pairs(each)) / (len(each) + 1))
    found = get_close_matches(bare, likely, 1, likeness)
    return by_bare[found[0]] if found else None


def _pairs(name: str) -> set[tuple[str, str]]:
    return {*zip(f" {name}", f"{name} ", strict=True)}


def suggestion(name: str, valid: Sequence[str]) -> str:
    """What a message about an unknown name ends with: the nearest valid name, or all of them."""
    meant = nearest(name, valid)
    return f"did you mean {meant!r}?" if meant else f"valid: {', '.join(valid)}"


def _bare(name: str) -> str:
    """The name without what people get wrong in it: case, `_` and `-`."""
    return _WORD_BREAKS.sub("", name).lower()


class _Short(Repr):
    """Looks at no more of a value than a message can show, and writes it as YAML does."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxdict = 3, 4, 4
        self.maxstring = self.maxlong = self.maxother = LONGEST_QUOTE
        self.fillvalue = "…"

    def repr_bool(self, value: bool, _level: int) -> str:  # noqa: FBT001 -- the method's name and shape are reprlib's
        return "true" if value else "false"

    def repr_NoneType(self, _value: None, _level: int) -> str:  # noqa: N802 -- reprlib looks methods up by type name
        return "null"

    def repr_int(self, value: int, level: int) -> str:
        # Beyond 4,300 digits Python refuses to write a number out.
        bits = value.bit_length()
        return super().repr_int(value, level) if bits < 8 * LONGEST_QUOTE else f"a number of {bits} bits"

    def repr_str(self, value: str, _level: int) -> str:
        return repr(value) if len(value) < LONGEST_QUOTE - 1 else f"{value[: LONGEST_QUOTE - 3]!r}…"

    def repr_dict(self, value: Mapping[Any, Any], level: int) -> str:
        # The one of the standard library sorts all keys before it takes four.
        return super().repr_dict(dict(islice(value.items(), self.maxdict + 1)), level)

    def repr_instance(self, value: Any, level: int) -> str:
        # Parts of documents are subclasses of dict and list that only their own type's name tells from these.
        if isinstance(value, Mapping):
            return self.repr_dict(value, level)
        if isinstance(value, list):
            return self.repr_list(value[: self.maxlist + 1], level)
        return repr(value) if isinstance(value, float) else f"a value of type {type(value).__name__}"


_SHORT = _Short()
