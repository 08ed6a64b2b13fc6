"""What is aimed at: each report says whether it was met."""

from collections.abc import Mapping

# Microseconds in process, by review and by what was seen before, on one core of a machine that is calm.
IN_PROCESS: Mapping[tuple[str, str], float] = {
    ("small pod", "never seen"): 100,
    ("Bookinfo product page", "never seen"): 120,
    ("2,000 variables", "never seen"): 400,
    ("20 containers", "never seen"): 150,
    ("Deployment's pod", "never seen"): 130,
    ("Deployment's pod", "replica"): 15,
    ("StatefulSet's pod", "replica"): 40,
    ("DaemonSet's pod", "replica"): 40,
    ("Job's pod", "replica"): 40,
}
# The least part of the floor's requests a second, over TLS on one worker, and the most that p99 is above the floor's.
OF_FLOOR: Mapping[tuple[str, str], float] = {
    ("small pod", "never seen"): 0.43,
    ("Deployment's pod", "never seen"): 0.32,
}
P99_ABOVE_FLOOR_MS = 2.0
FIRST_REVIEW_MS = 10.0


def verdict(found: float, aim: float | None, unit: str, *, least: bool = False) -> str:
    """The aim and whether it was met; a dash where there is none."""
    if aim is None:
        return "-"
    is_met = found >= aim if least else found <= aim
    return f"{aim:.3g}{unit}, {'met' if is_met else 'missed'}"
