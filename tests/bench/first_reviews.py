"""The first review of each template over TLS: after a start, after a reload, and in a worker that replaced another."""

import json
import os
import signal
import ssl
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.config import load
from tests.bench.end_to_end import injector_command, serving, wait_until_ready
from tests.bench.subjects import SMALL, asking_for, review
from tests.ports import free_port
from tests.waiting import wait_until

_JSON = {"Content-Type": "application/json"}
_SUBJECTS = (SMALL, *map(asking_for, sorted(load().config.templates)))


def measure() -> dict[str, str]:
    """Milliseconds of the slowest one in each of these situations, with its pod."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        store, config, log = DirectoryStore(directory), directory / "config.yaml", directory / "log"
        ensure(store, Settings(names=("127.0.0.1", "localhost")), datetime.now(UTC))
        config.write_text("revision: default\n", encoding="utf-8")
        port = free_port()

        def lines(event: str) -> list[int]:
            found = map(json.loads, log.read_bytes().splitlines())
            return [line.get("pid", 0) for line in found if line["event"] == event]

        command = [*injector_command(port, store, 1), "--supervise", "-c", str(config)]
        made = {}
        with serving(command, log):
            wait_until_ready(port)
            made["first review of any template after a start"] = _slowest(port)
            before = len(lines("configuration in force"))
            config.write_text("revision: default\ninjectedAnnotations: {a: b}\n", encoding="utf-8")
            wait_until(lambda: len(lines("configuration in force")) > before)
            made["… after a reload"] = _slowest(port)
            os.kill(lines("worker started")[-1], signal.SIGKILL)
            wait_until(lambda: len(lines("worker started")) > 1)
            wait_until_ready(port)
            made["… in a new worker"] = _slowest(port)
        return made


def _slowest(port: int) -> str:
    seconds, name = max((_seconds(port, review(subject.make(1), 1)), subject.name) for subject in _SUBJECTS)
    return f"{seconds * 1000:.1f} ms ({name})"


def _seconds(port: int, body: bytes) -> float:
    """How long the answer to `body` takes on a connection that is open."""
    trusting = ssl._create_unverified_context()  # noqa: S323, SLF001 -- how fast it answers, not who it is
    connection = HTTPSConnection("127.0.0.1", port, context=trusting, timeout=60)
    connection.connect()
    try:
        started = perf_counter()
        connection.request("POST", "/inject", body, _JSON)
        connection.getresponse().read()
        return perf_counter() - started
    finally:
        connection.close()
