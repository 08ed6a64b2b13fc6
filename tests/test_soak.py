"""The soak's own arithmetic; the soak itself takes ten minutes (`make soak`)."""

import pytest

from tests.soak import growth_of


@pytest.mark.parametrize(
    ("memory", "growth"), [([100], 0.0), ([50, 100, 104, 102], 0.04), ([200, 100, 90], 0.0), ([90, 100, 110], 0.1)]
)
def test_growth_counts_from_the_end_of_the_first_minute(memory: list[int], growth: float) -> None:
    assert growth_of(memory) == pytest.approx(growth)
