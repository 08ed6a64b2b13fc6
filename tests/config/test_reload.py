"""A bad new configuration never replaces a good one."""

from pathlib import Path

import pytest

from injector.config import Loaded, load
from injector.config.reload import reload
from tests.config.files import written


def test_a_good_new_one_is_in_force(tmp_path: Path) -> None:
    """And there is no fault to tell."""
    result = reload(load(), lambda: load([written(tmp_path, "policy: disabled")]))
    assert (result.succeeded, result.fault, result.current.config.policy) == (True, "", "disabled")


def test_the_last_good_one_stays_where_the_new_one_is_at_fault(tmp_path: Path) -> None:
    """The faults are told as they are at start."""
    previous = load()
    result = reload(previous, lambda: load([written(tmp_path, "policy: maybe")]))
    assert not result.succeeded
    assert result.current is previous
    assert "config.yaml:1: policy: 'maybe' is not valid" in result.fault


def test_what_is_expected_can_be_said_and_nothing_else_is_hidden() -> None:
    """A template's fault, say; a fault of the program is raised."""
    previous = load()

    def broken() -> Loaded:
        raise KeyError("x")

    assert reload(previous, broken, (KeyError,)).current is previous
    with pytest.raises(KeyError):
        reload(previous, broken)
