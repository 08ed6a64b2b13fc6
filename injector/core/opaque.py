"""Texts with holes, which may be copied and joined to others, and nothing else.

What never looked at a text cannot depend on it. So what becomes of a pod with such texts holds for every pod that
differs from it in nothing but what is in the holes.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import takewhile
from operator import eq
from typing import Any, NoReturn

import orjson

# A hole: the mark, and a letter that says which one. Both are from Unicode's private use area, but for A to Z.
MARK = "\ue010"
_FIRST_PLACE, _LAST_PLACE = 0xE100, 0xEFFF
HOLE = re.compile(f"{MARK}([A-Z{chr(_FIRST_PLACE)}-{chr(_LAST_PLACE)}])")
_HOLES, _MARK_LENGTH = re.compile(f"({HOLE.pattern.replace('(', '(?:')})"), 2
MOST_PLACES = _LAST_PLACE - _FIRST_PLACE + 1
# What may be in a hole: names and uids. Each is a label value too.
NAME = "[a-z0-9](?:[-a-z0-9.]{0,61}[a-z0-9])?"
_LONGEST_NAME = 63
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-."
_OF_NAME = frozenset(_CHARACTERS)
# The longest text that a `Part` stands for.
LONGEST_PART = 8 * 1024
# What names and marks are made of.
_OF_NAMES = re.compile(f"[A-Za-z0-9.{MARK}-]|^$")


def letter_of(place: int) -> str:
    """The letter of the hole at `place`, below MOST_PLACES."""
    return chr(_FIRST_PLACE + place)


def places_in(marked: str) -> list[int]:
    """The places of the holes in a text, in their order."""
    return [ord(letter) - _FIRST_PLACE for letter in HOLE.findall(marked)]


class Inspected(BaseException):
    """A text with holes was looked at: its first argument, where it is a text, is the marked one."""


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

    def replace(self, old: str, new: str) -> "Opaque":
        """The text with `new` for each `old`, which no name has a character of. Raises Inspected for any other."""
        if not old or not _OF_NAME.isdisjoint(old):
            raise Inspected(self.marked)
        return self._with_literals(lambda literal: literal.replace(old, new))

    def removesuffix(self, suffix: str) -> "Opaque":
        """The text without this end. Raises Inspected where what is in a hole decides whether it has it."""
        if MARK in _marked(suffix) or len(_HOLES.split(self.marked)[-1]) < len(suffix):
            raise Inspected(self.marked)
        return Opaque(self.marked.removesuffix(suffix))

    def translate(self, table: Any) -> "Opaque":
        """The text with other characters by `table`. Raises Inspected where that changes names."""
        if _CHARACTERS.translate(table) != _CHARACTERS:
            raise Inspected(self.marked)
        return self._with_literals(lambda literal: literal.translate(table))

    def __getitem__(self, part: Any) -> "Opaque":
        """The text itself, where the first characters are asked for, and it has no more. Raises Inspected else."""
        holes = self.marked.count(MARK)
        longest = len(self.marked) + holes * (_LONGEST_NAME - _MARK_LENGTH)
        if type(part) is slice and (part.start, part.step) == (None, None) and longest <= (part.stop or 0):
            return self
        raise Inspected(self.marked)

    def _with_literals(self, changed: Callable[[str], str]) -> "Opaque":
        pieces = _HOLES.split(self.marked)
        pieces[::2] = map(changed, pieces[::2])
        return Opaque("".join(pieces))

    def _equals(self, marked: str) -> bool:
        before = self.marked.partition(MARK)[0]
        if MARK not in marked and not marked.startswith(before):
            return False
        raise Inspected(self.marked + marked)

    def __lt__(self, other: Any) -> bool:
        """Whether the text sorts before `other`. Raises Inspected where what is in their holes decides."""
        own, others = self.marked, _marked(other)
        same = sum(1 for _ in takewhile(bool, map(eq, own, others)))
        if MARK in (own[same - 1 : same], own[same : same + 1], others[same : same + 1]):
            raise Inspected(own + others)
        return own < others

    def _refuse(self, *_: Any) -> NoReturn:
        raise Inspected(self.marked)

    def __hash__(self) -> int:
        """As with any other question."""
        raise Inspected(self.marked)

    __str__ = __repr__ = __format__ = __len__ = __iter__ = __contains__ = _refuse
    __le__ = __gt__ = __ge__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
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


class Watch:
    """What is looked at while one pod stands for all of its shape (see `shapes`).

    `different` are the texts that others were compared with, by the places of these: they equal none of them. While
    `is_rendering` nobody knows what a name is looked up in.
    """

    __slots__ = ("different", "is_rendering")

    def __init__(self) -> None:
        """Nothing yet."""
        self.different: list[tuple[int, Any]] = []
        self.is_rendering = False

    def differs(self, place: int, value: Any, other: Any, marked: str) -> bool:
        """Note that `value` at `place` is not `other`. Raises Inspected where it is."""
        if value == other:
            raise Inspected(marked)
        self.different.append((place, other))
        return False

    def hash_of(self, marked: str) -> int:
        """The hash of a text with a name in it. Raises Inspected where nobody knows what the text is looked up in."""
        if self.is_rendering:
            raise Inspected(marked)
        return hash(marked)


class Text(Opaque):
    """The text of a pod at one place, a NAME: what it is compared with is noted."""

    __slots__ = ("_place", "_value", "_watch")

    def __init__(self, place: int, value: str, watch: Watch) -> None:
        """`value` is that of the pod that stands for the others."""
        super().__init__(MARK + letter_of(place))
        self._place, self._value, self._watch = place, value, watch

    def _equals(self, marked: str) -> bool:
        if MARK in marked:
            raise Inspected(self.marked + marked)
        return self._watch.differs(self._place, self._value, marked, self.marked)


class ItemName(Text):
    """The name of a container or volume, each of which has another one than the others of the pod.

    It may be a key where it is known what it is looked up in, as may be a text around it.
    """

    __slots__ = ()

    def __add__(self, other: Any) -> Opaque:
        """The name, and `other` behind it."""
        return _AroundName(self.marked + _marked(other), self._watch)

    def __radd__(self, other: Any) -> Opaque:
        """`other`, and the name behind it."""
        return _AroundName(_marked(other) + self.marked, self._watch)

    def __hash__(self) -> int:
        """That of the name with its hole."""
        return self._watch.hash_of(self.marked)


class _AroundName(Opaque):
    """A text around the name of a container or volume."""

    __slots__ = ("_watch",)

    def __init__(self, marked: str, watch: Watch) -> None:
        super().__init__(marked)
        self._watch = watch

    def __add__(self, other: Any) -> Opaque:
        return _AroundName(self.marked + _marked(other), self._watch)

    def __hash__(self) -> int:
        return self._watch.hash_of(self.marked)


class Part:
    """What stands at one place of a pod, of which its type is known, and whether it is empty; with `is_sized` its size.

    Whatever else is asked of it raises Inspected. It never becomes part of an answer.
    """

    __slots__ = ("_is_sized", "_place", "_value", "_watch")

    def __init__(self, place: int, value: Any, watch: Watch, *, is_sized: bool) -> None:
        """`value` is that of the pod that stands for the others."""
        self._place, self._value, self._watch, self._is_sized = place, value, watch, is_sized

    @property
    def marked(self) -> str:
        """The hole that stands for it."""
        return MARK + letter_of(self._place)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What `isinstance` and all who compare types get to know."""
        return type(self._value)

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._value)

    def __len__(self) -> int:
        """Its size. Raises Inspected where that is not known."""
        if not self._is_sized:
            raise Inspected(self.marked, "size")
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        """Whether it is `other`, which is not so for any pod. Raises Inspected where it is."""
        if self is other:
            return True
        if type(other) not in _COMPARED:
            raise Inspected(self.marked)
        return self._watch.differs(self._place, self._value, other, self.marked)

    def _refuse(self, *_: Any) -> NoReturn:
        raise Inspected(self.marked)

    def __hash__(self) -> int:
        """As with any other question."""
        raise Inspected(self.marked)

    __str__ = __repr__ = __format__ = __iter__ = __contains__ = __getitem__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __or__ = __ror__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = __index__ = __getattr__ = _refuse


# What a part is compared with as a whole, of which there is nothing to be looked up.
_COMPARED = frozenset((str, int, float, bool, type(None)))


def _marked(text: Any) -> str:
    if type(text) is str:
        return text
    if issubclass(type(text), Opaque):
        return text.marked  # type: ignore[no-any-return]
    raise Inspected(text.marked if type(text) is Part else type(text))


def joined(values: Collection[Any], between: str) -> str:
    """The values as one text, `between` them; what is no text is written as Python does."""
    texts = [_marked(value if isinstance(value, str) else str(value)) for value in values]
    marked = between.join(texts)
    return Opaque(marked) if MARK in marked else marked  # type: ignore[return-value]


def json_text(value: Any, *, is_sorted: bool = False) -> str:
    """The JSON of a value, with the holes of its texts: what may be in them needs no escapes.

    `is_sorted`: with sorted keys, of which those of `value` itself may have holes. Raises TypeError for what JSON does
    not have, Inspected where the order depends on what is in the holes.
    """
    option = orjson.OPT_SORT_KEYS if is_sorted else None
    try:
        return orjson.dumps(value, option=option).decode()
    except TypeError:
        if is_sorted:
            sorted(value)  # compares the keys, each of which is a text
        return Opaque(orjson.dumps(marked_json(value), option=option).decode())  # type: ignore[return-value]


def marked_json(value: Any) -> Any:
    """A JSON value with marks in place of its holes. Raises TypeError for what JSON does not have."""
    kind = type(value)
    if issubclass(kind, Opaque) or kind is Part:
        return _marked(value)
    if isinstance(value, dict):
        return {_marked(key): marked_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [marked_json(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"no JSON is known for a {kind.__name__}")


def most_characters(texts: Collection[str]) -> int:
    """How many characters some texts have together, at most where they have holes."""
    try:
        return len("".join(texts))
    except TypeError:  # some have holes
        return sum(map(_most_characters, texts))


def _most_characters(text: Any) -> int:
    if type(text) is Part:
        return LONGEST_PART
    return len(_marked(text)) + _LONGEST_NAME * _marked(text).count(MARK)


def literal_texts(value: Any) -> Iterator[str]:
    """The texts without holes in a JSON value, the keys of mappings among them."""
    if isinstance(value, dict):
        yield from literal_texts(list(value))
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from literal_texts(item)
    elif type(value) is str:
        yield value


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
