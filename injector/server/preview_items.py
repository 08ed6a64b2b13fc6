"""The items of a preview's answer, as JSON: all whole, or all brief but the one that somebody looks at.

Whoever types in the page asks again with every pause, mostly about workloads that did not change. What was read and
decided before is remembered, so that an answer costs what the change costs.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import orjson

from injector.core.cache import BRIEFS, PREVIEWED, Cache
from injector.core.errors import InjectorError
from injector.core.model import JsonObject
from injector.core.setup import Setup
from injector.reports.compare import Comparison
from injector.reports.documents import Document
from injector.reports.evaluate import (
    CLUSTER_KINDS,
    Preview,
    PreviewOptions,
    cluster_around,
    pod_templates_in,
    preview_workload,
)
from injector.reports.origins import origin_items
from injector.reports.render import preview_brief, preview_item
from injector.server.isolation import Budget, FailedError, OutOfBudgetError, OwnProcess
from injector.server.state import State


@dataclass(frozen=True, slots=True)
class Trial:
    """A configuration that is tried, never put in force: its text, and what was made of it."""

    configuration: str
    setup: Setup


Configure: TypeAlias = Callable[[str], Setup]
"""Makes the text of a configuration ready for use. Raises InjectorError with all that is wrong with it."""


class Rehearsal:
    """Makes configurations ready in a process that can be ended: a thread that never gets done cannot."""

    def __init__(self, configure: Configure, refusal: Callable[[Exception], FailedError], budget: Budget) -> None:
        """Call `configure` within `budget`; `refusal` makes answers of errors that nobody foresaw."""
        self._budget = budget
        self._process = OwnProcess(partial(_faults_of, configure), refusal, budget)

    def refuse_unusable(self, configuration: str) -> None:
        """Raise InjectorError for a configuration that has faults, FailedError where it takes too much to tell."""
        try:
            found = self._process.ask(configuration.encode())
        except OutOfBudgetError as error:
            limits = f"{self._budget.seconds:g} s and {self._budget.memory >> 20} MiB"
            raise FailedError(503, f"the configuration was given up: {error}; the limits are {limits}") from None
        if found:
            raise InjectorError(*(pickle.loads(each) for each in found))  # noqa: S301 -- written by this program


def _faults_of(configure: Configure, asked: bytes) -> list[bytes]:
    """What is wrong with a configuration, each fault on its own."""
    try:
        configure(asked.decode())
    except InjectorError as error:
        return [pickle.dumps(fault) for fault in error.faults]
    return []


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a text: the place of the item that is wanted whole, None for all; or of the `only` one wanted.

    With a `trial` the items say what that configuration gives, and what the one in force gives beside it. With
    `origins` whole items say where each added field comes from.
    """

    options: PreviewOptions
    whole: int | None = None
    only: int | None = None
    trial: Trial | None = None
    origins: bool = False


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

    def of(self, documents: list[Document], question: Question, state: State) -> Iterator[bytes]:
        """An item for each pod template, as `question` wants them."""
        options, trial, only = question.options, question.trial, question.only
        whole = question.whole if only is None else only
        known = cluster_around(documents, options, state.snapshot)
        asked = _asked(documents, question)
        if state is not self._state:
            self._state = state
            self._briefs.clear()
        for number, (document, place) in enumerate(pod_templates_in(documents)):
            if only not in (None, number):
                continue
            preview = partial(preview_workload, document.object, snapshot=known, default_namespace=options.namespace)
            before = partial(preview, state.setup, place=place)
            after = partial(preview, trial.setup, place=place) if trial else before
            if whole in (None, number):
                made = after()
                is_plain = whole is None and trial is None
                item = preview_item(made) if is_plain else _whole(made, before() if trial else None)
                if question.origins:
                    item["origins"] = origin_items(made, trial.setup if trial else state.setup, known)
            else:
                key = b"\n".join((asked, place.path.encode(), orjson.dumps(document.object)))
                item = self._brief(key, after, before if trial else None)
            yield orjson.dumps({**item, "line": document.line})

    def _brief(self, key: bytes, after: Callable[[], Preview], before: Callable[[], Preview] | None) -> JsonObject:
        remembered = self._briefs.find(key)
        if remembered is None:
            remembered = _compared(after(), before() if before else None)
            self._briefs.keep(key, remembered)
        return remembered


def _whole(after: Preview, before: Preview | None) -> JsonObject:
    item = _compared(after, before) | preview_item(after)
    return item if before is None else {**item, "before": item["before"] | {"result": before.result}}


def _compared(after: Preview, before: Preview | None) -> JsonObject:
    """The brief item of `after`; where there is a `before`, with what that was and what the difference means."""
    brief = preview_brief(after)
    if before is None:
        return brief
    earlier = preview_brief(before)
    kept = {key: earlier[key] for key in ("allowed", "error", "decision")}
    return {**brief, "before": kept, "consequence": Comparison(before, after).consequence}


def _asked(documents: list[Document], question: Question) -> bytes:
    """What an item depends on beside its own workload and the state."""
    labels, trial = question.options.namespace_labels, question.trial
    cluster = [each.object for each in documents if each.object["kind"] in CLUSTER_KINDS]
    known = None if labels is None else dict(labels)
    return orjson.dumps([question.options.namespace, known, trial and trial.configuration, cluster])
