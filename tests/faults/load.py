"""Clients that keep a server busy, and what became of their requests."""

import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException, HTTPSConnection
from threading import Event, Lock
from urllib.parse import urlsplit

from tests.cli.serving import Server
from tests.support import pod_of, review_of

JSON = {"Content-Type": "application/json"}
BODY = review_of(pod_of())


class Load:
    """Counts replies by status, and requests that were sent and got none as `lost`.

    Where no connection is to be had, nothing was sent, and nothing is lost: a client tries the next replica.
    """

    def __init__(self, server: Server) -> None:
        """Send to `server`."""
        address = urlsplit(server.url)
        self._where = address.hostname or "", address.port or 0
        self._trust = ssl.create_default_context(cafile=server.store.bundle)
        self._stop = Event()
        self._lock = Lock()
        self.outcomes: Counter[str] = Counter()

    def count(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1

    @contextmanager
    def running(self, clients: int) -> Iterator["Load"]:
        """`clients` send one request after the other while the block runs."""
        with ThreadPoolExecutor(clients) as pool:
            futures = [pool.submit(self._client) for _ in range(clients)]
            try:
                yield self
            finally:
                self._stop.set()
                for future in futures:
                    future.result()

    def _client(self) -> None:
        connection: HTTPSConnection | None = None
        while not self._stop.is_set():
            if connection is None or connection.sock is None:
                connection = HTTPSConnection(*self._where, timeout=60, context=self._trust)
                try:
                    connection.connect()
                except OSError:
                    self.count("no connection")
                    self._stop.wait(0.05)
                    connection = None
                    continue
            self._request(connection)

    def _request(self, connection: HTTPSConnection) -> None:
        try:
            connection.request("POST", "/inject", BODY, JSON)
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            self.count("lost")
            connection.close()
        else:
            self.count(str(response.status))
