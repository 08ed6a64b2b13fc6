"""A real HTTP server that collects spans, as Zipkin does (https://zipkin.io/zipkin-api/#/default/post_spans)."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from tests.sandbox import GATEWAY, Sandbox

Spans: TypeAlias = list[dict[str, Any]]
PORT = 9411


@contextmanager
def collector(sandbox: Sandbox) -> Iterator[Spans]:
    """Spans as they arrive at `GATEWAY`, port 9411, on the sandbox's node."""
    spans: Spans = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            spans.extend(json.loads(self._body()))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            """The body, in chunks (RFC 9112, section 7.1) or of a length that was told."""
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Quiet."""

    with sandbox.on_node():
        server = ThreadingHTTPServer((GATEWAY, PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield spans
    finally:
        server.shutdown()
        server.server_close()
