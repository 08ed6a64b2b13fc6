"""The parts of the benchmark that decide something: counting, comparing, drawing, writing."""

from pathlib import Path

from tests.bench.commands import measure as measure_commands
from tests.bench.curves import Line, chart
from tests.bench.instructions import counted, counts, regressions
from tests.bench.patches import least
from tests.bench.report import write_into
from tests.support import fresh_setup


def test_instructions_are_the_same_in_every_run() -> None:
    assert counts(fresh_setup()) == counts(fresh_setup())


def test_more_work_is_more_instructions() -> None:
    assert counted(lambda: [each + 1 for each in range(100)]) > 2 * counted(lambda: [each + 1 for each in range(10)])


def test_a_regression_is_named_and_noise_is_not() -> None:
    (line,) = regressions({"a": 1_000, "b": 1_000, "gone": 1}, {"a": 1_049, "b": 1_100, "new": 5})
    assert line == "b: 1,100 instructions, 1,000 before (+10%)"


def test_the_least_of_a_patch_is_what_the_pod_gains() -> None:
    before = {"a": 1, "items": [{"name": "x", "v": 1}]}
    after = {"a": 1, "b": "new", "items": [{"name": "x", "v": 22}, {"name": "y"}]}
    assert least(before, after) == len('"b":"new"') + len("22") + len('{"name":"y"}')


def test_a_chart_shows_each_line_by_name() -> None:
    svg = chart("Cost", "things", [Line("a & b", [(1, 2), (3, 4)])])
    assert svg.startswith("<svg")
    assert "a &amp; b" in svg
    assert svg.count("<circle") == 2


def test_the_table_goes_between_the_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("top\n<!-- bench -->\nold\n<!-- end of bench -->\nbottom\n", encoding="utf-8")
    assert write_into(page, "new\n")
    assert page.read_text(encoding="utf-8") == "top\n<!-- bench -->\nnew\n<!-- end of bench -->\nbottom\n"
    page.write_text("no marks\n", encoding="utf-8")
    assert not write_into(page, "new\n")
    assert page.read_text(encoding="utf-8") == "no marks\n"


def test_commands_are_run_and_timed() -> None:
    found = measure_commands(runs=1, keys=3, deployments=2)
    assert next(iter(found)) == "injector --version"
    assert len(found) == 4
    assert all(taken.endswith("s of a processor") for taken in found.values())
