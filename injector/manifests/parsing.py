"""Files of manifests: the documents in them, each with its own text, and what a text says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from injector.core.yaml.json_text import NotJsonError, parse_json
from injector.core.yaml.nodes import Collection, Node, YamlError, compose
from injector.core.yaml.reader import value_of

_SEPARATOR = re.compile(r"^---(?P<rest>[^\n]*)(?:\n|\Z)", re.MULTILINE)
_BLANK_OR_COMMENT = re.compile(r"\s*(#.*)?\r?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A document's text, with the separator line before it (empty for the first one).

    `number` counts documents from 1, `line` is the line of the file on which the text begins.
    """

    separator: str
    text: str
    number: int
    line: int

    def fault(self, error: ValueError) -> str:
        """What `error` says is wrong in the text, with the document and the line of the file."""
        problem = f"line {self.line + error.line - 1}: {error.problem}" if isinstance(error, YamlError) else str(error)
        return f"document {self.number}: {problem}"


def split(text: str) -> Iterator[Piece]:
    """The documents of `text` in order; joined, separators and texts are `text` again.

    Raises ValueError where something other than a comment stands behind a separator (reference section 14).
    """
    number, line, separator, start = 1, 1, "", 0
    for match in _SEPARATOR.finditer(text):
        if not _BLANK_OR_COMMENT.fullmatch(match["rest"]):
            line += text.count("\n", start, match.start())
            raise ValueError(
                f"document {number + 1}: line {line}: only a comment may follow '---', got {match['rest'][:80]!r}"
            )
        yield Piece(separator, text[start : match.start()], number, line)
        line += text.count("\n", start, match.end())
        number, separator, start = number + 1, match[0], match.end()
    yield Piece(separator, text[start:], number, line)


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """The text of a document, and the value that it stands for.

    `root` has the places of values in the text; it is None for JSON, and where the text holds nothing but comments.
    """

    text: str
    value: Any
    root: Node | None


def read(text: str) -> Manifest:
    """The document `text` as kubectl reads it: JSON where it is a JSON object, else YAML. Raises ValueError."""
    try:
        return Manifest(text, parse_json(text), None)
    except NotJsonError:
        root = compose(text)
        return Manifest(text, None if root is None else value_of(root), root)


def children(node: Node) -> Sequence[Node]:
    """The nodes directly below `node`, keys included; what an alias stands for is not below it."""
    return node.children if isinstance(node, Collection) else ()
