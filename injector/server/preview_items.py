"""The items of a preview's answer, as JSON: all whole, or all brief but the one that somebody looks at.

Whoever types in the page asks again with every pause, mostly about workloads that did not change. What was read and
decided before is remembered, so that an answer costs what the change costs.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import orjson

from injector.core.cache import BRIEFS, PREVIEWED, Cache
from injector.core.model import JsonObject
from injector.reports.documents import Document
from injector.reports.evaluate import (
    CLUSTER_KINDS,
    Preview,
    PreviewOptions,
    cluster_around,
    pod_templates_in,
    preview_workload,
)
from injector.reports.render import preview_brief, preview_item
from injector.server.state import State


class PreviewItems:
    """Makes items; remembers the documents of the last text, and the briefs made under the last state."""

    def __init__(self) -> None:
        """Begin with nothing to remember."""
        self._documents: Cache[str, list[Document]] = Cache(PREVIEWED)
        self._state: State | None = None
        self._briefs: Cache[bytes, JsonObject] = Cache(BRIEFS)

    @property
    def caches(self) -> tuple[Cache[Any, Any], ...]:
        """All that is remembered."""
        return self._documents, self._briefs

    def documents(self, text: str, read: Callable[[str], Iterable[Document]]) -> list[Document]:
        """The documents of `text`, by `read` unless it is the text of the last call."""
        documents = self._documents.find(text)
        if documents is None:
            documents = list(read(text))
            self._documents.keep(text, documents)
        return documents

    def of(
        self, documents: list[Document], options: PreviewOptions, state: State, whole: int | None
    ) -> Iterator[bytes]:
        """An item for each pod template: all whole, or with `whole` brief but for that one, counted from 0."""
        known = cluster_around(documents, options, state.snapshot)
        asked = _asked(documents, options)
        if state is not self._state:
            self._state = state
            self._briefs.clear()
        for number, (document, place) in enumerate(pod_templates_in(documents)):
            preview = partial(preview_workload, document.object, state.setup, known, options.namespace, place)
            if whole is None:
                item = preview_item(preview())
            elif number == whole:
                item = _brief_and_whole(preview())
            else:
                item = self._brief(b"\n".join((asked, place.path.encode(), orjson.dumps(document.object))), preview)
            yield orjson.dumps({**item, "line": document.line})

    def _brief(self, key: bytes, preview: Callable[[], Preview]) -> JsonObject:
        remembered = self._briefs.find(key)
        if remembered is None:
            remembered = preview_brief(preview())
            self._briefs.keep(key, remembered)
        return remembered


def _brief_and_whole(preview: Preview) -> JsonObject:
    return preview_brief(preview) | preview_item(preview)


def _asked(documents: list[Document], options: PreviewOptions) -> bytes:
    """What an item depends on beside its own workload and the state."""
    labels = options.namespace_labels
    cluster = [each.object for each in documents if each.object["kind"] in CLUSTER_KINDS]
    return orjson.dumps([options.namespace, None if labels is None else dict(labels), cluster])
