"""`python -m tests.bench`: measure and write `bench/results/`. With `--gate`: compare instruction counts and stop."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from injector.config import load
from injector.core.setup import Setup, set_up
from tests.bench import (
    commands,
    dearest,
    end_to_end,
    first_reviews,
    in_process,
    instructions,
    patches,
    process,
    report,
    scaling,
)
from tests.bench.curves import Line, chart


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where the gate finds a regression."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--gate", action="store_true", help="only compare instruction counts with the saved report")
    parser.add_argument(
        "--config-maps", action="append", type=Path, default=[], help="measure a file with ConfigMaps of Istio too"
    )
    options = parser.parse_args(arguments)
    setup = set_up(load().config)
    if options.gate:
        return _gate(setup)
    made = measure(setup, options.config_maps)
    report.save(made)
    scaling.write_page(made)
    _draw(made["in_process"])
    sys.stdout.write(report.markdown(made))
    return 0


def measure(setup: Setup, config_maps: Sequence[Path] = ()) -> dict[str, Any]:
    """The whole report; `config_maps` are files of installations whose templates are measured beside the shipped."""
    made: dict[str, Any] = {"machine": report.machine()}
    installations = (in_process.measure_installation([file]) for file in config_maps)
    rows = (*in_process.measure(setup), *dearest.measure(setup), *installations)
    made["in_process"] = [asdict(row) for row in rows]
    made["first_review_ms"] = in_process.first_review() / 1000
    made["patches"] = [asdict(size) for size in patches.measure(setup)]
    made["process"] = process.measure(setup)
    made["instructions"] = {"python": instructions.python_version(), "counts": instructions.counts(setup)}
    made["end_to_end"] = [asdict(row) for row in end_to_end.measure()]
    made["process"] |= end_to_end.start_up() | first_reviews.measure() | commands.measure()
    return made


def _gate(setup: Setup) -> int:
    before = report.saved()["instructions"]
    if before["python"] != instructions.python_version():
        sys.stdout.write(f"no comparison: the saved counts are of Python {before['python']}\n")
        return 0
    found = instructions.regressions(before["counts"], instructions.counts(setup))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "no regression\n")
    return 1 if found else 0


def _draw(rows: Sequence[dict[str, Any]]) -> None:
    for group, across in (("variables", "environment variables"), ("containers", "containers")):
        chosen = [row for row in rows if row["group"] == group and row["state"] == in_process.NEVER_SEEN]
        sizes = [float(row["subject"].split()[0].replace(",", "")) for row in chosen]
        lines = [
            Line(name, list(zip(sizes, [row["cost"][key] for row in chosen], strict=True)))
            for name, key in (("the injector, pods never seen before", "microseconds"), ("floor", "floor"))
        ]
        svg = chart(f"Cost of a review by {across}", across, lines)
        (report.RESULTS / f"{group}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
