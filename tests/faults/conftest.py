"""A real `injector serve`, in a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Server

Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Server] = []

    def make(*arguments: str) -> Server:
        started.append(Server(tmp_path, *arguments))
        return started[-1]

    yield make
    for server in started:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def server(start: Start) -> Server:
    return start("--drain-seconds", "1")
