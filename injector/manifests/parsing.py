"""Files of manifests: the documents in them, each with its own text, and the places of values in a text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from injector.core.yaml.nodes import Collection, Node

_SEPARATOR = re.compile(r"^---(?P<rest>[^\n]*)(?:\n|\Z)", re.MULTILINE)
_BLANK_OR_COMMENT = re.compile(r"\s*(#.*)?\r?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A document's text, with the separator line before it (empty for the first one). `number` counts from 1."""

    separator: str
    text: str
    number: int


def split(text: str) -> Iterator[Piece]:
    """The documents of `text` in order; joined, separators and texts are `text` again.

    Raises ValueError where something other than a comment stands behind a separator (reference section 14).
    """
    number, separator, start = 1, "", 0
    for match in _SEPARATOR.finditer(text):
        if not _BLANK_OR_COMMENT.fullmatch(match["rest"]):
            raise ValueError(
                f"document {number + 1}: only a comment may follow '---' on its line, not {match['rest']!r}"
            )
        yield Piece(separator, text[start : match.start()], number)
        number, separator, start = number + 1, match[0], match.end()
    yield Piece(separator, text[start:], number)


def children(node: Node) -> Sequence[Node]:
    """The nodes directly below `node`, keys included; what an alias stands for is not below it."""
    return node.children if isinstance(node, Collection) else ()
