"""One service of Bookinfo: says its name, asks the services behind it, and hands tracing headers on.

Usage: `python -m tests.sandbox.programs.bookinfo NAME PORT [SERVICE[:PORT] …]`.
"""

import json
import socket
import sys
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HANDED_ON = ("x-request-id", "traceparent", "tracestate", "b3")
_TIMEOUT = 5


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = {} if self.path == "/health" else {name: self._ask(name) for name in sys.argv[3:]}
        failed = any("error" in answer for answer in asked.values())
        said = {"error": "a service behind this one failed"} if failed else {}
        body = json.dumps({"name": sys.argv[1], "path": self.path, "asked": asked, **said}).encode()
        self.send_response(502 if failed else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _ask(self, service: str) -> dict[str, object]:
        host, _, port = service.partition(":")
        connection = HTTPConnection(host, int(port or 9080), timeout=_TIMEOUT)
        headers = {k: v for k, v in self.headers.items() if k.lower() in _HANDED_ON or k.lower().startswith("x-b3-")}
        try:
            connection.request("GET", f"/{host}/0", headers=headers)
            answer: dict[str, object] = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        finally:
            connection.close()
        return answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Quiet: the proxy's access log tells."""


if __name__ == "__main__":
    _Server(("::", int(sys.argv[2])), _Handler).serve_forever()
