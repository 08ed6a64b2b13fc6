"""Configuration files for the tests, written from the text that stands in the test."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from injector.config import ConfigFaults, Loaded, load


def written(directory: Path, text: str, name: str = "config.yaml") -> Path:
    """The path of a new file with the text, its common indentation taken away."""
    path = directory / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def loaded(directory: Path, text: str, sets: Sequence[str] = ()) -> Loaded:
    """The text loaded as the only configuration file."""
    return load([written(directory, text)], sets)


def faults_of(directory: Path, text: str, sets: Sequence[str] = ()) -> list[str]:
    """The faults of the text as a configuration file, each without the directory's name."""
    with pytest.raises(ConfigFaults) as caught:
        loaded(directory, text, sets)
    return [str(fault).removeprefix(f"{directory}/") for fault in caught.value.faults]


def warnings_of(directory: Path, text: str) -> list[str]:
    """The warnings of the text as a configuration file, each without the directory's name."""
    return [warning.removeprefix(f"{directory}/") for warning in loaded(directory, text).warnings]
