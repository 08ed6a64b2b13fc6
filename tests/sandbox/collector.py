"""A real HTTP server that collects spans on the sandbox's node."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from tests.sandbox import GATEWAY, Sandbox
from tests.sandbox.programs.collector import PORT, CollectorServer

Spans: TypeAlias = list[dict[str, Any]]


@contextmanager
def collector(sandbox: Sandbox) -> Iterator[Spans]:
    """Spans as they arrive at `GATEWAY`, port 9411, on the sandbox's node."""
    with sandbox.on_node():
        server = CollectorServer((f"::ffff:{GATEWAY}", PORT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.spans
    finally:
        server.shutdown()
        server.server_close()
