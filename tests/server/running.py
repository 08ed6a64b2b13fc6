"""A running server, as tests see it."""

import io
import json
import ssl
from dataclasses import dataclass
from typing import Any

from certs.directory import DirectoryStore
from injector.server.run import ServingCertificate
from injector.server.state import Service
from injector.server.telemetry import Telemetry

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a server that listens on `port` of 127.0.0.1."""

    port: int
    store: DirectoryStore
    service: Service
    telemetry: Telemetry
    certificate: ServingCertificate
    log: io.BytesIO

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """What a client trusts: the server's own authority, as published now."""
        return ssl.create_default_context(cafile=self.store.bundle)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]
