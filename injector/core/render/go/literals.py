"""What the constants in a Go template are worth: quoted texts, characters and numbers, as Go spells them."""

import re

from jinja2 import TemplateSyntaxError

from injector.core.render.go.lexer import Token

_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LARGEST_BYTE = 0xFF
_OLD_OCTAL = re.compile(r"([+-]?)0([0-7_]+)$")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def text_of(token: Token) -> str:
    """The text that a quoted token stands for. Raises TemplateSyntaxError for an escape that Go does not know."""
    if token.kind == "raw":
        return token.text[1:-1].replace("\r", "")
    return _unescaped(token, token.text[1:-1]).decode(errors="replace")


def number_of(token: Token) -> int | float:
    """The number that a token stands for; a character is its code point. Raises TemplateSyntaxError."""
    if token.kind == "char":
        characters = _unescaped(token, token.text[1:-1]).decode(errors="replace")
        if len(characters) != 1:
            raise TemplateSyntaxError(f"malformed character constant: {token.text}", token.line)
        return ord(characters)
    number = _integer(token.text)
    if number is None:
        return _float(token)
    if not _SMALLEST <= number <= _LARGEST:
        raise TemplateSyntaxError(f"integer overflow: {token.text}", token.line)
    return number


def _unescaped(token: Token, quoted: str) -> bytes:
    def replaced(match: re.Match[str]) -> str:
        simple, octal, byte, short, long, other = match.groups()
        if simple:
            return _SIMPLE.get(simple, simple)
        if octal or byte:
            code = int(octal, 8) if octal else int(byte, 16)
            if code <= _LARGEST_BYTE:
                # A byte of a text in UTF-8, kept apart from characters until all are there.
                return bytes([code]).decode(errors="surrogateescape")
        elif not other and int(short or long, 16) <= 0x10FFFF:  # noqa: PLR2004 -- the last code point of Unicode
            return chr(int(short or long, 16))
        raise TemplateSyntaxError(f"invalid escape {match[0]!r} in {token.text}", token.line)

    return _ESCAPE.sub(replaced, quoted).encode(errors="surrogateescape")


def _integer(text: str) -> int | None:
    old_octal = _OLD_OCTAL.match(text)
    if old_octal:
        text = f"{old_octal[1]}0o{old_octal[2]}"
    try:
        return int(text, 0)
    except ValueError:
        return None


def _float(token: Token) -> float:
    text = token.text.replace("_", "")
    try:
        return float.fromhex(text) if "x" in text.lower() else float(text)
    except (ValueError, OverflowError) as error:
        raise TemplateSyntaxError(f"bad number syntax: {token.text!r}", token.line) from error
