"""`python -m tests.faults.different_pods COUNT`: answer so many pods of which no two are the same.

It prints, as JSON, the megabytes that the process holds after each tenth of them.
"""

import json
import os
import sys
from pathlib import Path

from injector.server.handler import answer
from injector.server.state import State
from injector.server.telemetry import Telemetry
from tests.bench.process import resident
from tests.bench.subjects import SMALL, SNAPSHOT, review
from tests.support import default_setup

_TENTHS = 10


def main(count: int) -> None:
    """Answer, and print what was held."""
    state, held = State(default_setup(), SNAPSHOT), list[float]()
    with Path(os.devnull).open("wb") as log:
        telemetry = Telemetry(log)
        for tenth in range(_TENTHS):
            for number in range(tenth * count // _TENTHS, (tenth + 1) * count // _TENTHS):
                telemetry.record(answer(review(SMALL.make(number), number), "/inject", state), 0.001)
            held.append(round(resident(os.getpid()) / 1e6, 1))
    sys.stdout.write(json.dumps(held))


if __name__ == "__main__":
    main(int(sys.argv[1]))
