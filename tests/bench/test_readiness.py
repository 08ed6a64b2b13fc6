"""The measurement of readiness probes during a flood has a flood, and probes."""

import pytest

from tests.bench.readiness import measure


@pytest.mark.parametrize("flood", ["handshakes", "silent"])
def test_probes_are_counted_during_a_flood(flood: str) -> None:
    found = measure(flood, rate=50, seconds=4)
    assert found.made > 0
    assert found.probes > 1
    assert found.failed <= found.probes
