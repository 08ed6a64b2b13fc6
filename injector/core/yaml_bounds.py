"""A bound for YAML, looked at before a document is built from it.

A few lines of aliases stand for more values than any memory holds, and LibYAML's composer follows brackets until its
stack ends, which takes the process with it. Events are told one by one and need neither.
"""

from contextlib import suppress

import yaml

# Far above what an API server takes, and what JSON writers follow.
MOST_VALUES = 200_000
DEEPEST = 200

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def refuse_unbounded(text: str) -> None:
    """Look at every document in `text`.

    Raises yaml.MarkedYAMLError for a document nested deeper than DEEPEST, for aliases inside their own anchors, and for
    aliases that stand for more than MOST_VALUES values. What is no YAML is left to the parser, which says more.
    """
    with suppress(yaml.scanner.ScannerError, yaml.parser.ParserError, yaml.reader.ReaderError):
        extent = _Extent()
        for event in yaml.parse(text, _Loader):
            problem = extent.problem_with(event)
            if problem:
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]  # LibYAML's


class _Extent:
    """How far a document reaches, event by event: the values that aliases stand for, and the collections around."""

    def __init__(self) -> None:
        self._values = 0
        self._aliased = 0
        self._sizes: dict[str, int] = {}
        self._around: list[tuple[str | None, int]] = []

    def problem_with(self, event: yaml.Event) -> str:
        """Take note of `event`; gives what is wrong now, empty where nothing is."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "")
        if isinstance(event, yaml.CollectionStartEvent):
            self._around.append((event.anchor, self._values))
            self._sizes.pop(event.anchor or "", None)
            self._values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._around.pop()
            self._keep(anchor, self._values - before)
        elif isinstance(event, yaml.ScalarEvent):
            self._values += 1
            self._keep(event.anchor, 1)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._values = self._aliased = 0
            self._sizes.clear()
        return f"it is nested deeper than {DEEPEST} levels" if len(self._around) > DEEPEST else ""

    def _alias(self, anchor: str) -> str:
        if anchor not in self._sizes and any(anchor == each for each, _ in self._around):
            return "an alias stands inside its own anchor"
        # One that leads nowhere is the composer's to tell.
        size = self._sizes.get(anchor, 1)
        self._values += size
        self._aliased += size
        return f"its aliases stand for more than {MOST_VALUES} values" if self._aliased > MOST_VALUES else ""

    def _keep(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = size
