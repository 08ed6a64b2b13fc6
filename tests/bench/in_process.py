"""What a review costs in process: from the bytes that came in to the bytes that go out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import orjson

from injector.config import load
from injector.core.setup import Setup, set_up
from injector.server.handler import answer
from injector.server.state import State
from tests.bench.clock import Cost, Work, paired
from tests.bench.recorded import PODS, never_seen, replica
from tests.bench.subjects import (
    BOOKINFO,
    BY_CONTAINERS,
    BY_VARIABLES,
    SMALL,
    SNAPSHOT,
    Subject,
    asking_for,
    identical_reviews,
    of_new_shape,
    review,
    reviews,
)

NEVER_SEEN, IDENTICAL, REPLICA = "never seen", "identical", "replica"
FIRST_OF_SHAPE = "first of its shape"
_BODIES = 400
_BYTES_AT_MOST = 8_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """The cost of one kind of review. `group` is the table that the row belongs to."""

    group: str
    subject: str
    state: str
    body_bytes: int
    cost: Cost


def floor(body: bytes) -> bytes:
    """Answer a review without work: decode it, allow the pod."""
    uid = orjson.loads(body)["request"]["uid"]
    response = {"uid": uid, "allowed": True}
    return orjson.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response})


def answering(setup: Setup) -> Callable[[], Work]:
    """The injector as a server begins: it has seen templates, and no pod."""

    def fresh() -> Work:
        state = State(setup, SNAPSHOT)
        return lambda body: answer(body, "/inject", state)

    return fresh


def measure(setup: Setup) -> Iterator[Row]:
    """All rows: by pod size, by template, by what was seen before, and of reviews as an API server sent them."""
    for group, subjects in (
        ("pod", (SMALL, BOOKINFO)),
        ("variables", BY_VARIABLES),
        ("containers", BY_CONTAINERS),
        ("template", tuple(asking_for(name) for name in setup.templates.names)),
    ):
        for subject in subjects:
            yield _row(setup, group, subject, NEVER_SEEN)
            if group == "pod":
                yield _row(setup, group, subject, FIRST_OF_SHAPE)
            if group == "pod" or subject is BY_VARIABLES[-1]:
                yield _row(setup, group, subject, IDENTICAL)
    for name, title in PODS.items():
        for state, make in ((NEVER_SEEN, never_seen), (REPLICA, replica)):
            yield _row_of(setup, "recorded", title, state, [make(name, number) for number in range(_BODIES)])
    first = [of_new_shape(never_seen("deployment", number), number) for number in range(_BODIES)]
    yield _row_of(setup, "recorded", PODS["deployment"], FIRST_OF_SHAPE, first)


def measure_installation(files: Sequence[Path]) -> Row:
    """The small pod under the ConfigMaps of an installation, with the Go templates in them."""
    setup = set_up(load(files).config)
    name = f"ConfigMaps of {setup.config.values['global'].get('tag')}, {SMALL.name}"
    return _row(setup, "installation", Subject(name, SMALL.make), NEVER_SEEN)


def first_review() -> float:
    """Microseconds of the first review after a start, which compiles the template."""
    state = State(set_up(load().config), SNAPSHOT)
    body = review(SMALL.make(0), 0)
    started = perf_counter()
    answer(body, "/inject", state)
    return (perf_counter() - started) * 1e6


def _row(setup: Setup, group: str, subject: Subject, state: str) -> Row:
    size = len(review(subject.make(0), 0))
    count = min(_BODIES, _BYTES_AT_MOST // size)
    bodies = (identical_reviews if state == IDENTICAL else reviews)(subject, count)
    if state == FIRST_OF_SHAPE:
        bodies = [of_new_shape(body, number) for number, body in enumerate(bodies)]
    return _row_of(setup, group, subject.name, state, bodies)


def _row_of(setup: Setup, group: str, subject: str, state: str, bodies: Sequence[bytes]) -> Row:
    answering(setup)()(bodies[-1])
    return Row(group, subject, state, len(bodies[0]), paired(answering(setup), floor, bodies))
