"""How Go prints values: `print`, `println`, `printf`, quoting, and what an action writes.

Source: the verbs and flags of https://pkg.go.dev/fmt
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import isinf, isnan
from typing import Any, NamedTuple

from injector.core.render.go.values import Enum, GoError, NilPointer, Struct, is_nil, type_name

_WIDEST = 10_000
_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}
_SPECIAL_CHARACTER = re.compile(r'["\\]|[^ -~]')
_VERB = re.compile(
    r"%(?P<flags>[+\-# 0]*)(?:(?P<star>\*)|(?P<width>[0-9]+))?"
    r"(?P<point>\.(?:(?P<precise_star>\*)|(?P<precision>[0-9]*)))?(?:\[(?P<index>[0-9]+)\])?(?P<verb>.)?",
    re.DOTALL,
)
_LARGEST_BYTE, _LARGEST_SHORT, _LAST_CODE_POINT = 0x7F, 0xFFFF, 0x10FFFF
_SMALL_EXPONENT, _LARGE_EXPONENT = -4, 6


def written(value: Any) -> str:
    """What an action writes for a value."""
    return "<no value>" if value is None else sprint(value)


def sprint(value: Any) -> str:
    """The value as `%v` has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return _number_text(value)
    return "<nil>" if is_nil(value) else _composite(value, sprint)


def _number_text(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value.name
    return float_text(value) if isinstance(value, float) else str(value)


def _composite(value: Any, item: Callable[[Any], str]) -> str:
    if type(value) is Struct:
        as_text = value.type.methods.get("String")
        if as_text is not None:
            return str(as_text(value))
        data = value.data or {}
        return "{" + " ".join(item(each.read(data.get(each.key))) for each in value.type.fields.values()) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{item(key)}:{item(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(item, value)) + "]"
    raise GoError(f"can't print a value of type {type_name(value)}")


def printed(*values: Any) -> str:
    """`print`: the values, a space between two neither of which is text."""
    pieces: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            pieces.append(" ")
        pieces.append(sprint(value))
    return _joined(pieces)


def printed_line(*values: Any) -> str:
    """`println`: the values with spaces between them, and a line break."""
    return " ".join(map(sprint, values)) + "\n"


def quoted(text: str) -> str:
    """The text in double quotes, as Go writes it in its sources (`%q`)."""
    return '"' + _SPECIAL_CHARACTER.sub(_escaped, text) + '"'


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code <= _LARGEST_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LARGEST_SHORT else f"\\U{code:08x}"


def float_text(value: float) -> str:
    """The number with as few digits as tell it from all others (`%g`)."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    point = len(digits) + int(exponent) - 1
    text = "".join(map(str, digits))
    if point < _SMALL_EXPONENT or point >= _LARGE_EXPONENT:
        shown = f"{text[0]}{'.' if len(text) > 1 else ''}{text[1:]}e{'-' if point < 0 else '+'}{abs(point):02d}"
    else:
        shown = f"{Decimal(repr(abs(value))):f}".removesuffix(".0")
    return f"-{shown}" if sign else shown


class _Verb(NamedTuple):
    """A verb of a format with its flags."""

    letter: str
    flags: str
    width: int
    precision: int | None

    def padded(self, text: str, *, is_number: bool = False) -> str:
        if len(text) >= self.width:
            return text
        if "-" in self.flags:
            return text.ljust(self.width)
        if "0" in self.flags:
            if is_number and text[0] in "+-":
                return text[0] + text[1:].rjust(self.width - 1, "0")
            return text.rjust(self.width, "0")
        return text.rjust(self.width)


def sprintf(template: Any, *values: Any) -> str:
    """`printf`: the format with the values in it. Raises GoError for a width that no document needs."""
    if not isinstance(template, str):
        raise GoError(f"printf: expected string; got {type_name(template)}")
    return _joined([piece for piece in _formatted(template, values) if piece])


def _joined(pieces: Sequence[str]) -> str:
    """The pieces as one text; a single one stays what it is, as does YAML that a function wrote."""
    return pieces[0] if len(pieces) == 1 else "".join(pieces)


def _formatted(template: str, values: Sequence[Any]) -> Iterator[str]:
    arguments, position = _Arguments(values), 0
    for match in _VERB.finditer(template):
        yield template[position : match.start()]
        position = match.end()
        flags, width, precision, problem = arguments.measures(match)
        yield problem
        letter = match["verb"]
        if letter is None:
            yield "%!(NOVERB)"
        elif letter == "%":
            yield "%"
        elif match["index"] and not arguments.jump(int(match["index"])):
            yield f"%!{letter}(BADINDEX)"
        elif arguments.are_used_up:
            yield f"%!{letter}(MISSING)"
        else:
            yield _one(_Verb(letter, flags, width, precision), arguments.take())
    yield template[position:]
    yield arguments.extra()


class _Arguments:
    """The values that a format asks for, one after the other, or by number."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values, self._used, self._jumped = values, 0, False

    @property
    def are_used_up(self) -> bool:
        return self._used >= len(self._values)

    def take(self) -> Any:
        self._used += 1
        return self._values[self._used - 1] if self._used <= len(self._values) else None

    def jump(self, number: int) -> bool:
        """Go on with value `number`, counted from 1; whether there is one."""
        if 1 <= number <= len(self._values):
            self._jumped, self._used = True, number - 1
            return True
        self._jumped = True
        return False

    def measures(self, match: re.Match[str]) -> tuple[str, int, int | None, str]:
        """Flags, width and precision of a verb, and what is wrong with them."""
        flags, width, problem = match["flags"], _bounded(match["width"] or "0"), ""
        precision = None if match["point"] is None else _bounded(match["precision"] or "0")
        if match["star"]:
            given = self.take()
            if type(given) is int:
                flags, width = flags + "-" * (given < 0), _bounded(str(abs(given)))
            else:
                problem = "%!(BADWIDTH)"
        if match["precise_star"]:
            given = self.take()
            if type(given) is int and given >= 0:
                precision = _bounded(str(given))
            else:
                precision, problem = None, problem + "%!(BADPREC)"
        return flags, width, precision, problem

    def extra(self) -> str:
        """What is said of values that nothing asked for."""
        left = self._values[self._used :]
        if not left or self._jumped:
            return ""
        shown = ("<nil>" if each is None else f"{type_name(each)}={sprint(each)}" for each in left)
        return f"%!(EXTRA {', '.join(shown)})"


def _bounded(text: str) -> int:
    # Before the text becomes a number: it may have thousands of digits.
    if len(text) > len(str(_WIDEST)) or int(text) > _WIDEST:
        raise GoError(f"printf: a width or precision of over {_WIDEST}")
    return int(text)


def _one(verb: _Verb, value: Any) -> str:
    if verb.letter == "T":
        return verb.padded("<nil>" if value is None else type_name(value))
    if verb.letter == "v":
        return _default(verb, value)
    if isinstance(value, Enum) and verb.letter in "sq":
        value = value.name
    if type(value) is Struct and verb.letter in "sqxX" and "String" in value.type.methods:
        value = sprint(value)
    for kind, (letters, write) in _WRITERS.items():
        if isinstance(value, kind) and not (isinstance(value, bool) and kind is int):
            return write(verb, value) if verb.letter in letters else _bad(verb, value)
    if value is None or isinstance(value, NilPointer) or is_nil(value):
        return f"%!{verb.letter}(<nil>)" if value is None else _bad(verb, value)
    return _composite(value, lambda item: _one(verb, item))


def _default(verb: _Verb, value: Any) -> str:
    verb = verb._replace(letter="v", flags=verb.flags.replace("+", "") if verb.letter == "v" else verb.flags)
    if isinstance(value, str):
        return _of_text(verb._replace(letter="q" if "#" in verb.flags else "s"), value)
    if isinstance(value, float):
        return _of_float(verb._replace(letter="g"), value)
    if isinstance(value, int) and not isinstance(value, (bool, Enum)):
        return _of_integer(verb._replace(letter="d"), value)
    has_text = isinstance(value, int) or is_nil(value) or (type(value) is Struct and "String" in value.type.methods)
    return verb.padded(sprint(value)) if has_text else _composite(value, lambda item: _default(verb, item))


def _bad(verb: _Verb, value: Any) -> str:
    return f"%!{verb.letter}({type_name(value)}={_default(verb, value)})"


def _signed(verb: _Verb, text: str, value: float) -> str:
    if value < 0 or text.startswith("+"):
        return text
    return "+" + text if "+" in verb.flags else " " + text if " " in verb.flags else text


def _of_text(verb: _Verb, value: str) -> str:
    text = value if verb.precision is None else value[: verb.precision]
    if verb.letter == "q":
        text = f"`{text}`" if "#" in verb.flags and "`" not in text else quoted(text)
    elif verb.letter in "xX":
        octets = text.encode()
        text = octets.hex(" ") if " " in verb.flags and octets else octets.hex()
        text = text.upper() if verb.letter == "X" else text
    return verb.padded(text)


def _of_integer(verb: _Verb, value: int) -> str:
    if verb.letter in "cq":
        character = chr(value) if 0 <= value <= _LAST_CODE_POINT else "\ufffd"
        return verb.padded(character if verb.letter == "c" else f"'{quoted(character)[1:-1]}'")
    if verb.letter == "U":
        return verb.padded(f"U+{value:04X}")
    digits = format(abs(value), {"O": "o"}.get(verb.letter, verb.letter))
    if verb.precision is not None:
        digits = digits.rjust(verb.precision, "0")
        verb = verb._replace(flags=verb.flags.replace("0", ""))
    if "#" in verb.flags or verb.letter == "O":
        digits = {"x": "0x", "X": "0X", "o": "0", "O": "0o", "b": "0b"}.get(verb.letter, "") + digits
    return verb.padded(_signed(verb, f"-{digits}" if value < 0 else digits, value), is_number=True)


def _of_float(verb: _Verb, value: float) -> str:
    if (verb.letter in "gG" and verb.precision is None) or isinf(value) or isnan(value):
        text = float_text(value)
    else:
        text = f"{value:.{6 if verb.precision is None else verb.precision}{verb.letter.lower()}}"
    text = text.upper() if verb.letter.isupper() and verb.letter != "F" else text
    return verb.padded(_signed(verb, text, value), is_number=True)


_WRITERS: Mapping[type, tuple[str, Callable[[_Verb, Any], str]]] = {
    str: ("sqxX", _of_text),
    bool: ("t", lambda verb, value: verb.padded("true" if value else "false")),
    int: ("dbcoOqxXU", _of_integer),
    float: ("eEfFgG", _of_float),
}
