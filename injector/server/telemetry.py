"""What operators see of each review: Istio's metrics with a reason, and one structured log line."""

import select
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from injector.core import metrics
from injector.core.errors import shortened
from injector.core.model import Admission, AdmissionRequest
from injector.core.reasons import INTERNAL_ERROR, REFUSED, UNREADABLE_POD
from injector.server.handler import Answer
from injector.server.shared_metrics import Collected, Values

if TYPE_CHECKING:
    from injector.core.cache import Cache

# The log's way out. Serving goes on when it is blocked: lines are lost then, and counted.

_PATIENCE_MILLISECONDS = 100


class LossyStream:
    """Writes whole lines to `stream`; what a full disk, a closed pipe or a reader that stands still costs is lines.

    A pipe that nobody reads would stop the whole server. It is waited for once, for a tenth of a second; from then on
    lines are lost until there is room again.
    """

    def __init__(self, stream: BinaryIO, lost: Callable[[], None]) -> None:
        """Write to `stream`; call `lost` for each line that could not be written."""
        self._stream, self._lost = stream, lost
        self._blocked = False
        # Several threads tell of what they do, and a poll is for one at a time.
        self._writing = Lock()
        self._poll = _poll(stream)

    def write(self, line: bytes) -> int:
        """Write `line` if there is room for it. Returns its length either way."""
        with self._writing:
            if not self._has_room():
                self._lost()
                return len(line)
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # a closed stream raises ValueError
                self._lost()
        return len(line)

    def flush(self) -> None:
        """Nothing is kept back."""

    def _has_room(self) -> bool:
        if self._poll is None:
            return True
        self._blocked = not self._poll.poll(0 if self._blocked else _PATIENCE_MILLISECONDS)
        return not self._blocked


def _poll(stream: BinaryIO) -> "select.poll | None":
    """What tells whether `stream` has room; None where it is no file, such as a buffer in memory."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll


BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Failures have a reason too: of HTTP by status, else that a pod could not be injected or read.
HTTP_REASONS: Mapping[int, str] = {
    400: "BadReview",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    413: "BodyTooLarge",
    415: "UnsupportedMediaType",
    503: "Overloaded",
}
_REVIEW = "review"
# What a line shows of what others sent: names as long as Kubernetes has them, and no text that fills a disk.
_LONGEST_NAME, _LONGEST_TEXT = 253, 8_192
# Namespaces that refusals are counted by; those of further ones are counted together.
_MOST_NAMESPACES, _OTHERS = 100, "others"


class _CacheCollector(Collector):
    """What caches hold and how often they had what was asked for, read when somebody asks."""

    def __init__(self, telemetry: "Telemetry") -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterator[Family]:
        held = GaugeMetricFamily(*metrics.CACHE_BYTES.arguments[:2], labels=metrics.CACHE_BYTES.labels)
        hits = CounterMetricFamily(*metrics.CACHE_HITS.arguments[:2], labels=metrics.CACHE_HITS.labels)
        misses = CounterMetricFamily(*metrics.CACHE_MISSES.arguments[:2], labels=metrics.CACHE_MISSES.labels)
        for cache in self._telemetry.caches():
            for family, value in ((held, cache.held), (hits, cache.hits), (misses, cache.misses)):
                family.add_metric([cache.budget.name], value)
        yield from (held, hits, misses)


# As Python's logging has them.
_LEVELS: Mapping[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class LogLevel(StrEnum):
    """The least important lines that are written; `info` has one for each review."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How lines are written: `text` is for people."""

    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class LogStyle:
    """Which log lines are written, and how."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.JSON

    @property
    def number(self) -> int:
        """The level as Python's logging counts it."""
        return _LEVELS[self.level]


DEFAULT_STYLE = LogStyle()


class Telemetry:
    """Metrics in a registry of its own, and a log."""

    def __init__(self, stream: BinaryIO | None = None, style: LogStyle = DEFAULT_STYLE) -> None:
        """Write log lines to `stream`, standard error by default."""
        self.registry = CollectorRegistry()
        self.collected: Callable[[], Values] | None = None
        lost = Counter(*metrics.LOG_LINES_LOST.arguments, registry=self.registry)
        # Called with every answer, after it was sent; they must not wait for anything.
        self.observers: list[Callable[[Answer], None]] = []
        self.caches: Callable[[], Iterable[Cache[Any, Any]]] = tuple
        self.registry.register(_CacheCollector(self))
        self._stream = LossyStream(stream or sys.stderr.buffer, lost.inc)
        self.log = _logger(self._stream, style)
        self._style = style
        self._requests = Counter(*metrics.REQUESTS.arguments, registry=self.registry)
        self._success = Counter(*metrics.SUCCESS.arguments, registry=self.registry)
        self._skip = Counter(*metrics.SKIP.arguments, registry=self.registry)
        self._failure = Counter(*metrics.FAILURE.arguments, registry=self.registry)
        self._refusals = Counter(*metrics.REFUSALS.arguments, registry=self.registry)
        self._namespaces: set[str] = set()
        self._dropped = Counter(*metrics.CONNECTIONS_DROPPED.arguments, registry=self.registry)
        self._time = Histogram(*metrics.TIME.arguments, buckets=BUCKETS, registry=self.registry)
        self.configuration_current = Gauge(*metrics.CONFIGURATION_CURRENT.arguments, registry=self.registry)
        self.certificate_expiry = Gauge(*metrics.CERTIFICATE_EXPIRY.arguments, registry=self.registry)

    def record(self, answer: Answer, seconds: float) -> None:
        """Count one answer, with its reason, and write its line."""
        self._requests.inc()
        self._time.observe(seconds)
        for observe in self.observers:
            observe(answer)
        if answer.request is None or answer.admission is None:
            reason = answer.reason or HTTP_REASONS.get(answer.status, "Other")
            self._failure.labels(reason).inc()
            self.log.warning("request refused", status=answer.status, reason=reason, message=answer.fault)
            return
        admission = answer.admission
        counter, reason = (self._failure, INTERNAL_ERROR) if answer.error else self._outcome(admission)
        counter.labels(reason).inc()
        if reason == REFUSED:
            self._refusals.labels(self._counted_namespace(answer.request.namespace)).inc()
        line = _review_line(answer.request, admission, reason, seconds)
        if answer.error:
            self.log.error(_REVIEW, **line, exc_info=answer.error)
        else:
            self._write_review(line, "info" if admission.allowed else "warning")

    def _write_review(self, line: dict[str, Any], level: str) -> None:
        if _LEVELS[level] < self._style.number:
            return
        if self._style.format is LogFormat.TEXT:
            getattr(self.log, level)(_REVIEW, **line)
            return
        # What `log` would write, at a fifth of its cost: there is one of these for every pod.
        line |= {"event": _REVIEW, "level": level, "timestamp": datetime.now(UTC)}
        self._stream.write(orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))

    def connection_dropped(self, reason: str) -> None:
        """Count a connection given up for `reason`, without a line: a flood would fill the log."""
        self._dropped.labels(reason).inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format: what `collected` gives where it is set, else this process's own."""
        return generate_latest(Collected(self.collected()) if self.collected else self.registry)

    def _counted_namespace(self, namespace: str) -> str:
        if namespace not in self._namespaces:
            if len(self._namespaces) >= _MOST_NAMESPACES or len(namespace) > _LONGEST_NAME:
                return _OTHERS
            self._namespaces.add(namespace)
        return namespace

    def _outcome(self, admission: Admission) -> tuple[Counter, str]:
        if not admission.allowed:
            return self._failure, REFUSED if admission.decision else UNREADABLE_POD
        if admission.decision and admission.decision.inject:
            return self._success, admission.decision.reason
        return self._skip, admission.decision.reason if admission.decision else UNREADABLE_POD


def _review_line(request: AdmissionRequest, admission: Admission, reason: str, seconds: float) -> dict[str, Any]:
    metadata = request.pod.get("metadata") if isinstance(request.pod, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    name = request.name or metadata.get("name") or metadata.get("generateName")
    line: dict[str, Any] = {
        "uid": shortened(request.uid, _LONGEST_NAME),
        "namespace": shortened(request.namespace, _LONGEST_NAME),
        "name": shortened(str(name or ""), _LONGEST_NAME),
        "allowed": admission.allowed,
        "inject": bool(admission.decision and admission.decision.inject),
        "reason": reason,
        "templates": admission.templates,
        "configuration": admission.configuration,
        "operations": len(admission.patch),
        "milliseconds": round(seconds * 1000, 3),
    }
    if admission.message:
        line["message"] = admission.message
    if admission.warnings:
        line["warnings"] = admission.warnings
    if request.dry_run:
        line["dry_run"] = True
    return line


def _with_short_texts(_logger: Any, _method: str, line: Any) -> Any:
    return {key: shortened(value, _LONGEST_TEXT) if isinstance(value, str) else value for key, value in line.items()}


def _logger(stream: LossyStream, style: LogStyle) -> Any:
    as_json = structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line, default=str))
    as_text = (structlog.dev.ConsoleRenderer(colors=False), lambda _logger, _name, line: line.encode())
    return structlog.wrap_logger(
        structlog.BytesLogger(stream),  # type: ignore[arg-type]  # of a file it takes `write` and `flush`
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _with_short_texts,
            *((as_json,) if style.format is LogFormat.JSON else as_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(style.number),
        cache_logger_on_first_use=True,
    )
