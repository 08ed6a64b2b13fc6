"""Regular expressions in Go's syntax, in time that grows with the text alone: RE2, of which Go's are a translation.

Source: https://pkg.go.dev/regexp and http://masterminds.github.io/sprig/strings.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import re2
from jinja2.exceptions import SecurityError

from injector.core.render.go.sprig_text import text, whole
from injector.core.render.go.values import GoError
from injector.core.render.limits import MAXIMUM_TEXT

_LONGEST_PATTERN = 1_000
# Each match takes as long as a whole small template.
_MOST_MATCHES = 10_000
_MEMORY = 1 << 20
_REFERENCE = re.compile(rb"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<braced>\w+)\})")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


def _compiled(pattern: str) -> Any:
    if len(pattern) > _LONGEST_PATTERN:
        raise GoError(f"a regular expression of more than {_LONGEST_PATTERN} characters")
    options = re2.Options()
    options.max_mem, options.log_errors = _MEMORY, False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise GoError(f"regular expression {pattern[:80]!r}: {_message(error)}") from error


def _message(error: Exception) -> str:
    reason = error.args[0] if error.args else "not valid"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _matches(pattern: Any, value: Any, most: int = -1) -> Iterator[Any]:
    """The matches that do not overlap; an empty one right behind another does not count, as in Go."""
    expression, octets = _compiled(text(pattern)), text(value).encode()
    position, end, count = 0, -1, 0
    while position <= len(octets) and count != most:
        match = expression.search(octets, position)
        if match is None:
            return
        is_empty = match.start() == match.end()
        if not (is_empty and match.start() == end):
            count += 1
            if count > _MOST_MATCHES:
                raise SecurityError(f"a regular expression matches more than {_MOST_MATCHES:,} times")
            yield match
        end = match.end()
        position = end if not is_empty else end + _width(octets, end)


def _width(octets: bytes, position: int) -> int:
    """How many bytes the character at `position` has."""
    width = 1
    while position + width < len(octets) and octets[position + width] & 0xC0 == 0x80:  # noqa: PLR2004 -- UTF-8
        width += 1
    return width


def _replaced(pattern: Any, value: Any, replacement: Callable[[Any], bytes]) -> str:
    octets, pieces, position, length = text(value).encode(), [], 0, 0
    for match in _matches(pattern, value):
        pieces += [octets[position : match.start()], replacement(match)]
        length += len(pieces[-1])
        if length > MAXIMUM_TEXT:
            raise SecurityError(f"a replacement gives more than {MAXIMUM_TEXT} characters")
        position = match.end()
    return b"".join([*pieces, octets[position:]]).decode(errors="replace")


def _expanded(template: bytes) -> Callable[[Any], bytes]:
    def expand(match: Any) -> bytes:
        return _REFERENCE.sub(lambda reference: _group(match, reference), template)

    return expand


def _group(match: Any, reference: re.Match[bytes]) -> bytes:
    if reference["dollar"]:
        return b"$"
    name = (reference["bare"] or reference["braced"]).decode()
    groups, named = match.groups(), match.groupdict()
    if name.isdecimal():
        number = int(name[:10])
        found = match.group(0) if number == 0 else groups[number - 1] if number <= len(groups) else None
    else:
        found = named.get(name)
    return found or b""


def _split(pattern: Any, value: Any, count: Any) -> list[str]:
    octets, most = text(value).encode(), whole(count)
    if most == 0:
        return []
    if text(pattern) and not octets:
        return [""]
    pieces: list[bytes] = []
    begin = end = 0
    for match in _matches(pattern, value):
        if 0 < most == len(pieces) + 1:
            break
        end = match.start()
        if match.end():
            pieces.append(octets[begin:end])
        begin = match.end()
    if end != len(octets):
        pieces.append(octets[begin:])
    return [piece.decode(errors="replace") for piece in pieces]


def _found(pattern: Any, value: Any) -> str:
    return next((match.group(0).decode(errors="replace") for match in _matches(pattern, value, 1)), "")


def _all_found(pattern: Any, value: Any, count: Any) -> list[str]:
    return [match.group(0).decode(errors="replace") for match in _matches(pattern, value, whole(count))]


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "regexMatch": lambda pattern, value: any(True for _ in _matches(pattern, value, 1)),
    "regexFind": _found,
    "regexFindAll": _all_found,
    "regexReplaceAll": lambda pattern, value, by: _replaced(pattern, value, _expanded(text(by).encode())),
    "regexReplaceAllLiteral": lambda pattern, value, by: _replaced(pattern, value, lambda _: text(by).encode()),
    "regexSplit": _split,
}

REGULAR_EXPRESSION_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **_FUNCTIONS,
    **{f"mustR{name[1:]}": function for name, function in _FUNCTIONS.items()},
    "regexQuoteMeta": lambda value: _SPECIAL.sub(lambda match: "\\" + match[0], text(value)),
}
"""By the names that templates use."""
