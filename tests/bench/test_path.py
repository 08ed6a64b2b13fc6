"""The way of a usual pod stays short enough to be read."""

import pytest

from tests.bench.path import travel_of, usual_travel
from tests.support import REPOSITORY

# A change that makes the way longer says so here: it is read more often than anything else.
_FILES, _CHANGES = 10, 20
_FILES_OF_THE_FIRST, _CHANGES_OF_THE_FIRST = 28, 106


@pytest.mark.parametrize(
    ("is_new_shape", "files", "changes"),
    [(False, _FILES, _CHANGES), (True, _FILES_OF_THE_FIRST, _CHANGES_OF_THE_FIRST)],
    ids=["usual", "first of its shape"],
)
def test_a_pod_passes_few_files(is_new_shape: bool, files: int, changes: int) -> None:
    found = usual_travel(is_new_shape=is_new_shape)
    names = [file.removeprefix(f"{REPOSITORY}/injector/") for file in found.files]
    assert "core/admission.py" in names
    assert ("core/merge.py" in names) == is_new_shape
    assert len(found.files) <= files, names
    assert found.changes <= changes


def test_what_is_not_ours_is_not_counted() -> None:
    found = travel_of(lambda: sorted([3, 1, 2], key=lambda each: -each))
    assert (found.files, found.calls, found.changes) == ((), 0, 0)
