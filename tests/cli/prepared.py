"""A process in which everything that commands import is imported: each command it is asked for runs in a fork of it.

Most of what a short command takes is imports, and the tests run hundreds of them. Arguments, environment, folder and
the three streams are those of whoever asks; what is imported stays what the command itself would import.
"""

import json
import os
import signal
import socket
import sys
import traceback
from importlib import import_module
from typing import NoReturn, TypedDict

from injector.cli.application import COMMANDS
from injector.cli.main import main as injector

LONGEST_REQUEST = 1_000_000
_SECONDS = 60
# What commands import when they are called.
_LATER = ("jinja2", "injector.core.admission", "injector.config", "injector.reports.evaluate")


class Request(TypedDict):
    """What is asked for, apart from the streams, which come with it."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


def main() -> None:
    """Run what is asked for over the socket at standard input, one command after the other, until it is closed."""
    asking = socket.socket(fileno=os.dup(0))
    for name in (*(f"injector.cli.{command}" for command in COMMANDS), *_LATER):
        import_module(name)
    while True:
        request, streams, _, _ = socket.recv_fds(asking, LONGEST_REQUEST, 3)
        if not request:
            return
        child = os.fork()
        if child == 0:
            asking.close()
            _become(json.loads(request), streams)
        for stream in streams:
            os.close(stream)
        asking.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(request: Request, streams: list[int]) -> NoReturn:
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = ["injector", *request["arguments"]]
        sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: PTH123, SIM115
        signal.alarm(_SECONDS)
        injector()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 -- as the interpreter does with what nobody caught
        traceback.print_exc()
    finally:
        for written in (sys.stdout, sys.stderr):
            try:
                written.flush()
            except OSError:
                status = 120
        os._exit(status)


if __name__ == "__main__":
    main()
