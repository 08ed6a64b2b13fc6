"""What differs between two pods, part by part, in three groups: added containers, changed fields, metadata."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.model import JsonObject, Pod
from injector.core.patch import identities
from injector.core.pods import CONTAINER_LISTS
from injector.core.yaml.writer import lines

# In the order in which people ask.
GROUPS = ("containers", "fields", "metadata")


class _Absent:
    """Where there is nothing, not even null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs: `before` or `after` is ABSENT where it was added or removed.

    `parent` is the path to the mapping or list that holds it, items of lists by name: `spec.containers[app].env`. `key`
    is its key there, or None for an item of a list. A change of order has both lists of names and the key `order`.
    """

    parent: str
    key: str | None
    before: Any
    after: Any


Changes: TypeAlias = Mapping[str, Sequence[Change]]
"""The changes of each group in which there are some, in the order of GROUPS."""


def changes_between(before: Pod, after: Pod, prefix: str = "") -> Changes:
    """The changes from `before` to `after`; `prefix` leads to the pod, such as `spec.template.`.

    Parts that are the same objects cost nothing.
    """
    found: dict[str, list[Change]] = {group: [] for group in GROUPS}
    for change in _changes(before.get("spec") or {}, after.get("spec") or {}, f"{prefix}spec"):
        found["containers" if _is_container(change, f"{prefix}spec") else "fields"].append(change)
    found["metadata"] += _changes(before.get("metadata") or {}, after.get("metadata") or {}, f"{prefix}metadata")
    return {group: changes for group, changes in found.items() if changes}


def _is_container(change: Change, spec: str) -> bool:
    """Whether the change is about whole containers: one of a list, or a list that was not there."""
    if change.key is None:
        return change.parent in [f"{spec}.{which}" for which in CONTAINER_LISTS]
    return change.parent == spec and change.key in CONTAINER_LISTS and change.before is ABSENT


def _changes(before: JsonObject, after: JsonObject, path: str) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        if old is new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, f"{path}.{key}")
        elif isinstance(old, list) and isinstance(new, list):
            yield from _list_changes(old, new, path, key)
        elif type(old) is not type(new) or old != new:
            yield Change(path, key, old, new)


def _list_changes(before: list[Any], after: list[Any], path: str, key: str) -> Iterator[Change]:
    old_names, new_names = identities(before), identities(after)
    if old_names is None or new_names is None or not before:
        if before != after:
            yield Change(path, key, before, after)
        return
    old, new = dict(zip(old_names, before, strict=True)), dict(zip(new_names, after, strict=True))
    inside = f"{path}.{key}"
    for name, item in old.items():
        if name not in new:
            yield Change(inside, None, item, ABSENT)
    for name, item in new.items():
        if name not in old:
            yield Change(inside, None, ABSENT, item)
        elif old[name] is not item:
            yield from _changes(old[name], item, f"{inside}[{name[1]}]")
    yield from _order_changes([name for name in old if name in new], [name for name in new if name in old], inside)


def _order_changes(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    if before != after:
        yield Change(path, "order", [name for _, name in before], [name for _, name in after])


# Changes as text: a diff in the groups of `changes`, each hunk headed by the path of what holds the change.

HEADINGS = {"containers": "containers", "fields": "changed fields", "metadata": "metadata"}


def diff_text(changes: Changes) -> str:
    """The diff of `changes`; empty where there are none.

    A line `# heading` begins a group, `@@ path @@` a hunk; lines of the hunk begin with `+` or `-`.
    """
    return "".join(f"{line}\n" for line in diff_lines(changes))


def diff_lines(changes: Changes) -> Iterator[str]:
    """The same, line by line."""
    for group, of_group in changes.items():
        yield f"# {HEADINGS[group]}"
        parent: str | None = None
        for change in of_group:
            if change.parent != parent:
                parent = change.parent
                yield f"@@ {parent} @@"
            yield from _marked("-", change.key, change.before)
            yield from _marked("+", change.key, change.after)


def _marked(mark: str, key: str | None, value: Any) -> Iterator[str]:
    if value is not ABSENT:
        yield from (f"{mark}{line}" for line in lines([value] if key is None else {key: value}))
