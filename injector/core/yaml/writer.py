"""JSON values as block YAML that the reader of this package, and any other, reads back the same.

Texts have quotes where the table of scalars says that they need them. It is fast enough for hundreds of injected pods
in one answer: PyYAML writes the same at twenty times the cost.
"""

import math
import re
from typing import Any

import orjson

from injector.core.yaml.scalars import needs_quotes

# Texts that are no structure without quotes: no indicator at the front, no `: ` and no ` #` in them.
_PLAIN = re.compile(r"[A-Za-z0-9/._$(+~^\\;=<-](?:[!\"$-9;-~]| (?!#|$)|:(?=[!\"#-9;-~])|(?<! )#)*")
_SEPARATORS = ("- ", "---", "...")
# Keys and many values are the same in every pod.
_LINE_FEED = "\n"
QUOTES = ('"', "'")
# A key has to end within 1,024 characters, or to be announced (https://yaml.org/spec/1.1/#simple%20key/).
_LONGEST_KEY = 1000


def write(value: Any) -> str:
    """The document that stands for `value`. Raises ValueError for what JSON does not have."""
    return "\n".join(lines(value)) + "\n"


def lines(value: Any, *, indents_lists: bool = False) -> list[str]:
    """The lines of `value`; lists are in the column of their key, or two further in where `indents_lists` is set.

    Raises ValueError for infinity and the like.
    """
    if not isinstance(value, (dict, list)) or not value:
        return [scalar(value)]
    written: list[str] = []
    _Writer(written, "  " if indents_lists else "").write(value, "")
    return written


def scalar(value: Any) -> str:
    """A value that is no filled mapping or list, on one line. Raises ValueError for infinity and the like."""
    if isinstance(value, str):
        return value if _is_plain(value) else quoted(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number of JSON")
        # Other readers of YAML 1.1 take an exponent behind a point only.
        written = repr(value)
        return written if "." in written else written.replace("e", ".0e")
    return str(value) if type(value) is int else orjson.dumps(value).decode()


def quoted(text: str) -> str:
    """`text` in quotes: in double ones, but for a text with double quotes in it and nothing to escape."""
    return quoted_like(text, "'" if '"' in text else '"')


def quoted_like(text: str, quote: str) -> str:
    """`text` in quotes of the kind of `quote`, but in double ones where there is something to escape."""
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    # As in JSON; YAML has escapes for more characters.
    written = orjson.dumps(text).decode()
    return written if written.isprintable() else "".join(map(_escaped, written))


def _escaped(character: str) -> str:
    return character if character.isprintable() else f"\\U{ord(character):08x}"


class _Writer:
    """Adds lines to `written`; `list_indent` is what lists are indented by below their key."""

    def __init__(self, written: list[str], list_indent: str) -> None:
        self._written = written
        self._list_indent = list_indent

    def write(self, value: Any, indent: str) -> None:
        """Write a mapping or a list that is not empty."""
        if isinstance(value, dict):
            for key, item in value.items():
                self._entry(f"{indent}{self._key(key, indent)}:", item, indent)
        else:
            for item in value:
                self._item(item, indent)

    def _key(self, key: str, indent: str) -> str:
        written = scalar(key)
        if len(written) < _LONGEST_KEY:
            return written
        self._written.append(f"{indent}? {written}")
        return ""

    def _entry(self, head: str, value: Any, indent: str) -> None:
        if isinstance(value, dict) and value:
            self._written.append(head)
            self.write(value, f"{indent}  ")
        elif isinstance(value, list) and value:
            self._written.append(head)
            self.write(value, f"{indent}{self._list_indent}")
        elif isinstance(value, str) and _LINE_FEED in value and _is_block(value):
            self._written.append(f"{head} |{'' if value.endswith(_LINE_FEED) else '-'}")
            self._written += (f"{indent}  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        else:
            self._written.append(f"{head} {scalar(value)}")

    def _item(self, value: Any, indent: str) -> None:
        if isinstance(value, (dict, list)) and value:
            first = len(self._written)
            self.write(value, f"{indent}  ")
            self._written[first] = f"{indent}- {self._written[first][len(indent) + 2 :]}"
        else:
            self._entry(f"{indent}-", value, indent)


def _is_block(text: str) -> bool:
    """Whether a literal block gives `text` again: it has several lines, none of which the block would change."""
    if "\n" not in text.rstrip("\n") or text.endswith("\n\n") or text[0] in " \n\t":
        return False
    return text.replace("\n", "").isprintable() and all(line == line.rstrip() for line in text.split("\n"))


def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and not text.startswith(_SEPARATORS)
        and text != "-"
        and not needs_quotes(text)
    )
