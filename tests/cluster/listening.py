"""What stands in for an API server listens here, on loopback and without TLS."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client import Configuration

from injector.cluster.api import ApiServer


class Asked(NamedTuple):
    """A request as it came: `body` is a JSON document or None."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: Any


class Reply(NamedTuple):
    """What is answered: lines are JSON documents, or bytes as they are; `cut`: the connection ends in the middle."""

    status: int
    lines: Iterable[Any]
    headers: Mapping[str, str] = MappingProxyType({})
    cut: bool = False


@contextmanager
def api_server(answer: Callable[[Asked], Reply | tuple[int, Iterable[Any]]]) -> Iterator[ApiServer]:
    """A connection to a server that answers with what `answer` gives."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = self.headers.get("Content-Type") or ""
            asked = Asked(self.command, url.path, dict(parse_qsl(url.query)), given, json.loads(body or b"null"))
            reply = Reply(*answer(asked))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            for line in reply.lines:
                content = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
                self._chunk(content[: len(content) // 2] if reply.cut else content)
            if not reply.cut:
                self._chunk(b"")

        def _chunk(self, content: bytes) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield ApiServer(configuration)
        finally:
            server.shutdown()


def kubeconfig(directory: Path, url: str) -> Path:
    """A kubeconfig for an API server that asks nobody who they are."""
    file = directory / "kubeconfig"
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(document), encoding="utf-8")
    return file
