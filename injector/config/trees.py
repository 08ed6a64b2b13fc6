"""Merging and reading nested mappings, never changing what is given."""

from typing import Any

from injector.config.faults import Path
from injector.core.model import JsonObject


def deep_merge(base: JsonObject, layer: JsonObject) -> JsonObject:
    """`layer` over `base`: mappings recursively, lists, scalars and nulls replaced (as Helm merges values files)."""
    merged = dict(base)
    for key, value in layer.items():
        below = merged.get(key)
        merged[key] = deep_merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def find(tree: Any, path: Path) -> Any:
    """The value at `path`; None where it is not there."""
    for step in path:
        if isinstance(step, int):
            tree = tree[step] if isinstance(tree, list) and step < len(tree) else None
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def nested(path: Path, value: Any) -> JsonObject:
    """The mapping that holds just `value` at `path` (of keys)."""
    tree = value
    for step in reversed(path):
        tree = {step: tree}
    return tree if isinstance(tree, dict) else {}


def without(tree: Any, path: Path) -> Any:
    """The tree without the key at `path`; the same tree where there is none."""
    first, *rest = path
    if not isinstance(tree, dict) or first not in tree:
        return tree
    if rest:
        return {**tree, first: without(tree[first], tuple(rest))}
    return {key: value for key, value in tree.items() if key != first}


def without_nulls(mapping: JsonObject) -> JsonObject:
    """The mapping without its own null entries; what lies deeper stays."""
    return {key: value for key, value in mapping.items() if value is not None}
