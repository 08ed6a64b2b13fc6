"""Sprig's functions for text (http://masterminds.github.io/sprig/strings.html).

Texts are cut by bytes, as Go does; a character that is cut in two becomes the replacement character.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2.exceptions import SecurityError

from injector.core.render.go.formatting import quoted, sprint
from injector.core.render.go.values import GoError, StringMap, YamlText, type_name
from injector.core.render.limits import MAXIMUM_TEXT

_LEAST_ABBREVIATION, _LEAST_BOTH_ENDS = 4, 7
_CONNECTORS = re.compile(r"[-_\s]")
_SPACES = re.compile(r"\s+")
_WORDS = re.compile(r"\s*(\S)\S*")
_GO_SPACES = " \t\n\v\f\r\u0085\u00a0"


def text(value: Any) -> str:
    """The text that a function was given. Raises GoError for anything else."""
    if isinstance(value, str):
        return value
    raise GoError(f"expected string; got {type_name(value)}")


def whole(value: Any) -> int:
    """The integer that a function was given. Raises GoError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        # A constant such as 1e3 is an integer where one is asked for.
        return int(value)
    raise GoError(f"expected integer; got {type_name(value)}")


def strings(value: Any) -> list[str]:
    """The values of a list as texts, without nils; of anything else its own text."""
    if isinstance(value, (list, tuple)):
        return [sprint(each) for each in value if each is not None]
    return [] if value is None else [sprint(value)]


def quote(*values: Any) -> str:
    """The values in double quotes, nils left out."""
    if len(values) == 1 and isinstance(values[0], str):
        return quoted(values[0])
    return " ".join([quoted(sprint(each)) for each in values if each is not None])


def single_quote(*values: Any) -> str:
    """The values in single quotes, nils left out."""
    return " ".join([f"'{sprint(each)}'" for each in values if each is not None])


def cat(*values: Any) -> str:
    """The values with spaces between them, nils left out."""
    return " ".join([sprint(each) for each in values if each is not None])


def nindent(spaces: Any, lines: Any) -> str:
    """The lines indented, on a line of their own."""
    pad = " " * _bounded_width(spaces)
    indented = "\n" + pad + text(lines).replace("\n", "\n" + pad)
    return lines.respaced(indented) if isinstance(lines, YamlText) else indented


def trim(value: Any) -> str:
    """The text without spaces and line breaks at its ends."""
    trimmed = text(value).strip()
    return value.respaced(trimmed) if isinstance(value, YamlText) else trimmed


def trim_suffix(suffix: Any, value: Any) -> str:
    """The text without `suffix` at its end."""
    shorter = text(value).removesuffix(text(suffix))
    return value.respaced(shorter) if isinstance(value, YamlText) and not suffix.strip() else shorter


def trim_all(characters: Any, value: Any) -> str:
    """The text without any of `characters` at its ends."""
    trimmed = text(value).strip(text(characters)) if characters else text(value)
    return value.respaced(trimmed) if isinstance(value, YamlText) and not characters.strip() else trimmed


def _bounded_width(spaces: Any) -> int:
    width = whole(spaces)
    if not 0 <= width <= MAXIMUM_TEXT:
        raise GoError(f"an indentation of {width} spaces")
    return width


def repeat(count: Any, value: Any) -> str:
    """The text so many times."""
    times, repeated = whole(count), text(value)
    if times < 0:
        raise GoError("repeat: negative count")
    if times * len(repeated) > MAXIMUM_TEXT:
        raise SecurityError(f"repeat gives more than {MAXIMUM_TEXT} characters")
    return repeated * times


def replace(old: Any, new: Any, value: Any) -> str:
    """The text with `new` in place of every `old`."""
    given, found, put = text(value), text(old), text(new)
    if given.count(found) * (len(put) - len(found)) + len(given) > MAXIMUM_TEXT:
        raise SecurityError(f"replace gives more than {MAXIMUM_TEXT} characters")
    return given.replace(found, put)


def trunc(count: Any, value: Any) -> str:
    """The first `count` bytes of the text, or the last ones where it is negative."""
    octets, most = text(value).encode(), whole(count)
    if most < 0:
        return octets[most:].decode(errors="replace") if len(octets) + most > 0 else str(value)
    return octets[:most].decode(errors="replace") if len(octets) > most else str(value)


def substring(begin: Any, end: Any, value: Any) -> str:
    """The bytes from `begin` up to `end`. Raises GoError where there are fewer."""
    octets, first, last = text(value).encode(), whole(begin), whole(end)
    if first < 0:
        first = 0
    elif last < 0 or last > len(octets):
        last = len(octets)
    if not first <= last <= len(octets):
        raise GoError(f"slice bounds out of range [{first}:{last}]")
    return octets[first:last].decode(errors="replace")


def split(separator: Any, value: Any) -> StringMap:
    """The parts of the text as `_0`, `_1` and so on."""
    return StringMap({f"_{number}": part for number, part in enumerate(split_list(separator, value))})


def split_list(separator: Any, value: Any) -> list[str]:
    """The parts of the text between separators; without one its characters."""
    return text(value).split(separator) if text(separator) else list(text(value))


def splitn(separator: Any, count: Any, value: Any) -> StringMap:
    """The first parts of the text as `_0`, `_1` …, the rest in the last."""
    most = whole(count)
    if most == 0:
        return StringMap()
    if not text(separator):
        characters = list(text(value))
        kept = characters if most < 0 else [*characters[: most - 1], "".join(characters[most - 1 :])]
        return StringMap({f"_{number}": part for number, part in enumerate(filter(None, kept))})
    parts = text(value).split(separator, most - 1 if most > 0 else -1)
    return StringMap({f"_{number}": part for number, part in enumerate(parts)})


def join(separator: Any, values: Any) -> str:
    """The values of a list as one text. Raises SecurityError where that grows too long."""
    parts, between = strings(values), text(separator)
    if sum(map(len, parts)) + len(between) * len(parts) > MAXIMUM_TEXT:
        raise SecurityError(f"join gives more than {MAXIMUM_TEXT} characters")
    return between.join(parts)


def abbreviate(width: Any, value: Any) -> str:
    """The text cut to `width`, ended by three dots."""
    if whole(width) < _LEAST_ABBREVIATION:
        return text(value)
    return abbreviate_both(0, width, value)


def abbreviate_both(left: Any, right: Any, value: Any) -> str:
    """The text from about `left`, cut to `right`, with three dots where something is left out."""
    begin, width, full = whole(left), whole(right), text(value)
    if width < _LEAST_ABBREVIATION or (begin > 0 and width < _LEAST_BOTH_ENDS) or len(full) <= width:
        return full
    begin = min(begin, len(full))
    if len(full) - begin < width - 3:
        begin = len(full) - (width - 3)
    if begin <= _LEAST_ABBREVIATION:
        return full[: width - 3] + "..."
    if width - 3 < len(full) - begin:
        rest = full[begin:]
        return "..." + (rest if len(rest) <= width - 3 else rest[: width - 6] + "...")
    return "..." + full[len(full) - (width - 3) :]


def initials(value: Any) -> str:
    """The first letters of the words."""
    return "".join(_WORDS.findall(text(value)))


def title(value: Any) -> str:
    """The text with a capital at the beginning of each word."""
    return re.sub(r"(?:^|(?<=[^\w']))\w", lambda match: match[0].title(), text(value))


def untitle(value: Any) -> str:
    """The text with a small letter at the beginning of each word."""
    return re.sub(r"(?:^|(?<=\s))\S", lambda match: match[0].lower(), text(value))


def swap_case(value: Any) -> str:
    """The text with capitals as small letters, and the other way round."""
    return text(value).swapcase()


def camel_case(value: Any) -> str:
    """The words of the text joined, each with a capital."""
    given = text(value)
    leading = len(given) - len(given.lstrip("-_ \t\r\n"))
    words = [word for word in _CONNECTORS.split(given[leading:]) if word]
    return given[:leading] + "".join(_pascal(word) for word in words)


def _pascal(word: str) -> str:
    # Capitals that follow a capital at the beginning become small: HTTPServer is Httpserver.
    capitals = len(word) - len(word.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return word[:1].upper() + word[1:capitals].lower() + word[max(capitals, 1) :]


def _separated(connector: str) -> Callable[[Any], str]:
    boundary = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-zA-Z])(?=[0-9]+[a-z])")

    def separated(value: Any) -> str:
        return _CONNECTORS.sub(connector, boundary.sub(connector, text(value))).lower()

    return separated


def wrap(width: Any, value: Any) -> str:
    """The text in lines of at most `width`, broken at spaces; a longer word stays whole."""
    return _wrapped(text(value), max(whole(width), 1), "\n", cuts_words=False)


def wrap_with(width: Any, separator: Any, value: Any) -> str:
    """The text in pieces of at most `width`, the separator between them; a longer word is cut."""
    return _wrapped(text(value), max(whole(width), 1), text(separator) or "\n", cuts_words=True)


def _wrapped(value: str, width: int, separator: str, *, cuts_words: bool) -> str:
    lines: list[str] = []
    offset = 0
    while len(value) - offset > width:
        if value[offset] == " ":
            offset += 1
            continue
        space = value.rfind(" ", offset, offset + width + 1)
        if space < 0 and not cuts_words:
            space = value.find(" ", offset + width)
            if space < 0:
                break
        end = offset + width if space < 0 else space
        lines.append(value[offset:end])
        offset = end + (space >= 0)
        if len(lines) * len(separator) > MAXIMUM_TEXT:
            raise SecurityError(f"wrap gives more than {MAXIMUM_TEXT} characters")
    return separator.join([*lines, value[offset:]])


def plural(one: Any, many: Any, count: Any) -> Any:
    """`one` where the count is 1, else `many`."""
    return one if whole(count) == 1 else many


TEXT_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abbrev": abbreviate,
    "abbrevboth": abbreviate_both,
    "camelcase": camel_case,
    "cat": cat,
    "hasPrefix": lambda prefix, value: text(value).startswith(text(prefix)),
    "hasSuffix": lambda suffix, value: text(value).endswith(text(suffix)),
    "hello": lambda: "Hello!",
    "initials": initials,
    "join": join,
    "kebabcase": _separated("-"),
    "lower": lambda value: text(value).lower(),
    "nindent": nindent,
    "nospace": lambda value: _SPACES.sub("", text(value)),
    "plural": plural,
    "quote": quote,
    "repeat": repeat,
    "replace": replace,
    "snakecase": _separated("_"),
    "split": split,
    "splitList": split_list,
    "splitn": splitn,
    "squote": single_quote,
    "substr": substring,
    "swapcase": swap_case,
    "title": title,
    "toString": sprint,
    "toStrings": strings,
    "trim": trim,
    "trimAll": trim_all,
    "trimPrefix": lambda prefix, value: text(value).removeprefix(text(prefix)),
    "trimSuffix": trim_suffix,
    "trimall": trim_all,
    "trunc": trunc,
    "untitle": untitle,
    "upper": lambda value: text(value).upper(),
    "wrap": wrap,
    "wrapWith": wrap_with,
}
"""By the names that templates use."""
