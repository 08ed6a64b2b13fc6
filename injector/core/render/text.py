"""How values become text, and the filters that templates may use beside Jinja's own."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import orjson
from jinja2 import Undefined

from injector.core.model import InjectionError, JsonObject
from injector.core.proxy_config import to_text
from injector.core.render.faults import Refusal

_LABEL_VALUE_LENGTH = 63
_HOST_ADDRESS = "$(HOST_IP)"


def go_text(value: Any) -> str:
    """A value as Istio's templates print it: booleans in lower case, a missing value as `<nil>`."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined):
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def first_nonempty(*values: Any) -> Any:
    """The first value that is neither undefined nor empty; an empty text where all are."""
    return next((value for value in values if not isinstance(value, Undefined) and value), "")


def refuse(message: str) -> NoReturn:
    """End the rendering: the pod cannot be injected, and `message` tells its author why. Raises Refusal."""
    raise Refusal(message)


def without_nulls(value: Any) -> Any:
    """The value without nulls, nor the mappings and lists that become empty by that (reference 5.10)."""
    if isinstance(value, dict):
        kept = {key: without_nulls(item) for key, item in value.items() if item is not None}
        return {key: item for key, item in kept.items() if item not in ({}, []) or value[key] in ({}, [])}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def to_json(value: Any) -> str:
    """The value as compact JSON."""
    return orjson.dumps(value).decode()


def to_argument(text: str) -> str:
    """The text as an argument that the kubelet hands on as it is; only `$(HOST_IP)`, which addresses may name, counts.

    Source: `$(NAME)` and `$$` in the args of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
    """
    return text.replace("$", "$$").replace(_HOST_ADDRESS.replace("$", "$$"), _HOST_ADDRESS)


def from_json(text: str) -> Any:
    """The value of JSON text. Raises InjectionError with the text where it is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InjectionError(f"{text!r} is not JSON: {error}") from error


def with_fields(mapping: JsonObject, more: JsonObject) -> JsonObject:
    """The mapping with the fields of `more` added. Raises InjectionError where `more` is no mapping."""
    if not isinstance(more, dict):
        raise InjectionError(f"expected a mapping of fields, not {more!r}")
    return {**mapping, **more}


def canonical_name(name: str) -> str:
    """A workload's name as a label value: at most 63 bytes, no `-`, `_` or `.` at its ends (reference 5.4)."""
    return name.encode()[:_LABEL_VALUE_LENGTH].decode(errors="ignore").strip("-_.")


def directory_of(path: str) -> str:
    """The part of `path` up to and including its last slash."""
    return path[: path.rfind("/") + 1]


def to_proxy_config(document: JsonObject) -> str:
    """A ProxyConfig as the text of env PROXY_CONFIG (reference 3.5)."""
    return _proxy_config_text(orjson.dumps(document))


@lru_cache(maxsize=256)
def _proxy_config_text(document: bytes) -> str:
    return to_text(orjson.loads(document))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "canonical_name": canonical_name,
    "directory_of": directory_of,
    "from_json": from_json,
    "to_argument": to_argument,
    "to_json": to_json,
    "to_proxy_config": to_proxy_config,
    "with_fields": with_fields,
    "without_nulls": without_nulls,
}
