"""The log is written whole, whoever writes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from injector.server.telemetry import LossyStream


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
