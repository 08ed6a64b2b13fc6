"""A stand-in for the API server: what it answers, request by request, is written down by the test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client import Configuration

from injector.cluster.api import ApiServer


@dataclass
class Scripted:
    """Answers in order: a JSON document, a list of watch events, or an HTTP status; the last one is repeated."""

    answers: list[Any]
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def answering(*answers: Any) -> Iterator[tuple[ApiServer, Scripted]]:
    """A connection to a server that gives `answers`, and what it was asked."""
    script = Scripted(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.requests.append((self.command, url.path, dict(parse_qsl(url.query)), json.loads(body or b"null")))
            answer = script.next()
            status = answer if isinstance(answer, int) else 200
            lines = answer if isinstance(answer, list) else [{"code": status} if status != 200 else answer]
            self.send_response(status)
            self.end_headers()
            for line in lines:
                self.wfile.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield ApiServer(configuration), script
        finally:
            server.shutdown()


def listed(version: str, *names: str) -> Any:
    """A list of namespaces at a resource version."""
    return {"metadata": {"resourceVersion": version}, "items": [{"metadata": {"name": name}} for name in names]}


def event(kind: str, name: str, version: str) -> Any:
    """A watch event about a namespace."""
    return {"type": kind, "object": {"kind": "Namespace", "metadata": {"name": name, "resourceVersion": version}}}


def gone() -> Any:
    """The event that says that a resource version is no longer kept."""
    return {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
