"""The differences between two texts make one of the other, and cost little."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from injector.manifests.line_diff import Difference, differences

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=30)


def applied(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """`before` with each difference taken from `after`; two differences are never next to each other."""
    result, at = list[str](), 0
    for one in differences(before, after):
        assert one.start > at or at == 0
        assert one.start < one.end or one.start_after < one.end_after
        result += [*before[at : one.start], *after[one.start_after : one.end_after]]
        at = one.end
    return [*result, *before[at:]]


@given(LINES, LINES)
def test_differences_make_one_text_of_the_other(before: list[str], after: list[str]) -> None:
    assert applied(before, after) == after
    assert not list(differences(before, before))


def test_only_what_differs_is_a_difference() -> None:
    assert list(differences("a x b c y y d".split(), "a b c z y y d e".split())) == [
        Difference(1, 2, 1, 1),
        Difference(4, 4, 3, 4),
        Difference(7, 7, 7, 8),
    ]
    assert list(differences("1 m n 2 x 3".split(), "1 x 2 m n 3".split())) == [
        Difference(1, 1, 1, 3),
        Difference(3, 5, 5, 5),
    ]


def test_lines_that_repeat_cost_little() -> None:
    """Quadratic time would be minutes."""
    before = [line for number in range(20_000) for line in ("kind: Pod", f"name: p{number}", "image: x")]
    after = [f"{line}  # edited" if line == "name: p7" else line for line in before]
    assert list(differences(before, after)) == [Difference(22, 23, 22, 23)]
    assert list(differences(["x"] * 40_000, ["x", "y"] * 20_000)) == [Difference(1, 40_000, 1, 40_000)]
