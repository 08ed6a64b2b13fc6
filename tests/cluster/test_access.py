"""Who may ask for previews: what the API server is asked, how long its word is remembered."""

from typing import Any

import pytest

from injector.cluster.access import ACCESS_REVIEWS, TOKEN_REVIEWS, Access
from injector.cluster.api import ClusterError, Resource
from injector.core.model import JsonObject


class Reviewer:
    """Stands in for an API server: knows the token `good` of jane, whom it allows what `allowed` says."""

    def __init__(self, *, allowed: bool = True) -> None:
        self.allowed, self.asked, self.away = allowed, list[tuple[Resource, JsonObject]](), False

    def create(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        assert not namespace
        if self.away:
            raise ClusterError("gone fishing")
        self.asked.append((resource, document["spec"]))
        if resource == TOKEN_REVIEWS:
            known = document["spec"] == {"token": "good"}
            user = {"username": "jane", "groups": ["developers"], "extra": {"scope": ["a"]}}
            return {"status": {"authenticated": True, "user": user} if known else {}}
        return {"status": {"allowed": self.allowed}}


def access(reviewer: Reviewer, clock: Any = lambda: 0.0) -> Access:
    return Access(reviewer, "mesh", clock)  # type: ignore[arg-type]  # all of an ApiServer that is used


def test_who_may_is_let_in_and_asked_for_by_name_and_groups() -> None:
    reviewer = Reviewer()
    assert access(reviewer).verdict("good").status == 200
    (_, token), (resource, review) = reviewer.asked
    assert token == {"token": "good"}
    assert resource == ACCESS_REVIEWS
    assert (review["user"], review["groups"], review["extra"]) == ("jane", ["developers"], {"scope": ["a"]})
    assert review["resourceAttributes"] == {
        "namespace": "mesh",
        "group": "sidecar-injector",
        "resource": "previews",
        "verb": "create",
    }


@pytest.mark.parametrize(
    ("token", "allowed", "status", "message"),
    [
        ("", True, 401, "a bearer token is needed"),
        ("bad", True, 401, "not valid"),
        ("good", False, 403, "jane may not create previews.sidecar-injector in namespace 'mesh'"),
    ],
)
def test_who_may_not_is_told_why(token: str, allowed: bool, status: int, message: str) -> None:
    verdict = access(Reviewer(allowed=allowed)).verdict(token)
    assert verdict.status == status
    assert message in verdict.message


def test_the_word_of_the_api_server_is_remembered_for_a_while() -> None:
    reviewer, now = Reviewer(), [0.0]
    door = access(reviewer, lambda: now[0])
    assert [door.verdict("good").status for _ in range(3)] == [200] * 3
    assert len(reviewer.asked) == 2
    now[0] = 31.0
    reviewer.allowed = False
    assert door.verdict("good").status == 403
    assert len(reviewer.asked) == 4


def test_what_is_remembered_is_bounded() -> None:
    reviewer = Reviewer()
    door = access(reviewer)
    door.verdict("good")
    for number in range(300):
        door.verdict(f"guess {number}")
    asked = len(reviewer.asked)
    door.verdict("good")
    assert len(reviewer.asked) == asked + 2


def test_while_the_api_server_is_away_nobody_is_let_in_and_nothing_is_remembered() -> None:
    reviewer = Reviewer()
    door = access(reviewer)
    reviewer.away = True
    verdict = door.verdict("good")
    assert (verdict.status, "gone fishing" in verdict.message) == (503, True)
    reviewer.away = False
    assert door.verdict("good").status == 200
