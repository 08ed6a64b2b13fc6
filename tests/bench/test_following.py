"""What following a cluster costs is measured on a server that really follows one."""

from tests.bench.following import END, PAGE, SIZES, START, Cost, curve, measure, table

COSTS = [Cost(1, 1, 1.5, 90_000_000, 91_000_000, 0.002), Cost(10_000, 5_000, 2.5, 120_000_000, 125_000_000, 0.0123)]


def test_a_server_is_measured_while_it_follows() -> None:
    found = measure(20, 10, updating=0.5)
    assert (found.namespaces, found.nodes) == (20, 10)
    assert 0 < found.resident <= found.peak


def test_the_table_has_a_row_for_each_size() -> None:
    assert table(COSTS).splitlines()[2:] == [
        "| 1 | 1 | 1.5 | 90 | 91 | 0.2% |",
        "| 10,000 | 5,000 | 2.5 | 120 | 125 | 1.2% |",
    ]


def test_the_curve_has_a_point_for_each_size() -> None:
    assert curve(COSTS).count("<circle") == len(COSTS)


def test_the_page_holds_what_was_promised() -> None:
    """150 MB for the largest cluster, 5 s, 3% of a core."""
    shown = PAGE.read_text(encoding="utf-8").split(f"{START}\n")[1].split(END)[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("| ")]
    largest = next(row for row in rows if row[0] == f"{SIZES[-1][0]:,}")
    assert float(largest[2]) <= 5
    assert float(largest[4]) <= 150
    assert float(largest[5].rstrip("%")) <= 3
