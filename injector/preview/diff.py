"""Changes as text: a diff in the groups of `changes`, each hunk headed by the path of what holds the change."""

from collections.abc import Iterator
from typing import Any

from injector.preview.changes import ABSENT, Changes
from injector.preview.yaml_lines import yaml_lines

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
