"""Names of keys: other spellings of the same one, and the nearest valid one to a misspelt one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

_UNDERSCORED = re.compile(r"_([a-z0-9])")


def camel_case(name: str) -> str:
    """The lowerCamelCase form of a snake_case protobuf field name; any other name as it is."""
    return _UNDERSCORED.sub(lambda match: match[1].upper(), name) if "_" in name else name


def folded(name: str) -> str:
    """The name without what people get wrong in it: case, `_` and `-`."""
    return name.replace("_", "").replace("-", "").lower()


def unknown_key(key: str, valid: Iterable[str]) -> str:
    """The message for an unknown key: the nearest valid one, and all of them."""
    names = list(valid)
    spelt_otherwise = [name for name in names if folded(name) == folded(key)]
    nearest = spelt_otherwise or get_close_matches(key, names, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ";"
    return f"unknown key {key!r}{hint} valid: {', '.join(names)}"


# What is wrong with a configuration: all of it at once, each fault with the place where it stands.

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong (or, as a warning, not honoured): where it stands and what would be valid.

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


class ConfigFaults(ValueError):  # noqa: N818 -- it holds several
    """A configuration that cannot be used; `faults` says everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Hold `faults`; the text of the exception is one line for each."""
        self.faults = tuple(faults)
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
