"""A mutant is the module with one change, and a test that looks at the place notices it."""

import pytest

from tests.support import REPOSITORY
from tools.mutants import TESTS, mutants_of

_SOURCE = '''
"""A module."""

def is_large(number: int = 3) -> bool:
    """Whether it is."""
    if number < 0 and not number:
        raise ValueError("negative")
    return number > 10
'''


def test_each_mutant_is_one_change() -> None:
    changes = {mutant.change.replace("  ->  ", " to ") for mutant in mutants_of("m", _SOURCE)}
    assert changes == {
        "number < 0 and (not number) to number < 0 or not number",
        "number < 0 and (not number) to number < 0",
        "number < 0 and (not number) to not number",
        "number > 10 to number >= 10",
        "3 to 4",
        "number < 0 to number <= 0",
        "not number to number",
        "10 to 11",
        "0 to 1",
    }


def test_a_mutant_behaves_differently() -> None:
    (changed,) = [each for each in mutants_of("m", _SOURCE) if each.change.endswith("number >= 10")]
    names: dict[str, object] = {}
    exec(changed.source, names)  # noqa: S102 -- the code of this test
    assert names["is_large"](10) is True  # type: ignore[operator]


@pytest.mark.parametrize("module", TESTS)
def test_the_tests_of_a_module_exist(module: str) -> None:
    assert all((REPOSITORY / path).exists() for path in TESTS[module])
