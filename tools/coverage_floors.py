"""Whether the tests cover as much as they should, of lines and branches; run after pytest with `--cov`."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coverage import Coverage

FLOORS: Mapping[str, float] = {"injector/core/": 95.0, "certs/": 95.0, "": 90.0}
"""Folder (the empty one is everything) to the least share of lines and branches, in per cent."""


def main() -> int:
    """Print the share of each folder; 1 where one is below its floor."""
    files = measured_files()
    shares = {folder: share_of(folder, files) for folder in FLOORS}
    for folder, floor in FLOORS.items():
        print(f"coverage of {folder or 'everything'}: {shares[folder]:.1f}%, at least {floor:.0f}%")
    return int(any(shares[folder] < floor for folder, floor in FLOORS.items()))


def measured_files() -> Mapping[str, Mapping[str, Any]]:
    """Each measured file with coverage's own numbers for it."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        return {path: file["summary"] for path, file in json.loads(report.read_text())["files"].items()}


def share_of(folder: str, files: Mapping[str, Mapping[str, Any]]) -> float:
    """How much of the lines and branches below `folder` was executed, in per cent; 0 where there is nothing."""
    found = [summary for path, summary in files.items() if path.startswith(folder)]
    covered = sum(each["covered_lines"] + each["covered_branches"] for each in found)
    total = sum(each["num_statements"] + each["num_branches"] for each in found)
    return 100 * covered / total if total else 0.0


if __name__ == "__main__":
    sys.exit(main())
