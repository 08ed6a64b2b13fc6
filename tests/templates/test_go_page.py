"""The page about Go templates names every field and every function, and nothing else."""

import re

from injector.core.render.go.data import DATA_TYPE
from injector.core.render.go.environment import FUNCTIONS
from tests.support import REPOSITORY

PAGE = (REPOSITORY / "docs" / "go-templates.md").read_text(encoding="utf-8")


def table(name: str) -> str:
    return PAGE.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]


def test_every_field_is_named() -> None:
    named = set(re.findall(r"^\| .*?(?= \| )", table("fields"), re.MULTILINE))
    fields = {field for cell in named for field in re.findall(r"`\.(\w+)`", cell)}
    assert fields == {*DATA_TYPE.fields, "EstimatedConcurrency"}


def test_every_function_is_named_once() -> None:
    named = re.findall(r"`(\w+)`", table("functions"))
    assert sorted(named) == sorted(FUNCTIONS.by_name)
