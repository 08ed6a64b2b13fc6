"""Where two texts differ, line by line, in about linear time.

difflib alone takes quadratic time where lines repeat, as they do in a List of pods: two texts of 20,000 lines took two
minutes.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

# Up to here difflib takes milliseconds; what is larger and has no line of its own is one difference.
_LARGEST_PRODUCT = 250_000


class Difference(NamedTuple):
    """The lines from `start` up to `end` of one text, in place of which the other has its own; either may be none."""

    start: int
    end: int
    start_after: int
    end_after: int


def differences(before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
    """What differs between the two, in order; between two differences there is at least one line that both have."""
    start = start_after = 0
    for end, end_after in (*_common_lines(before, after), (len(before), len(after))):
        for one in _between(before[start:end], after[start_after:end_after]):
            yield Difference(
                start + one.start, start + one.end, start_after + one.start_after, start_after + one.end_after
            )
        start, start_after = end + 1, end_after + 1


def _common_lines(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """As many pairs of places as can be, in order in both texts, of lines that each text has exactly once."""
    places_after = {line: place for place, line in enumerate(after)}
    count, count_after = Counter(before), Counter(after)
    pairs = [
        (place, places_after[line])
        for place, line in enumerate(before)
        if count[line] == 1 and count_after.get(line) == 1
    ]
    # The longest increasing run: of each length the one that ends first, each pair knowing the one before it.
    ends: list[int] = []
    last: list[int] = []
    previous: list[int | None] = []
    for index, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [index]
        previous.append(last[length - 1] if length else None)
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else None
    while at is not None:
        chain.append(pairs[at])
        at = previous[at]
    return chain[::-1]


def _between(before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    end, end_after = len(before) - tail, len(after) - tail
    if head == end and head == end_after:
        return
    if (end - head) * (end_after - head) > _LARGEST_PRODUCT:
        yield Difference(head, end, head, end_after)
        return
    matcher = SequenceMatcher(None, before[head:end], after[head:end_after], autojunk=False)
    for tag, *range_ in matcher.get_opcodes():
        if tag != "equal":
            yield Difference(*(head + place for place in range_))
