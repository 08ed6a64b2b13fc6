"""The share of lines and branches together, by folder."""

from tools.coverage_floors import share_of

_FILES = {
    "certs/a.py": {"covered_lines": 8, "covered_branches": 1, "num_statements": 8, "num_branches": 2},
    "injector/core/b.py": {"covered_lines": 1, "covered_branches": 0, "num_statements": 2, "num_branches": 0},
}


def test_lines_and_branches_count_alike() -> None:
    assert share_of("certs/", _FILES) == 90.0


def test_the_empty_folder_is_everything() -> None:
    assert round(share_of("", _FILES), 1) == 83.3


def test_a_folder_that_nothing_measured_has_none() -> None:
    assert share_of("injector/cli/", _FILES) == 0.0
