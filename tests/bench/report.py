"""The report: what was measured, as JSON for programs and as Markdown for people."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from tests.bench import targets
from tests.support import REPOSITORY

RESULTS = REPOSITORY / "bench" / "results"
JSON_REPORT, MARKDOWN_REPORT = RESULTS / "report.json", RESULTS / "report.md"
_START, _END = "<!-- bench -->", "<!-- end of bench -->"

Report: TypeAlias = Mapping[str, Any]


def machine() -> dict[str, Any]:
    """What the numbers belong to."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def save(report: Report) -> None:
    """Write both forms, and the table into the README where it has room for it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    JSON_REPORT.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    MARKDOWN_REPORT.write_text(markdown(report), encoding="utf-8")
    write_into(REPOSITORY / "README.md", summary(report))


def saved() -> Report:
    """The last report. Raises FileNotFoundError where there is none."""
    report: Report = orjson.loads(JSON_REPORT.read_bytes())
    return report


def write_into(page: Path, text: str) -> bool:
    """Put `text` between the benchmark's two marks in `page`; whether it has them."""
    return write_between(page, (_START, _END), text)


def write_between(page: Path, marks: tuple[str, str], text: str) -> bool:
    """Put `text` between `marks` in `page`; whether it has them."""
    before, start, rest = page.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        return False
    page.write_text(f"{before}{start}\n{text}{end}{after}", encoding="utf-8")
    return True


def summary(report: Report) -> str:
    """The table of the README: what matters most."""
    rows = [row for row in report["in_process"] if row["subject"] in _CHOSEN or row["group"] == "dearest"]
    parts = [measured_on(report["machine"]), *_table(_IN_PROCESS, map(_in_process_row, rows))]
    served = [row for row in report.get("end_to_end") or () if row["workers"] == 1 and row["subject"] in _CHOSEN]
    if served:
        parts += ["", *_table(_END_TO_END, _end_to_end_rows(served))]
    return "\n".join(parts) + "\n"


# What a user decides by: the usual case as API servers send it, its replicas, and, beside them, the worst one.
_CHOSEN = ("small pod", "Deployment's pod", "StatefulSet's pod", "2,000 variables")


def markdown(report: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(report)) + "\n"


_IN_PROCESS = ("review", "seen before", "body", "cost", "floor", "cost ÷ floor", "aim")
_END_TO_END = (
    *("server", "pods", "seen before", "workers", "body", "requests/s", "of the floor", "aim"),
    *("p50 at half load", "p99", "aim"),
)


def _lines(report: Report) -> Iterator[str]:
    yield from (
        "# Benchmarks",
        "",
        measured_on(report["machine"]),
        "Written by `make bench`; `docs/performance.md` explains it.",
    )
    yield from ("", "## In process", "", "From the bytes of a review to the bytes of its answer, on one core. Floor:")
    yield "the same review decoded and allowed, with orjson. *Never seen*: each pod has names, images and values of its"
    yield "own. *First of its shape*: and a field, too, that none before it had (docs/performance.md)."
    yield "*Replica*: another pod of the same workload. Pods of controllers are reviewed as an API server sent them"
    yield "(`python -m tests.bench.recording`). *Dearest*: the worst that was found of a size (`tests/fuzz/dear.py`)."
    yield from ("", *_table(_IN_PROCESS, map(_in_process_row, report["in_process"])), "")
    yield f"The first review after a start without warming takes {report['first_review_ms']:.0f} ms."
    yield from ("", "![cost by environment variables](variables.svg)", "![cost by containers](containers.svg)")
    if report.get("end_to_end"):
        yield from (
            "",
            "## End to end",
            "",
            "HTTPS, keep-alive, HTTP/1.1; server and client each on a core of its own.",
        )
        yield "Floor: a FastAPI route on the same uvicorn that decodes the review with orjson and allows it."
        yield from ("", *_table(_END_TO_END, _end_to_end_rows(report["end_to_end"])))
    yield from ("", "## Patches", "", "Beside the least that any patch has to carry: what the pod gains, as JSON.", "")
    sizes = ((p["subject"], p["operations"], f"{p['patch_bytes']:,} B", f"{p['least']:,} B") for p in report["patches"])
    yield from _table(("pod", "operations", "patch", "least"), sizes)
    yield from ("", "## Process", "", *_table(("what", "value"), report["process"].items()))
    yield from ("", "## Instructions", "", "Bytecode instructions of one answer: the same on every machine, and what")
    yield f"`python -m tests.bench --gate` compares. Python {report['instructions']['python']}."
    yield from ("", *_table(("review", "instructions"), _thousands(report["instructions"]["counts"])))


def _thousands(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    return ((name, f"{count:,}") for name, count in counts.items())


def measured_on(on: Mapping[str, Any]) -> str:
    """The line above a table: when and where it was measured."""
    return (
        f"Measured {on['date']} on {on['cores']} cores of {on['processor']}, Python {on['python']}, "
        f"load {on['load_before']} before the run.\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(map(str, row))} |"


def _in_process_row(row: Report) -> tuple[str, ...]:
    cost = row["cost"]
    ratio = cost["microseconds"] / cost["floor"]
    micro, floor = (f"{cost[key]:.0f} µs" if cost[key] >= 10 else f"{cost[key]:.1f} µs" for key in cost)
    aim = targets.IN_PROCESS.get((row["subject"], row["state"]))
    said = targets.verdict(cost["microseconds"], aim, " µs")
    return (row["subject"], row["state"], f"{row['body_bytes']:,} B", micro, floor, f"{ratio:.1f}", said)


def _end_to_end_rows(rows: Sequence[Report]) -> Iterator[tuple[str, ...]]:
    """A row for each server and kind of review, its aims as far as there are any: those are of one worker."""
    floors = {(row["subject"], row["workers"]): row["p99_ms"] for row in rows if row["server"] == "floor"}
    for row in rows:
        aim = targets.OF_FLOOR.get((row["subject"], row["reviews"])) if row["server"] != "floor" else None
        is_aimed = aim is not None and row["workers"] == 1
        latest = floors[row["subject"], row["workers"]] + targets.P99_ABOVE_FLOOR_MS if is_aimed else None
        yield (
            row["server"], row["subject"], row["reviews"], str(row["workers"]), f"{row['body_bytes']:,} B",
            f"{row['requests_per_second']:,.0f}", f"{row['of_floor']:.0%}",
            targets.verdict(row["of_floor"] * 100, aim * 100 if aim and is_aimed else None, "%", least=True),
            f"{row['p50_ms']:.1f} ms", f"{row['p99_ms']:.1f} ms", targets.verdict(row["p99_ms"], latest, " ms"),
        )  # fmt: skip


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
