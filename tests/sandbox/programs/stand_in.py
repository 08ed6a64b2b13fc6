"""Stands in for the program of a sidecar: `stand_in.py once|serve PORT,PORT … -- ARGUMENT …`.

The files that its arguments name have to be there, as they are where volumes are mounted. Then it answers every request
on its ports, as health checks expect, until it is stopped; or ends at once.
"""

import re
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_STOP = {signal.SIGTERM, signal.SIGINT}
_FILE = re.compile(r"(?:^|=)(/\S+\.(?:yaml|hcl))$")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Everything is well."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 -- the name of the method it replaces
        """Say nothing."""


def main(mode: str, ports: list[int], arguments: list[str]) -> None:
    """Look for the files, then serve or end."""
    for argument in arguments:
        named = _FILE.search(argument)
        if named:
            Path(named[1]).read_text(encoding="utf-8")
    # Process 1 of a container hears only of signals that it waits for.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    for port in ports:
        Thread(target=ThreadingHTTPServer(("", port), _Handler).serve_forever, daemon=True).start()
    if mode == "serve":
        signal.sigwait(_STOP)


if __name__ == "__main__":
    place = sys.argv.index("--")
    main(sys.argv[1], [int(port) for port in sys.argv[2].split(",") if port], sys.argv[place + 1 :])
