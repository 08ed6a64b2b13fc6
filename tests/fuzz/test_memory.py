"""A worker stays small, whatever it is sent."""

import json
import subprocess
import sys

from tests.fuzz.effort import EXAMPLES

MOST_MEGABYTES = 160


def test_no_kind_of_review_makes_a_worker_grow() -> None:
    reviews = max(20, EXAMPLES * 2 // 5)  # 10,000 in `make fuzz`
    command = [sys.executable, "-m", "tests.fuzz.memory", str(reviews)]
    held = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert {kind: most for kind, most in held.items() if most > MOST_MEGABYTES} == {}
