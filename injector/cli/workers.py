"""`--workers`: the command goes on in every worker, each a whole server; this process only looks after them."""

from dataclasses import replace

from injector.cli.errors import InputError
from injector.server.run import Listening, bind
from injector.server.telemetry import Telemetry
from injector.server.workers import Supervisor


def in_workers(listening: Listening, workers: int) -> Listening:
    """Where to listen: as given for a single worker, which is this process; else forks, and returns in each worker.

    Raises InputError where the address cannot be had.
    """
    if workers == 1:
        return listening
    try:
        bound = bind(listening)
    except OSError as error:
        raise InputError(f"cannot serve on {listening.host}:{listening.port}: {error}") from error
    return replace(listening, worker=Supervisor(bound, workers, Telemetry().log).forked())
