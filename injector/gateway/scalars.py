"""Kinds of values that fields of Gateway and VirtualService hold."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from injector.core.proxy_config.parse import nanoseconds
from injector.gateway.fields import FieldType, Message, Parsed, Scalar
from injector.gateway.regex import check_re2
from injector.gateway.rules import something_to_match

# https://www.rfc-editor.org/rfc/rfc9110#section-5.1: a field name is a token.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
_HEADER_VALUE = re.compile(r"(?:[^%\r\n\0]|%%|%[A-Z0-9_]+(?:\([^()%]*\))?(?::\d+)?%)*")
_LARGEST_COUNT = 2**31 - 1


def is_text(value: Any) -> bool:
    """Whether it is text that is not empty."""
    return isinstance(value, str) and bool(value)


def number_between(low: int, high: int) -> Callable[[Any], bool]:
    """What accepts whole numbers from `low` to `high`."""
    return lambda value: type(value) is int and low <= value <= high


def words(*names: str) -> Scalar:
    """One of `names`, exactly so."""
    return Scalar(f"one of {', '.join(names)}", lambda value: value in names)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


def _is_percentage(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 100  # noqa: PLR2004 -- a hundred per hundred


def _is_duration_of_a_millisecond(value: Any) -> bool:
    return _is_duration(value) and nanoseconds(value) >= 10**6


def _is_duration(value: Any) -> bool:
    try:
        return isinstance(value, str) and nanoseconds(value) >= 0
    except ValueError:
        return False


TEXT = Scalar("text that is not empty", is_text)
ANY_TEXT = Scalar("text", lambda value: isinstance(value, str))
FLAG = Scalar("true or false", lambda value: isinstance(value, bool))
PATH = Scalar("a path that begins with '/'", _is_path)
PORT = Scalar("a port number (1 to 65535)", number_between(1, 65535))
COUNT = Scalar("a number from 0 on", number_between(0, _LARGEST_COUNT))
STATUS = Scalar("an HTTP status (200 to 599)", number_between(200, 599))
DURATION = Scalar("a duration such as 10s or 1m30s, 0s for none", _is_duration)
LENGTH = Scalar("a duration of at least 1ms such as 500ms or 10s", _is_duration_of_a_millisecond)
PERCENTAGE = Message({"value": Scalar("a percentage (0.0 to 100.0)", _is_percentage)}, required=("value",))
HEADER_NAME = Scalar("the name of a header", lambda value: isinstance(value, str) and bool(_HEADER.fullmatch(value)))
ADDED = Scalar(
    "the text of a header, where a percent sign is written as %% outside of Envoy's %COMMANDS%",
    lambda value: isinstance(value, str) and bool(_HEADER_VALUE.fullmatch(value)),
)

_STRING_MATCH: Mapping[str, FieldType] = {"exact": ANY_TEXT, "prefix": TEXT, "regex": Parsed(check_re2)}
_ONE_MATCH = (tuple(_STRING_MATCH),)
CONDITION = Message(_STRING_MATCH, choices=_ONE_MATCH, rules=(something_to_match,))
CONDITION_OR_PRESENCE = Message(_STRING_MATCH, choices=_ONE_MATCH)
