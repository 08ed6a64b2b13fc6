"""Where each field that an injection adds comes from: the line of a template, and the annotations behind it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from injector.core.admission import subject_of
from injector.core.errors import Path, shortened
from injector.core.merge import MERGE_KEYS
from injector.core.model import JsonObject, Snapshot
from injector.core.origins import FieldOrigin, field_origins
from injector.core.pods import annotations
from injector.core.setup import Setup
from injector.reports.evaluate import Preview, request_for
from injector.reports.paint import Paint, plain

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$]+")
_KEYED_LISTS = frozenset(path.rpartition(".")[2] for path in MERGE_KEYS)
_LONGEST_VALUE = 60


def origin_items(preview: Preview, setup: Setup, snapshot: Snapshot) -> list[JsonObject]:
    """The added and changed fields of a workload, in order: `path` from the workload's root, `value`, and the origin.

    `template` and `line` say which line of which template wrote it, `text` is that line; `annotations` are those that
    the value or a condition around it asks for, `set` where the pod has them. Without a template the injection itself
    adds the field. `line` is 0 where only the template is known.
    """
    return [_item(each, preview) for each in _origins(preview, setup, snapshot)]


def _origins(preview: Preview, setup: Setup, snapshot: Snapshot) -> list[FieldOrigin]:
    if not preview.is_injected:
        return []
    subject = subject_of(request_for(preview.pod, preview.namespace), snapshot)
    return field_origins(subject, preview.admission.pod, setup, snapshot)


def _item(field: FieldOrigin, preview: Preview) -> JsonObject:
    root = f"{preview.place.path}." if preview.place.path else ""
    item: JsonObject = {"path": root + path_text(field.path), "value": field.value}
    if field.origin is None:
        return item
    own = annotations(preview.pod)
    return {
        **item,
        "template": field.origin.template,
        "line": field.origin.line,
        "text": field.origin.text,
        "annotations": [{"name": name, "set": name in own} for name in field.origin.annotations],
    }


def path_text(path: Path) -> str:
    """The path as people write it: items of lists, and keys that have dots in them, in brackets."""
    steps = enumerate(path)
    return "".join(
        f"[{step}]" if isinstance(step, int) or _is_bracketed(path, at) else f".{step}" if at else step
        for at, step in steps
        if isinstance(step, (int, str))
    )


def _is_bracketed(path: Path, at: int) -> bool:
    above = path[at - 1] if at else ""
    return not _PLAIN_KEY.fullmatch(str(path[at])) or above in (
        "containers",
        "initContainers",
        "volumes",
        "ports",
        "env",
    )


def origins_text(items: Sequence[JsonObject], paint: Paint = plain) -> str:
    """One line for each field: its path, its value, and where that comes from."""
    rows = [(item["path"], _shown(item["value"]), _source(item)) for item in items]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(2)]
    return "".join(
        f"  {path:{widths[0]}}  {value:{widths[1]}}  {paint(source, 'dim')}\n" for path, value, source in rows
    )


def _source(item: JsonObject) -> str:
    return "; ".join(_source_parts(item)) if "template" in item else "the injection itself"


def _source_parts(item: JsonObject) -> Iterator[str]:
    yield f"{item['template']}:{item['line']}" if item["line"] else item["template"]
    for annotation in item["annotations"]:
        yield f"annotation {annotation['name']}" if annotation["set"] else f"default of {annotation['name']}"


def _shown(value: Any) -> str:
    return shortened(value if isinstance(value, str) else orjson.dumps(value).decode(), _LONGEST_VALUE).replace(
        "\n", " "
    )
