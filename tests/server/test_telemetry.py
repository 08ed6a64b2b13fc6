"""The log is written whole, whoever writes."""

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from injector.core.model import EMPTY_SNAPSHOT
from injector.server.app import create_app
from injector.server.handler import answer
from injector.server.state import Service, State
from injector.server.telemetry import LossyStream, Telemetry
from tests.bench.subjects import SNAPSHOT, review, small_pod
from tests.support import default_setup


def test_lines_of_several_threads_are_written_one_after_the_other(tmp_path: Path) -> None:
    """Certificates are looked after in a thread of its own, which tells of it while reviews are logged."""
    file, lost = tmp_path / "log", Counter[str]()
    lines = [b"%d " % number * 50 + b"\n" for number in range(4)]
    with file.open("wb") as log, ThreadPoolExecutor(4) as pool:
        stream = LossyStream(log, lambda: lost.update(["line"]))

        def write(line: bytes) -> None:
            for _ in range(5_000):
                stream.write(line)

        list(pool.map(write, lines))
    assert Counter(file.read_bytes().splitlines(keepends=True)) == dict.fromkeys(lines, 5_000)
    assert not lost


def test_caches_are_told_by_name_and_counted_on_from_state_to_state() -> None:
    service, telemetry = Service(State(default_setup(), SNAPSHOT)), Telemetry(io.BytesIO())
    create_app(service, telemetry)
    for _ in range(3):
        answer(review(small_pod(1), 1), "/inject", service.state)
    service.publish(EMPTY_SNAPSHOT)
    told = telemetry.exposition().decode()
    assert 'sidecar_injector_cache_hits_total{cache="answers"} 1.0' in told
    assert 'sidecar_injector_cache_misses_total{cache="answers"} 2.0' in told
    assert 'sidecar_injector_cache_bytes{cache="documents"}' in told


def test_a_line_shows_little_of_what_others_sent() -> None:
    stream = io.BytesIO()
    telemetry = Telemetry(stream)
    pod = small_pod(1)
    pod["metadata"] = {"name": "n" * 100_000, "annotations": {"sidecar.istio.io/proxyCPU": "x" * 100_000}}
    telemetry.record(answer(review(pod, 1), "/inject", State(default_setup(), SNAPSHOT)), 0.001)
    assert len(stream.getvalue()) < 4_000
    telemetry.log.error("upkeep failed", message="m" * 100_000)
    assert len(stream.getvalue()) < 16_000


def test_refusals_are_counted_by_namespace_and_by_no_more_than_a_hundred_of_them() -> None:
    telemetry, state = Telemetry(io.BytesIO()), State(default_setup(), SNAPSHOT)
    for number in range(150):
        pod = small_pod(1)
        pod["metadata"]["annotations"] = {"sidecar.istio.io/proxyCPU": "x", "sidecar.istio.io/inject": "true"}
        body = review(pod, 1).replace(b'"shop"', f'"n{number}"'.encode())
        telemetry.record(answer(body, "/inject", state), 0.001)
    lines = [line for line in telemetry.exposition().decode().splitlines() if "refusals_total{" in line]
    assert len(lines) == 101
    assert 'sidecar_injector_refusals_total{pod_namespace="others"} 50.0' in lines
