"""How a file was written where an injection rewrote it: kept with the injection, so that its removal gives it back.

What the removal of an injection restores is right but in no one's hand: quotes, comments inside of it, the layout of
what had to be written anew. The lines that would come out otherwise than they were go along in the status annotation of
the document's first injected workload, under `original.text.lines`: where they would stand, what they would be, what
they were. Lines that are no longer found are left as they come out, and so is all where the meaning would be another.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import orjson

from injector.core.model import STATUS_ANNOTATION, JsonObject, Pod
from injector.core.pods import annotations, with_metadata
from injector.core.reinjection.status import ORIGINAL
from injector.core.yaml.nodes import Mapping, Node
from injector.core.yaml.nodes import Sequence as List
from injector.core.yaml.reader import key_of
from injector.manifests.editing import is_written_anew
from injector.manifests.files import with_pods_changed
from injector.manifests.line_diff import differences
from injector.manifests.parsing import Manifest, read

# Annotations share 256 KiB (https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/), and
# `kubectl apply` keeps each of them twice.
LONGEST_RECORD = 32 * 1024

_TEXT, _LINES = "text", "lines"
# Where lines would stand, counted from 0; what they would be; what they were.
_Hunk: TypeAlias = tuple[int, list[str], list[str]]


def with_handwriting(injected: Manifest, restored: Manifest, wanted: str) -> Manifest:
    """The document `injected` with a record of how to make `wanted` of `restored`, which its removal would give.

    Without one where they are the same, or where the record would be longer than LONGEST_RECORD.
    """
    hunks = _hunks(restored.text.split("\n"), wanted.split("\n"))
    lines = {_LINES: hunks} if hunks and len(orjson.dumps(hunks)) <= LONGEST_RECORD else None
    recorded = False

    def record(_: JsonObject, pod: Pod) -> tuple[Pod, Sequence[str]]:
        nonlocal recorded
        status = _status(pod)
        if status is None or recorded:
            return pod, ()
        recorded = True
        return _with_text(pod, status, lines), ()

    return with_pods_changed(injected, record)[0]


def in_handwriting(injected: Manifest, restored: Manifest) -> Manifest:
    """`restored`, which the removal of the injection from `injected` gave, as far as possible as it was written."""
    lines = restored.text.split("\n")
    hunks = _recorded(injected)
    # Whoever may write annotations may not write the rest of the file with them.
    rewritten = _rewritten_lines(injected, restored) if hunks else set()
    for at, old, new in reversed(hunks):
        place = _nearest(lines, old, at)
        if place is not None and not rewritten.isdisjoint(range(place, place + len(old))):
            lines[place : place + len(old)] = new
    text = "\n".join(lines)
    return restored if text == restored.text else _as_written(text, restored)


def _rewritten_lines(injected: Manifest, restored: Manifest) -> set[int]:
    """The lines of `restored` that an injection, or its removal, can have written otherwise than their author.

    They are those of what it changed, with all around it; or all, of a document that was written anew.
    """
    if restored.root is None or is_written_anew(injected) or is_written_anew(restored):
        return set(range(restored.text.count("\n") + 1))
    return set(_changed_lines(restored.root, injected.value, restored.value))


def _changed_lines(node: Node, injected: Any, restored: Any) -> Iterator[int]:
    if injected == restored:
        return
    if isinstance(node, Mapping) and isinstance(injected, dict) and injected.keys() == restored.keys():
        for key, value in node.entries:
            name = key_of(key)
            if name in restored:
                yield from _changed_lines(value, injected[name], restored[name])
    elif isinstance(node, List) and isinstance(injected, list) and len(injected) == len(restored):
        for child, before, after in zip(node.children, injected, restored, strict=False):
            yield from _changed_lines(child, before, after)
    else:
        yield from range(node.start.line - 1, node.end.line + 1)


def _status(pod: Pod) -> JsonObject | None:
    """The pod's status, where it is one of this project's."""
    text = annotations(pod).get(STATUS_ANNOTATION)
    try:
        status = None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return status if isinstance(status, dict) and isinstance(status.get(ORIGINAL), dict) else None


def _with_text(pod: Pod, status: JsonObject, lines: JsonObject | None) -> Pod:
    """The pod whose status has `lines` in its record, and no others; the very same object where it has them already."""
    if status[ORIGINAL].get(_TEXT) == lines:
        return pod
    original = {key: value for key, value in status[ORIGINAL].items() if key != _TEXT}
    kept = {**original, **({_TEXT: lines} if lines else {})}
    text = orjson.dumps({**status, ORIGINAL: kept}).decode()
    return with_metadata(pod, "annotations", {**annotations(pod), STATUS_ANNOTATION: text})


def _recorded(injected: Manifest) -> list[_Hunk]:
    """The lines that the first injected pod of the document remembers."""
    found: list[JsonObject] = []

    def read(_: JsonObject, pod: Pod) -> tuple[Pod, Sequence[str]]:
        status = _status(pod)
        if status is not None:
            found.append(status)
        return pod, ()

    with_pods_changed(injected, read)
    kept = found[0][ORIGINAL].get(_TEXT) if found else None
    return _readable(kept.get(_LINES) if isinstance(kept, dict) else None)


def _hunks(before: list[str], after: list[str]) -> list[_Hunk]:
    """What differs; lines that are only added come with the line before them, or after, to be found by."""
    found: list[_Hunk] = []
    for start, end, start_after, end_after in differences(before, after):
        above = 1 if start == end and start > 0 else 0
        below = 1 if start == end and not above and before else 0
        old, new = before[start - above : end + below], after[start_after - above : end_after + below]
        found.append((start - above, old, new))
    return found


def _readable(hunks: Any) -> list[_Hunk]:
    listed = hunks if isinstance(hunks, list) else []
    return [(hunk[0], hunk[1], hunk[2]) for hunk in listed if _is_hunk(hunk)]


def _is_hunk(hunk: Any) -> bool:
    match hunk:
        case [int(), [*old], [*new]]:
            return all(isinstance(line, str) for line in (*old, *new))
        case _:
            return False


def _nearest(lines: list[str], old: list[str], at: int) -> int | None:
    """Where the lines `old` stand, as near to `at` as may be."""
    places = (place for place in range(len(lines) - len(old) + 1) if lines[place : place + len(old)] == old)
    return min(places, key=lambda place: abs(place - at), default=None)


def _as_written(text: str, restored: Manifest) -> Manifest:
    """The document `text`, where it means the same as `restored`; else that."""
    try:
        written = read(text)
    except ValueError:
        return restored
    return written if _without_empties(written.value) == _without_empties(restored.value) else restored


def _without_empties(value: Any) -> Any:
    """The value without what Kubernetes takes for absent: null, empty mappings, empty lists."""
    if isinstance(value, dict):
        kept = {key: _without_empties(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each not in (None, {}, [])}
    return [_without_empties(each) for each in value] if isinstance(value, list) else value
