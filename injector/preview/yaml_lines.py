"""Plain JSON values as lines of block YAML, fast enough for hundreds of injected pods in one answer.

The YAML library writes the same at twenty times the cost; that this reads back as what was written is a property test.
"""

import re
from functools import lru_cache
from typing import Any

import orjson

from injector.core.yaml.scalars import needs_quotes

# Texts that need no quotes: no indicator, no `: ` or ` #` in them.
_PLAIN = re.compile(r"[A-Za-z0-9/._$-](?:[A-Za-z0-9 /._$()@=,+-]|:(?=[A-Za-z0-9/._$()@=,+-]))*")
_LINE_FEED = "\n"
# Keys and many values are the same in every pod.
_REMEMBERED = 4096
_DASHES = ("- ", "---", "...")


def yaml_lines(value: Any) -> list[str]:
    """The lines of `value`, a mapping or a list; lists stand in the column of their key."""
    lines: list[str] = []
    _write(value, "", lines)
    return lines


def _write(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _write_entry(f"{indent}{_scalar(key)}:", item, indent, lines)
    else:
        for item in value:
            _write_item(item, indent, lines)


def _write_entry(head: str, value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        lines.append(head)
        _write(value, f"{indent}  ", lines)
    elif isinstance(value, list) and value:
        lines.append(head)
        _write(value, indent, lines)
    elif isinstance(value, str) and "\n" in value and _is_block(value):
        lines.append(f"{head} |{'' if value.endswith(_LINE_FEED) else '-'}")
        lines += (f"{indent}  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        lines.append(f"{head} {_scalar(value)}")


def _write_item(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, (dict, list)) and value:
        first = len(lines)
        _write(value, f"{indent}  ", lines)
        lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
    else:
        _write_entry(f"{indent}-", value, indent, lines)


def _is_block(text: str) -> bool:
    """Whether a literal block gives `text` again: it has several lines, none of which the block would change."""
    if "\n" not in text.rstrip("\n") or text.endswith("\n\n") or text[0] in " \n\t":
        return False
    return text.replace("\n", "").isprintable() and all(line == line.rstrip() for line in text.split("\n"))


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    if _is_plain(value):
        return value
    if '"' in value and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return "".join(map(_escaped, orjson.dumps(value).decode()))


def _escaped(character: str) -> str:
    """A character of a text in double quotes: JSON allows some that YAML does not."""
    return character if character.isprintable() else f"\\U{ord(character):08x}"


@lru_cache(maxsize=_REMEMBERED)
def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and not text.endswith(" ")
        and not text.startswith(_DASHES)
        and text != "-"
        and not needs_quotes(text)
    )
