"""Of any pods, injected or forged, what must hold of every answer holds: 100,000 of them in `make fuzz`."""

from tests.fuzz.effort import EXAMPLES
from tests.fuzz.reviews import SETUP, cost_over_bound, findings, pod_of_number

# Of each kind of finding that there was one comes first.
FOUND = (
    2227, 2300, 27, 100004, 100112, 1891, 3550, 205273, 279434, 350925, 400339, 403003, 407380, 27724, 660646, 14322,
    1050672, 1053770, 1088064, 2073535, 3037469, 3066009
)  # fmt: skip
TOO_DEAR = (23300, 74380, 36820, 650480, 11015)


def test_no_review_breaks_anything() -> None:
    found = {
        number: problems
        for number in (*FOUND, *range(EXAMPLES * 4))
        if (problems := [*findings(pod_of_number(number))])
    }
    assert found == {}


def test_no_review_takes_more_than_it_may() -> None:
    SETUP.footprint()
    numbers = (*TOO_DEAR, *range(0, EXAMPLES * 4, 20))
    found = {number: over for number in numbers if (over := cost_over_bound(pod_of_number(number)))}
    assert found == {}
