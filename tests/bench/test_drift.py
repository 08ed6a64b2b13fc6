"""The measurement of `injector drift` measures what it says: injected pods of which none differs."""

from tests.bench.drift import END, PAGE, SIZES, START, Cost, measure, table


def test_a_small_cluster_is_measured() -> None:
    cost = measure(30, namespaces=3, nodes=2)
    assert cost.pods == 30
    assert cost.peak > 10_000_000
    assert cost.busy > 0


def test_the_table_has_a_row_for_each_size() -> None:
    assert table([Cost(5_000, 20.04, 18.0, 134_000_000)]).splitlines()[-1] == "| 5,000 | 20.0 | 18.0 | 134 |"


def test_the_page_holds_what_was_promised() -> None:
    """30 s of a core and 300 MB for 5,000 pods."""
    shown = PAGE.read_text(encoding="utf-8").split(f"{START}\n")[1].split(END)[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("| ")]
    largest = next(row for row in rows if row[0] == f"{SIZES[-1]:,}")
    assert float(largest[2]) <= 30
    assert float(largest[3]) <= 300
