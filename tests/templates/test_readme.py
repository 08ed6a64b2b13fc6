"""The README for authors of templates names what is in scope: all of it, and nothing else."""

import re

from injector.config.loader import template_files
from injector.core.render.context import SCOPE_NAMES
from injector.core.render.functions import FILTERS
from injector.core.render.jinja import JINJA_FILTERS
from tests.support import REPOSITORY

README = (REPOSITORY / "templates" / "README.md").read_text(encoding="utf-8")


def rows(table: str) -> set[str]:
    """The names in the first column of the table between two marks."""
    text = README.partition(f"<!-- {table} -->")[2].partition(f"<!-- end of {table} -->")[0]
    return set(re.findall(r"^\| `(\w+)", text, re.MULTILINE))


def test_every_name_in_scope_has_its_row() -> None:
    assert rows("names") == SCOPE_NAMES


def test_every_filter_has_its_row_and_every_filter_of_jinja_s_its_mention() -> None:
    assert rows("filters") == set(FILTERS)
    assert set(re.findall(r"`(\w+)`", README.partition("Of Jinja's filters")[2])) == set(JINJA_FILTERS)


def test_every_shipped_template_is_told_of() -> None:
    shipped = {name for name in template_files() if not name.startswith("_")}
    assert {name for name in shipped if f"| `{name}` |" in README} == shipped
