"""A running `injector serve`, as its clients and its operator see it."""

import json
import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from certs.directory import DirectoryStore
from tests.cli.running import INJECTOR
from tests.waiting import wait_until


class Server:
    """A running `injector serve` and its log."""

    def __init__(self, directory: Path, *arguments: str, before: Sequence[str] = ()) -> None:
        """Started by the command `before`, if any."""
        self.store = DirectoryStore(directory / "certs")
        self.log_file = directory / "log"
        listening = ["serve", "--host", "127.0.0.1", "--port", "0", "--cert-dir", self.store.path]
        command = [*before, INJECTOR, *listening, *arguments]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen([str(part) for part in command], stderr=log)
        self.url = self.wait_for_line("serving")["address"]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_file.read_bytes().splitlines() if line.startswith(b"{")]

    def wait_for_line(self, event: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [line for line in self.lines() if line["event"] == event]
            return bool(found)

        wait_until(look)
        return found[-1]

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.store.bundle)
        return httpx.Client(base_url=self.url, verify=context, timeout=60)


# From the arguments of `injector serve` to the server, which ends with the test.
Start = Callable[..., Server]
