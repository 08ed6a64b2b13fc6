"""Metrics of several worker processes as one: each publishes its own in shared memory, whoever is asked adds them up.

prometheus_client has a mode for several processes. It maps files into memory, so it needs a directory that can be
written, ends a process by SIGBUS when the disk is full, and is paid for with every increment. Here the memory belongs
to no file, a worker writes it twice a second, and an increment costs what it costs in a single process.
"""

import struct
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from mmap import mmap
from typing import NamedTuple, TypeAlias
from zlib import crc32

import orjson
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from injector.core.metrics import METRICS

# A region: when the worker last showed that it lives, which half is read, then the halves.
_HEARTBEAT = struct.Struct("<d")
_CURRENT_AT, _HALVES_AT = 8, 16
_HALF = 524_288
_REGION = _HALVES_AT + 2 * _HALF
_LENGTH_AND_SUM = struct.Struct("<QQ")
_TRIES = 10

Labels: TypeAlias = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """One time series: the family it is of (name, type, help) and what tells it from the others of the family."""

    family: tuple[str, str, str]
    name: str
    labels: Labels


Values: TypeAlias = Mapping[Series, float]


class SharedMetrics:
    """One region of memory for each of `workers`; made before they are forked, it is theirs and their parent's.

    A region outlives its worker: the next one in its place counts on from there, so that no counter ever falls.
    """

    def __init__(self, workers: int) -> None:
        """Make room for `workers`."""
        self._memory = mmap(-1, workers * _REGION)
        self._workers = range(workers)

    def publish(self, worker: int, values: Values) -> None:
        """Put `values` in place of what the worker published before, and note that it lives.

        The half that is not read is written, then they change places. Raises ValueError where there is no room.
        """
        content = orjson.dumps([[*series, value] for series, value in values.items()])
        if len(content) > _HALF - _LENGTH_AND_SUM.size:
            raise ValueError(f"{len(content)} bytes of metrics: there is room for {_HALF - _LENGTH_AND_SUM.size}")
        start = worker * _REGION
        half = 1 - self._memory[start + _CURRENT_AT]
        at = start + _HALVES_AT + half * _HALF
        _LENGTH_AND_SUM.pack_into(self._memory, at, len(content), crc32(content))
        at += _LENGTH_AND_SUM.size
        self._memory[at : at + len(content)] = content
        self._memory[start + _CURRENT_AT] = half
        self.beat(worker)

    def beat(self, worker: int) -> None:
        """Note that the worker lives now."""
        _HEARTBEAT.pack_into(self._memory, worker * _REGION, time.monotonic())

    def silent_for(self, worker: int) -> float:
        """Seconds since the worker last showed that it lives."""
        beat: float = _HEARTBEAT.unpack_from(self._memory, worker * _REGION)[0]
        return time.monotonic() - beat

    def published(self, worker: int) -> Values:
        """What the worker published last; empty where that is nothing."""
        for _ in range(_TRIES):
            content = self._content(worker)
            if content is not None:
                return {_series(entry): entry[3] for entry in orjson.loads(content or b"[]")}
        return {}

    def others(self, worker: int) -> list[Values]:
        """What the other workers published."""
        return [self.published(other) for other in self._workers if other != worker]

    def _content(self, worker: int) -> bytes | None:
        """The current half; None where it was written anew while it was read."""
        start = worker * _REGION
        at = start + _HALVES_AT + self._memory[start + _CURRENT_AT] * _HALF
        length, expected = _LENGTH_AND_SUM.unpack_from(self._memory, at)
        at += _LENGTH_AND_SUM.size
        content = self._memory[at : at + min(length, _HALF)]
        return content if crc32(content) == expected else None


def _series(entry: list[object]) -> Series:
    family, name, labels, _ = entry
    return Series(tuple(family), name, tuple(tuple(pair) for pair in labels))  # type: ignore[arg-type,attr-defined]


def values_of(registry: CollectorRegistry) -> Values:
    """All that `registry` holds."""
    return {
        Series((metric.name, metric.type, metric.documentation), sample.name, tuple(sorted(sample.labels.items()))): (
            sample.value
        )
        for metric in registry.collect()
        for sample in metric.samples
    }


def counted(values: Values) -> Values:
    """What a new worker in the place of an old one goes on from: what counts, not what only was so at a moment."""
    return {series: value for series, value in values.items() if series.family[1] != "gauge"}


def added(all_values: Iterable[Values]) -> Values:
    """The values of all workers as one, by the table of metrics; of times of creation the first."""
    found: dict[Series, list[float]] = defaultdict(list)
    for values in all_values:
        for series, value in values.items():
            found[series].append(value)
    return {series: _together(series, each) for series, each in found.items()}


def _together(series: Series, values: list[float]) -> float:
    metric = METRICS.get(series.name)
    if metric and metric.merged == "highest":
        return max(values)
    lowest = (metric and metric.merged == "lowest") or series.name.endswith("_created")
    return min(values) if lowest else sum(values)


class Collected(Collector):
    """Values as what prometheus_client writes out."""

    def __init__(self, values: Values) -> None:
        """Collect `values`."""
        self._values = values

    def collect(self) -> Iterator[Metric]:
        """One metric a family."""
        families: dict[tuple[str, str, str], Metric] = {}
        for series, value in self._values.items():
            name, kind, documentation = series.family
            metric = families.setdefault(series.family, Metric(name, documentation, kind))
            metric.add_sample(series.name, dict(series.labels), value)
        yield from families.values()
