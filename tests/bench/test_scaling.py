"""The page on scaling shows what its model prints."""

import pytest

from tests.bench import report
from tests.bench.scaling import END, PAGE, START, Costs, main, measured, page, replicas, simulated

ROWS = [
    {"server": "floor", "reviews": "never seen", "workers": 1, "body_bytes": 100, "requests_per_second": 9000},
    {"server": "injector", "reviews": "never seen", "workers": 1, "body_bytes": 100, "requests_per_second": 2000},
    {"server": "injector", "reviews": "identical", "workers": 1, "body_bytes": 100, "requests_per_second": 8000},
    {"server": "injector", "reviews": "never seen", "workers": 1, "body_bytes": 900, "requests_per_second": 500},
    {"server": "injector", "reviews": "never seen", "workers": 2, "body_bytes": 100, "requests_per_second": 3000},
]
REPORT = {"machine": {"date": "today", "cores": 2, "processor": "P", "python": "3"}, "end_to_end": ROWS}


def test_the_page_shows_exactly_what_the_model_makes_of_the_last_report() -> None:
    """`make bench` writes both."""
    shown = PAGE.read_text(encoding="utf-8").split(f"{START}\n")[1].split(END)[0]
    assert shown == page(measured(report.saved()))


def test_costs_are_those_of_the_smallest_pod_on_one_worker() -> None:
    assert measured(REPORT) == Costs(0.5, 0.125, "measured today on 2 cores of P, Python 3")
    assert Costs(0.5, 0.1).of(1.0) == 0.5
    assert Costs(0.5, 0.1).of(0.5) == pytest.approx(0.3)


def test_what_breaks_first_stands_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cost", "0.5", "--identical", "0.1"]) == 0
    printed = capsys.readouterr().out
    assert printed == page(Costs(0.5, 0.1))
    rows = printed.split("| --- | --- | --- |\n")[-1].splitlines()
    assert [row.split("|")[1].strip() for row in rows] == [
        "latency",
        "shedding, under a steady load",
        "shedding, by a burst",
        "connections",
    ]
    assert "from 1,800 reviews a second on" in rows[0]
    assert "from 2,000 reviews a second on | 503 after 1 s at most" in rows[1]


def test_replicas_keep_the_utilisation_with_one_to_spare() -> None:
    assert replicas(1_000, 1.0, 0.5) == 3
    assert replicas(1_001, 1.0, 0.5) == 4


def test_waiting_grows_with_utilisation_and_only_overload_is_shed() -> None:
    calm, busy, over = (simulated(1.0, utilisation) for utilisation in (0.3, 0.9, 1.5))
    assert calm[0] < busy[0] < over[0]
    assert calm[1] == busy[1] == 0
    assert 0.3 < over[1] < 0.34
