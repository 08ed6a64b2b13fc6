"""A collector of spans on port 9411: takes them as Zipkin does, and gives them all back at `/spans`.

Source: https://zipkin.io/zipkin-api/#/default/post_spans.
"""

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 9411


class CollectorServer(ThreadingHTTPServer):
    """Holds the spans that arrived."""

    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        """Listen at `address`, with no span so far."""
        super().__init__(address, _Handler)
        self.spans: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CollectorServer

    def do_GET(self) -> None:
        self._answer(200, json.dumps(self.server.spans).encode())

    def do_POST(self) -> None:
        self.server.spans.extend(json.loads(self._body()))
        self._answer(202, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        """The body, in chunks (RFC 9112, section 7.1) or of the length in the head."""
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


if __name__ == "__main__":
    CollectorServer(("::", PORT)).serve_forever()
