"""What holds for all tests: hypothesis asserts nothing about time; servers that a test started end with it."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.cli.serving import Server, Start

settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("project"), max_examples=10)
settings.load_profile("project")


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests to no later collection of garbage, which would walk through all of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a real `injector serve`, in a process of its own, with the arguments that it is given."""
    started: list[Server] = []

    def make(*arguments: str, before: tuple[str, ...] = ()) -> Server:
        started.append(Server(tmp_path, *arguments, before=before))
        return started[-1]

    yield make
    for server in started:
        server.process.kill()
        server.process.wait()
