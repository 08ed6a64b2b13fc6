"""Sprig's functions that encode and decode: JSON, base 64 and 32, checksums, URLs and paths.

Source: http://masterminds.github.io/sprig/encoding.html, crypto.html, url.html and paths.html
"""

import base64
import binascii
import hashlib
import posixpath
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from injector.core.model import JsonObject
from injector.core.render.go.sprig_collections import mapping
from injector.core.render.go.sprig_text import text
from injector.core.render.go.values import GoError, MadeMap, YamlText, plain
from injector.core.render.limits import bounded

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_URL_PARTS = ("scheme", "host", "path", "query", "fragment", "opaque", "userinfo")


def go_json(value: Any, make_map: Callable[..., JsonObject] = dict) -> Any:
    """A JSON value as Go has it: every number is a float64, every map is of the type that `make_map` makes."""
    if isinstance(value, dict):
        return make_map({key: go_json(item, make_map) for key, item in value.items()})
    if isinstance(value, list):
        return [go_json(item, make_map) for item in value]
    return float(value) if type(value) is int else value


def from_json(value: Any) -> Any:
    """The value of JSON text. Raises GoError where it is none."""
    try:
        return go_json(bounded(orjson.loads(text(value))), MadeMap)
    except orjson.JSONDecodeError as error:
        raise GoError(f"{value[:80]!r} is not JSON: {error}") from error


def from_json_or_nil(value: Any) -> Any:
    """The value of JSON text, nil where it is none."""
    try:
        return from_json(value)
    except GoError:
        return None


def json_text(value: Any) -> str:
    """The value as compact JSON, the characters of HTML escaped."""
    return _json(value, escapes=True)


def raw_json_text(value: Any) -> str:
    """The value as compact JSON."""
    return _json(value)


def pretty_json_text(value: Any) -> str:
    """The value as indented JSON."""
    return _json(value, orjson.OPT_INDENT_2, escapes=True)


def _json(value: Any, option: int = 0, *, escapes: bool = False) -> str:
    made = plain(value)
    try:
        written = orjson.dumps(made, option=option).decode()
    except orjson.JSONEncodeError as error:
        raise GoError(f"there is no JSON for it: {error}") from error
    if escapes:
        written = written.translate(_HTML)
    return YamlText(written, made, is_flow=True) if isinstance(made, (dict, list)) else written


def _base_64_decoded(value: Any) -> str:
    try:
        return base64.b64decode(text(value).replace("\n", "").replace("\r", ""), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return "illegal base64 data at input byte 0"


def _base_32_decoded(value: Any) -> str:
    try:
        return base64.b32decode(text(value)).decode(errors="replace")
    except (binascii.Error, ValueError):
        return "illegal base32 data at input byte 0"


def _digest(algorithm: Callable[..., Any]) -> Callable[[Any], str]:
    return lambda value: algorithm(text(value).encode()).hexdigest()


def parse_url(value: Any) -> MadeMap:
    """The parts of a URL. Raises GoError."""
    try:
        parts = urlsplit(text(value))
        hostname = parts.hostname or ""
    except ValueError as error:
        raise GoError(f"unable to parse url {value[:80]!r}: {error}") from error
    user, at, host = parts.netloc.rpartition("@")
    is_opaque = bool(parts.scheme) and not parts.netloc and not parts.path.startswith("/")
    return MadeMap(
        scheme=parts.scheme,
        host=host,
        hostname=hostname,
        path="" if is_opaque else parts.path,
        query=parts.query,
        opaque=parts.path if is_opaque else "",
        fragment=parts.fragment,
        userinfo=user if at else "",
    )


def join_url(given: Any) -> str:
    """The URL of the parts in a map. Raises GoError."""
    found = mapping("urlJoin", given)
    parts = {name: text(found.get(name, "")) for name in _URL_PARTS}
    netloc = f"{parts['userinfo']}@{parts['host']}" if parts["userinfo"] else parts["host"]
    path = parts["opaque"] or parts["path"]
    return urlunsplit((parts["scheme"], netloc, path, parts["query"], parts["fragment"]))


def _base(value: Any) -> str:
    path = text(value)
    return posixpath.basename(path.rstrip("/")) or ("/" if path else ".")


def clean_path(value: Any) -> str:
    """The shortest path that means the same."""
    normal = posixpath.normpath(text(value)) if value else "."
    return normal[1:] if normal.startswith("//") else normal


def _extension(value: Any) -> str:
    name = text(value).rpartition("/")[2]
    return name[name.rindex(".") :] if "." in name else ""


_PATHS: Mapping[str, Callable[..., Any]] = {
    "base": _base,
    "clean": clean_path,
    "dir": lambda value: clean_path(text(value).rpartition("/")[0] + "/" * ("/" in value)) if value else ".",
    "ext": _extension,
    "isAbs": lambda value: text(value).startswith("/"),
}

ENCODING_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **_PATHS,
    **{f"os{name[0].upper()}{name[1:]}": function for name, function in _PATHS.items()},
    "adler32sum": lambda value: str(zlib.adler32(text(value).encode())),
    "b32dec": _base_32_decoded,
    "b32enc": lambda value: base64.b32encode(text(value).encode()).decode(),
    "b64dec": _base_64_decoded,
    "b64enc": lambda value: base64.b64encode(text(value).encode()).decode(),
    "fromJson": from_json_or_nil,
    "mustFromJson": from_json,
    "mustToJson": json_text,
    "mustToPrettyJson": pretty_json_text,
    "mustToRawJson": raw_json_text,
    "sha1sum": _digest(hashlib.sha1),
    "sha256sum": _digest(hashlib.sha256),
    "sha512sum": _digest(hashlib.sha512),
    "toJson": json_text,
    "toPrettyJson": pretty_json_text,
    "toRawJson": raw_json_text,
    "urlJoin": join_url,
    "urlParse": parse_url,
}
"""By the names that templates use."""
