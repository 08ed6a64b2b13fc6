"""A real `injector serve`, in a process of its own."""

from collections.abc import Iterator

import pytest

from tests.cli.serving import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a module: what a hostile client does may not show in what comes after it."""
    made = Server(tmp_path_factory.mktemp("server"), "--drain-seconds", "1")
    yield made
    made.process.kill()
    made.process.wait()
