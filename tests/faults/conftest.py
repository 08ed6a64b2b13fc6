"""A real `injector serve`, in a process of its own."""

import pytest

from tests.cli.serving import Server, Start


@pytest.fixture
def server(start: Start) -> Server:
    return start("--drain-seconds", "1")
