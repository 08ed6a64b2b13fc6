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
