"""What differs between two pods, part by part, in three groups: added containers, changed fields, metadata."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from injector.core.model import JsonObject, Pod
from injector.core.patch import identities
from injector.core.pods import CONTAINER_LISTS
from injector.core.yaml.scalars import needs_quotes

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


# Plain JSON values as lines of block YAML, fast enough for hundreds of injected pods in one answer. The YAML
# library writes the same at twenty times the cost; that this reads back as what was written is a property test.

# Texts that need no quotes: no indicator, no `: ` or ` #` in them.
_PLAIN = re.compile(r"[A-Za-z0-9/._$-](?:[A-Za-z0-9 /._$()@=,+-]|:(?=[A-Za-z0-9/._$()@=,+-]))*")
_LINE_FEED = "\n"
# Keys and many values are the same in every pod.
_REMEMBERED = 4096
_DASHES = ("- ", "---", "...")


def yaml_lines(value: Any) -> list[str]:
    """The lines of `value`, a mapping or a list; lists stand in the column of their key."""
    lines: list[str] = []
    _write(value, "", lines)
    return lines


def _write(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _write_entry(f"{indent}{_scalar(key)}:", item, indent, lines)
    else:
        for item in value:
            _write_item(item, indent, lines)


def _write_entry(head: str, value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        lines.append(head)
        _write(value, f"{indent}  ", lines)
    elif isinstance(value, list) and value:
        lines.append(head)
        _write(value, indent, lines)
    elif isinstance(value, str) and "\n" in value and _is_block(value):
        lines.append(f"{head} |{'' if value.endswith(_LINE_FEED) else '-'}")
        lines += (f"{indent}  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        lines.append(f"{head} {_scalar(value)}")


def _write_item(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, (dict, list)) and value:
        first = len(lines)
        _write(value, f"{indent}  ", lines)
        lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
    else:
        _write_entry(f"{indent}-", value, indent, lines)


def _is_block(text: str) -> bool:
    """Whether a literal block gives `text` again: it has several lines, none of which the block would change."""
    if "\n" not in text.rstrip("\n") or text.endswith("\n\n") or text[0] in " \n\t":
        return False
    return text.replace("\n", "").isprintable() and all(line == line.rstrip() for line in text.split("\n"))


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    if _is_plain(value):
        return value
    if '"' in value and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return "".join(map(_escaped, orjson.dumps(value).decode()))


def _escaped(character: str) -> str:
    """A character of a text in double quotes: JSON allows some that YAML does not."""
    return character if character.isprintable() else f"\\U{ord(character):08x}"


@lru_cache(maxsize=_REMEMBERED)
def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and not text.endswith(" ")
        and not text.startswith(_DASHES)
        and text != "-"
        and not needs_quotes(text)
    )


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
        yield from (f"{mark}{line}" for line in yaml_lines([value] if key is None else {key: value}))
