"""One row a fact: what code and templates use has a row, and every row is used."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from injector.cluster.metrics import ClusterMetrics
from injector.cluster.watch import Status
from injector.core.annotations import ANNOTATIONS, LABELS
from injector.core.metrics import METRICS
from injector.core.reasons import FAILURES, REASONS
from injector.server.telemetry import HTTP_REASONS, Telemetry
from tests.support import REPOSITORY
from tools.generate import generated_files

_SOURCES = [path for root in ("injector", "certs") for path in sorted((REPOSITORY / root).rglob("*.py"))]
_TEMPLATES = sorted((REPOSITORY / "templates").glob("*.j2"))
_ASKED = re.compile(r"""annotation\(\s*["']([^"']+)["']|annotations(?:\.get\(|\[)["']([^"']+)["']""")


@cache
def strings_of(path: Path) -> frozenset[str]:
    """Every string of a module; of one that is put together, the constant parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _text_of_users() -> str:
    """What templates and code say, but for the tables themselves."""
    tables = {"annotations.py", "reasons.py", "metrics.py"}
    code = "\n".join(string for path in _SOURCES if path.name not in tables for string in strings_of(path))
    return code + "\n".join(path.read_text(encoding="utf-8") for path in _TEMPLATES)


@pytest.mark.parametrize("path", [*generated_files()], ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    """`make generate` writes it."""
    assert path.read_text(encoding="utf-8") == generated_files()[path]


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: path.name)
def test_what_a_template_asks_for_has_a_row(template: Path) -> None:
    asked = {first or second for first, second in _ASKED.findall(template.read_text(encoding="utf-8"))}
    assert asked - ANNOTATIONS.keys() - LABELS.keys() == set()


def test_templates_ask_for_annotations() -> None:
    """Else the test above would hold for nothing."""
    text = "".join(path.read_text(encoding="utf-8") for path in _TEMPLATES)
    assert len(set(_ASKED.findall(text))) > 20


@pytest.mark.parametrize(
    "name", sorted({name for rows in (ANNOTATIONS, LABELS) for name in rows if rows[name].has_effect})
)
def test_every_row_of_an_annotation_or_label_is_used(name: str) -> None:
    prefix, _, tail = name.rpartition("/")
    users = _users()
    assert (
        name in users or (f"{prefix}/" in users and tail in users) or name.replace(".", "_").replace("/", "_") in users
    )


@cache
def _users() -> str:
    return _text_of_users()


def test_every_row_that_has_an_effect_links_to_its_section() -> None:
    page = generated_files()[REPOSITORY / "docs" / "annotations.md"]
    rows = [row for row in ANNOTATIONS.values() if row.has_effect]
    assert [row for row in rows if row.section and f"[{row.section}](reference.md#" not in page] == []


def _decision_strings() -> frozenset[str]:
    paths = (REPOSITORY / "injector" / "core" / name for name in ("decision.py", "selection.py"))
    return frozenset(string for path in paths for string in strings_of(path))


def test_every_reason_is_one_of_the_decision() -> None:
    assert REASONS.keys() - _decision_strings() == set()


def test_every_reason_of_the_decision_has_a_row() -> None:
    operators = {"DoesNotExist", "NotIn"}
    words = {each for each in _decision_strings() if re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)+|Policy", each)}
    assert words - REASONS.keys() - operators == set()


def test_every_failure_that_is_counted_has_a_row() -> None:
    assert set(HTTP_REASONS.values()) <= FAILURES.keys()


def _exported() -> Iterator[str]:
    telemetry = Telemetry()
    cluster = ClusterMetrics(telemetry.registry)
    cluster.watch(lambda: {"nodes": Status(known=True, connected=True, age_seconds=0.0, error="", objects=1)})
    return (metric.name for metric in telemetry.registry.collect())


def test_every_metric_has_a_row_and_every_row_a_metric() -> None:
    assert sorted(_exported()) == sorted(METRICS)
