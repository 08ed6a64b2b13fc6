"""A worker holds after very many different pods what it held after some."""

import json
import subprocess
import sys

import pytest

GROWTH_ALLOWED = 1.03


@pytest.mark.slow
def test_a_hundred_thousand_different_pods_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "tests.faults.different_pods", "100000"]
    held = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert held[-1] <= held[1] * GROWTH_ALLOWED, held
