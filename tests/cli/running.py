"""The installed command, run as a user runs it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from types import MappingProxyType

from tests.cli.prepared import Request
from tests.support import REPOSITORY

INJECTOR = Path(sys.executable).parent / "injector"
_ONE_AT_A_TIME = Lock()


def run(
    *arguments: str | Path, given: str = "", environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """The finished command; `given` is its standard input, `environment` is added to that of the tests."""
    request = Request(
        arguments=list(map(str, arguments)), environment={**os.environ, **environment}, folder=str(Path.cwd())
    )
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr, _ONE_AT_A_TIME:
        stdin.write(given.encode())
        stdin.seek(0)
        asking = _prepared()
        socket.send_fds(asking, [json.dumps(request).encode()], [stdin.fileno(), stdout.fileno(), stderr.fileno()])
        status = int(asking.recv(100))
        for stream in (stdout, stderr):
            stream.seek(0)
        shown = [stream.read().decode().replace("\r\n", "\n") for stream in (stdout, stderr)]
    return subprocess.CompletedProcess([INJECTOR, *arguments], status, *shown)


@cache
def _prepared() -> socket.socket:
    """Where `tests.cli.prepared` is asked for commands; it ends with this process."""
    asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with asked:
        subprocess.Popen([sys.executable, "-m", "tests.cli.prepared"], stdin=asked.fileno(), cwd=REPOSITORY)
    return asking
