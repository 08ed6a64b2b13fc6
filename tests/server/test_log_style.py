"""Which lines are logged, and how: by level, as JSON or as text."""

from io import BytesIO

import orjson
import pytest

from injector.core.review import parse_review
from injector.server.handler import Answer
from injector.server.telemetry import LogFormat, LogLevel, LogStyle, Telemetry
from tests.support import admitted, default_setup, pod_of, review_of

REFUSED = {"sidecar.istio.io/proxyCPU": "much"}


def logged(style: LogStyle) -> list[bytes]:
    """The lines about a pod that is injected, one that is refused, and two of the server's own."""
    stream, setup = BytesIO(), default_setup()
    telemetry = Telemetry(stream, style)
    for pod in (pod_of(), pod_of(annotations=REFUSED)):
        request = parse_review(review_of(pod))
        telemetry.record(Answer(200, b"", request=request, admission=admitted(pod, setup)), 0.001)
    telemetry.log.info("serving")
    telemetry.log.error("certificates cannot be looked after", fault="x")
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("level", "events"),
    [
        (LogLevel.DEBUG, ["review", "review", "serving", "certificates cannot be looked after"]),
        (LogLevel.INFO, ["review", "review", "serving", "certificates cannot be looked after"]),
        (LogLevel.WARNING, ["review", "certificates cannot be looked after"]),
        (LogLevel.ERROR, ["certificates cannot be looked after"]),
    ],
)
def test_a_level_leaves_out_what_is_less(level: LogLevel, events: list[str]) -> None:
    assert [orjson.loads(line)["event"] for line in logged(LogStyle(level))] == events


def test_text_is_for_people() -> None:
    lines = logged(LogStyle(format=LogFormat.TEXT))
    assert len(lines) == 4
    assert all(not line.startswith(b"{") for line in lines)
    assert b"reason=Refused" in lines[1]
    assert lines[3].endswith(b"fault=x")
