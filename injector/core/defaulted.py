"""What the API server fills in or writes its own way between two injections is no change (reference, conventions).

Templates name quantities and leave out defaults as their authors like; a pod that comes back from the API server has
canonical quantities and all defaults. Where both mean the same, what came back stays.
Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (defaults of the fields below)
"""

from collections.abc import Mapping
from typing import Any

from injector.core.quantity import canonical_quantity

# Fields whose zero is the default: absent means the same.
_ZERO_FIELDS = frozenset(("initialDelaySeconds",))
_QUANTITY_MAPPINGS = frozenset(("limits", "requests"))


def with_defaults_kept(before: Any, after: Any) -> Any:
    """`after`, in which every part that means the same as in `before` is that part; `before` itself if all do."""
    if before is after:
        return before
    if isinstance(before, dict) and isinstance(after, dict):
        return _kept_mapping(before, after)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        kept = [with_defaults_kept(one, other) for one, other in zip(before, after, strict=True)]
        return before if all(one is other for one, other in zip(before, kept, strict=True)) else kept
    return before if type(before) is type(after) and before == after else after


def _kept_mapping(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    if before.get("name") != after.get("name"):
        return after
    kept = {key: _kept(key, before, value) for key, value in after.items() if not _is_default_zero(key, value, before)}
    for key, value in before.items():
        if key not in kept and _is_default(key, value, after):
            kept[key] = value
    same = len(kept) == len(before) and all(key in before and before[key] is value for key, value in kept.items())
    return before if same else kept


def _kept(key: str, before: Mapping[str, Any], value: Any) -> Any:
    if key not in before:
        return value
    if key in _QUANTITY_MAPPINGS and isinstance(before[key], dict) and isinstance(value, dict):
        return before[key] if _quantities(before[key]) == _quantities(value) else value
    return with_defaults_kept(before[key], value)


def _is_default_zero(key: str, value: Any, before: Mapping[str, Any]) -> bool:
    return key in _ZERO_FIELDS and value == 0 and key not in before


def _is_default(key: str, value: Any, after: Mapping[str, Any]) -> bool:
    """Whether the API server would fill in `key` of `after` with `value`."""
    if key == "emptyDir":
        return value == {} and after.keys() == {"name"}
    return key == "apiVersion" and value == "v1" and "fieldPath" in after


def _quantities(mapping: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {name: canonical_quantity(str(value)) for name, value in mapping.items()}
    except ValueError:
        return dict(mapping)
