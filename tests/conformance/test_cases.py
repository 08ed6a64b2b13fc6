"""The project's own conformance cases: what the reference says, and what came out when a person last looked."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conformance.suite import HERE, Case, at, case_files, cases_of, outcome_of, results_text, reviewed_again
from tests.conformance.test_public_cases import schema_faults
from tests.support import REPOSITORY

_CASES = [(file.stem, case) for file in case_files() for case in cases_of(file)]
_EACH = pytest.mark.parametrize("case", [pytest.param(case, id=f"{stem}-{case.name}") for stem, case in _CASES])
_INJECTED = [
    pytest.param(case, id=f"{stem}-{case.name}")
    for stem, case in _CASES
    if not case.file and not case.request and not {"refused"} & case.expect.keys()
]


@_EACH
def test_what_the_reference_says(case: Case) -> None:
    document = outcome_of(case).document
    assert case.expect
    for path, wanted in case.expect.items():
        found = at(document, path)
        if isinstance(wanted, str) and wanted.startswith("re:"):
            assert re.match(wanted.removeprefix("re:"), str(found)), f"{path}: {found}"
        else:
            assert found == wanted, path


@pytest.mark.parametrize("file", case_files(), ids=lambda file: file.stem)
def test_what_came_out_when_a_person_last_looked(file: Path) -> None:
    """`make bless` writes it anew; the difference is what to review."""
    shown = {case.name: outcome_of(case).shown for case in cases_of(file)}
    assert (HERE / "results" / file.name).read_text(encoding="utf-8") == results_text(shown)


@pytest.mark.parametrize("case", _INJECTED)
def test_a_result_is_a_valid_pod_and_injecting_it_again_changes_nothing(case: Case) -> None:
    outcome = outcome_of(case)
    pod = {key: value for key, value in outcome.document.items() if key not in ("reason", "inject")}
    assert schema_faults(pod) == []
    again = reviewed_again(case, pod)
    assert again.allowed, again.message
    assert list(again.patch) == []


def test_every_section_has_a_case() -> None:
    headings = re.findall(
        r"^## (\d+)\.", (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    covered = {case.reference.partition(".")[0] for _, case in _CASES}
    assert set(headings) - covered == set()
    assert len(_CASES) >= 80


def test_every_case_has_a_name_of_its_own() -> None:
    for file in case_files():
        names = [case.name for case in cases_of(file)]
        assert len(names) == len(set(names))


def test_a_result_belongs_to_a_file_of_cases() -> None:
    assert sorted(path.name for path in (HERE / "results").iterdir()) == [file.name for file in case_files()]


def test_results_can_be_read_as_yaml() -> None:
    file = case_files()[0]
    results = yaml.safe_load((HERE / "results" / file.name).read_text(encoding="utf-8"))
    assert list(results) == [case.name for case in cases_of(file)]
