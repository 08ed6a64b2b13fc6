"""The way of a usual pod stays short enough to be read."""

from tests.bench.path import travel_of, usual_travel
from tests.support import REPOSITORY

# A change that makes the way longer says so here: it is read more often than anything else.
_FILES, _CHANGES = 27, 97


def test_a_usual_pod_passes_few_files() -> None:
    found = usual_travel()
    names = [file.removeprefix(f"{REPOSITORY}/injector/") for file in found.files]
    assert "core/admission.py" in names
    assert len(found.files) <= _FILES, names
    assert found.changes <= _CHANGES


def test_what_is_not_ours_is_not_counted() -> None:
    found = travel_of(lambda: sorted([3, 1, 2], key=lambda each: -each))
    assert (found.files, found.calls, found.changes) == ((), 0, 0)
