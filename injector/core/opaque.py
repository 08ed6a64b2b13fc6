"""Texts with holes, which may be copied and joined to others, and nothing else.

What never looked at a text cannot depend on it. So what becomes of a pod with such texts holds for every pod that
differs from it in nothing but what is in the holes.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

import orjson

# A hole: the mark, and a letter that says which one. The mark is from Unicode's private use area.
MARK = "\ue010"
HOLE = re.compile(f"{MARK}([A-Z])")
# What may be in a hole: names and uids. Each is a label value too.
NAME = "[a-z0-9](?:[-a-z0-9.]{0,61}[a-z0-9])?"
_LONGEST_NAME = 63
# What names and marks are made of.
_OF_NAMES = re.compile(f"[A-Za-z0-9.{MARK}-]|^$")


class Inspected(BaseException):
    """A text with holes was looked at."""


class Opaque:
    """A text with holes, of which nothing is known but that it is a string, and not an empty one.

    It equals a text with the same holes between the same literals. Whatever else is asked of it raises Inspected, or
    TypeError where C code insists on a real string.
    """

    __slots__ = ("marked",)

    def __init__(self, marked: str) -> None:
        """`marked` has the mark and a letter in place of each hole."""
        self.marked = marked

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What `isinstance` and all who compare types get to know."""
        return str

    def __add__(self, other: Any) -> "Opaque":
        """The text, and `other` behind it."""
        return Opaque(self.marked + _marked(other))

    def __radd__(self, other: Any) -> "Opaque":
        """`other`, and the text behind it."""
        return Opaque(_marked(other) + self.marked)

    def __bool__(self) -> bool:
        """No hole is empty."""
        return True

    def __eq__(self, other: object) -> bool:
        """True for the same text, false for what is none. Raises Inspected for any other."""
        if not isinstance(other, str):
            return False
        return self.marked == _marked(other) or self._equals(_marked(other))

    def count(self, part: str) -> int:
        """How often `part` stands in the text, which no name has a character of. Raises Inspected for any other."""
        if _OF_NAMES.search(part):
            raise Inspected(self.marked)
        return self.marked.count(part)

    def _equals(self, marked: str) -> bool:
        raise Inspected(marked)

    def _refuse(self, *_: Any) -> NoReturn:
        raise Inspected(self.marked)

    def __hash__(self) -> int:
        """As with any other question."""
        raise Inspected(self.marked)

    __str__ = __repr__ = __format__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __int__ = __float__ = __index__ = __getattr__ = _refuse


class Nonce(Opaque):
    """A name that the API server made of a prefix and random characters: it equals no text without this prefix.

    Such names may be keys of mappings, as long as nobody `may_know` of texts with this prefix.
    """

    __slots__ = ("_may_know", "_prefix")

    def __init__(self, marked: str, prefix: str, may_know: Callable[[], bool]) -> None:
        """The name `marked`, which begins with `prefix`."""
        super().__init__(marked)
        self._prefix, self._may_know = prefix, may_know

    def _equals(self, marked: str) -> bool:
        if marked.startswith((self._prefix, MARK)):
            raise Inspected(marked)
        return False

    def __hash__(self) -> int:
        """That of the name with its hole."""
        if self._may_know():
            raise Inspected(self.marked)
        return hash(self.marked)


def is_name(text: Any) -> bool:
    """Whether a text is nothing but a hole, and so a NAME."""
    return issubclass(type(text), Opaque) and HOLE.fullmatch(text.marked) is not None


def _marked(text: Any) -> str:
    if type(text) is str:
        return text
    if issubclass(type(text), Opaque):
        return text.marked  # type: ignore[no-any-return]
    raise Inspected(type(text))


def json_text(value: Any) -> str:
    """The JSON of a value, with the holes of its texts: what may be in them needs no escapes.

    Raises TypeError for what JSON does not have.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return Opaque(orjson.dumps(value, default=_as_json).decode())  # type: ignore[return-value]


def _as_json(value: Any) -> str:
    if issubclass(type(value), Opaque):
        return value.marked  # type: ignore[no-any-return]
    raise TypeError(f"no JSON is known for a {type(value).__name__}")


def most_characters(texts: Collection[str]) -> int:
    """How many characters some texts have together, at most where they have holes."""
    return sum(len(_marked(text)) + _LONGEST_NAME * _marked(text).count(MARK) for text in texts)


def filled(value: Any, texts: Mapping[str, str]) -> Any:
    """A JSON value with the text of each letter in its holes."""
    if isinstance(value, dict):
        return {key: filled(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, texts) for item in value]
    return filled_text(value.marked, texts) if issubclass(type(value), Opaque) else value


def filled_text(marked: str, texts: Mapping[str, str]) -> str:
    """A text with the text of each letter in its holes."""
    return HOLE.sub(lambda hole: texts[hole[1]], marked) if MARK in marked else marked
