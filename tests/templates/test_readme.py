"""The README for authors of templates names what is in scope: all of it, and nothing else."""

import re
from pathlib import Path

from injector.config.loader import template_files
from injector.core.render.context import SCOPE_NAMES
from injector.core.render.declarations import TYPES
from injector.core.render.functions import FILTERS
from injector.core.render.jinja import JINJA_FILTERS
from injector.core.template_check import template_faults
from tests.support import REPOSITORY, container_of, injected, pod_of, setup_of

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


def test_every_shipped_template_has_its_row() -> None:
    shipped = {name for name in template_files() if not name.startswith("_")}
    assert {name for name in shipped if f"| `{name}` |" in README} == shipped


def test_every_type_of_an_annotation_is_described() -> None:
    table = README.partition("| type | value |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`(?=[,` \w]*\|)", table)) >= set(TYPES)


def test_the_template_of_the_project_s_readme_is_valid(tmp_path: Path) -> None:
    page = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    example = re.search(r"## Templates of your own.*?```yaml\n(.*?)```", page, re.DOTALL)
    assert example
    setup = setup_of(tmp_path, example[1])
    assert template_faults(setup) == []
    pod = injected(pod_of(annotations={"audit.example/port": "9090", "prometheus.io/port": "80"}), setup)
    assert container_of(pod, "audit")["ports"] == [{"name": "audit", "containerPort": 9090}]
