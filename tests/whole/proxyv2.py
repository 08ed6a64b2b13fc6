#!/usr/bin/env python3
"""Stands in for the image of Istio's proxy: redirects nothing, and says that it is ready and healthy.

It only has to start and end as the agent does, so that pods with it run, probes and all.
"""

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

# Where the agent answers for itself, and for the probes of applications (reference 5.11 and 11.4).
_PORTS = (15020, 15021)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


def main(command: str) -> None:
    """Run as the container `command` is for: only the proxy stays."""
    if command != "proxy":
        return
    # The first process of a container gets no signal that it neither handles nor blocks.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    for port in _PORTS:
        server = ThreadingHTTPServer(("", port), _Answer)
        Thread(target=server.serve_forever, daemon=True).start()
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main(sys.argv[1])
