"""The JSON Patch of a policy applied to a pod: the four operations that policies are made of (RFC 6902)."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from injector.core.model import JsonObject, Pod

_END = "-"


def patched(pod: Pod, patch: Iterable[JsonObject]) -> Pod:
    """A pod with the operations carried out, which are `add`, `copy` and `remove`. The given one stays as it is."""
    result = deepcopy(pod)
    for operation in patch:
        parent, key = _place(result, operation["path"])
        match operation["op"]:
            case "add":
                _add(parent, key, deepcopy(operation["value"]))
            case "copy":
                origin, name = _place(result, operation["from"])
                _add(parent, key, deepcopy(origin[_index(name) if isinstance(origin, list) else name]))
            case "remove":
                del parent[_index(key) if isinstance(parent, list) else key]
            case other:
                raise ValueError(f"policies make no operation {other!r}")
    return result


def _add(parent: Any, key: str, value: Any) -> None:
    if isinstance(parent, list):
        parent.insert(len(parent) if key == _END else _index(key), value)
    else:
        parent[key] = value


def _place(document: Any, pointer: str) -> tuple[Any, str]:
    """What holds the value that a JSON Pointer names, and its key there."""
    *steps, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    for step in steps:
        document = document[_index(step) if isinstance(document, list) else step]
    return document, last


def _index(step: str) -> int:
    return int(step)
