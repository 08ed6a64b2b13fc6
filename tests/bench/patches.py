"""How large a patch is, beside the least that any patch would have to carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from injector.core.admission import admit_request
from injector.core.review import parse_review
from injector.core.setup import Setup
from tests.bench.subjects import BOOKINFO, BY_VARIABLES, SMALL, SNAPSHOT, review


@dataclass(frozen=True, slots=True)
class PatchSize:
    """Bytes of one patch as JSON; `least`: compact JSON of nothing but what the pod has to gain."""

    subject: str
    operations: int
    patch_bytes: int
    least: int


def measure(setup: Setup) -> Iterator[PatchSize]:
    """The patch of each subject."""
    for subject in (SMALL, BOOKINFO, BY_VARIABLES[-1]):
        request = parse_review(review(subject.make(0), 0))
        admission = admit_request(request, setup, SNAPSHOT)
        size = len(orjson.dumps(admission.patch))
        yield PatchSize(subject.name, len(admission.patch), size, least(request.pod, admission.pod))


def least(before: Any, after: Any) -> int:
    """Bytes of what is in `after` and not in `before`, without a word about where it goes."""
    if before == after:
        return 0
    if isinstance(before, dict) and isinstance(after, dict):
        return sum(
            least(before[key], value) if key in before else len(orjson.dumps({key: value})) - 2
            for key, value in after.items()
        )
    if isinstance(before, list) and isinstance(after, list):
        named = {item["name"]: item for item in before if isinstance(item, dict) and "name" in item}
        return sum(_least_item(before, named, item) for item in after)
    return len(orjson.dumps(after))


def _least_item(before: list[Any], named: dict[str, Any], item: Any) -> int:
    if item in before:
        return 0
    known = named.get(item.get("name", "")) if isinstance(item, dict) else None
    return least(known, item) if known else len(orjson.dumps(item))
