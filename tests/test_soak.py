"""The soak's own judgement; the soak itself takes ten minutes (`make soak`)."""

from collections.abc import Iterator, Sequence

import pytest

from tests import soak
from tests.bench.load import Result
from tests.soak import Slice, faults_of, growth_of

RATE = 1000.0


def half_minute(*, answered: float = RATE, failed: int = 0, memory: int = 100_000_000) -> Slice:
    return Slice(Result(answered, 1.0, 2.0, failed), memory)


FLAT = [half_minute() for _ in range(4)]
FAULTY = {
    "1 reviews failed": [*FLAT, half_minute(failed=1)],
    "1 of 5 half minutes under 99% of the rate": [*FLAT, half_minute(answered=989.0)],
    "memory grew by 5.1% after the first minute, 5% are allowed": [*FLAT, half_minute(memory=105_100_000)],
}


@pytest.mark.parametrize(
    ("memory", "growth"), [([100], 0.0), ([50, 100, 104, 102], 0.04), ([200, 100, 90], 0.0), ([90, 100, 110], 0.1)]
)
def test_growth_counts_from_the_end_of_the_first_minute(memory: list[int], growth: float) -> None:
    assert growth_of(memory) == pytest.approx(growth)


def test_what_stays_within_the_bounds_is_no_fault() -> None:
    assert faults_of([*FLAT, half_minute(answered=991.0, memory=104_900_000)], RATE) == []


@pytest.mark.parametrize(("fault", "found"), FAULTY.items(), ids=FAULTY)
def test_each_fault_is_told_and_is_the_exit_status(
    fault: str, found: Sequence[Slice], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def soaked(_slices: int, _rate: float) -> Iterator[Slice]:
        yield from found

    monkeypatch.setattr(soak, "soak", soaked)
    assert soak.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == fault


def test_without_a_fault_it_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(soak, "soak", lambda _slices, _rate: iter(FLAT))
    assert soak.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no fault"
