"""Requests to the API server: what its answers mean, whatever they are."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from injector.cluster.api import NAMESPACES, ApiServer, ClusterError, Event
from tests.cluster.answering import answering, event, gone, listed
from tests.cluster.listening import Reply


def failure(answer: Any) -> ClusterError:
    """What a list ends with that is answered so."""
    with answering(answer) as (server, _), pytest.raises(ClusterError) as raised:
        server.items(NAMESPACES)
    return raised.value


def watched(server: ApiServer) -> list[Any]:
    return list(server.watch(NAMESPACES, version="1", seconds=5))


def test_a_list_is_read_page_by_page() -> None:
    first = listed("7", "a", "b")
    first["metadata"]["continue"] = "next"
    with answering(first, listed("7", "c")) as (server, script):
        pages = list(server.pages(NAMESPACES, limit=2))
        assert [[item["metadata"]["name"] for item in page.items] for page in pages] == [["a", "b"], ["c"]]
        assert pages[-1].version == "7"
        assert [request[2] for request in script.requests] == [{"limit": "2"}, {"limit": "2", "continue": "next"}]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"metadata": {}}',
        b'{"items": []}',
        b'{"metadata": {}, "items": {}}',
        b"\xff",
    ],
)
def test_what_is_no_list_is_garbled(answer: bytes) -> None:
    error = failure([answer])
    assert error.is_garbled
    assert not error.may_pass


def test_a_list_without_objects_may_be_null() -> None:
    with answering({"metadata": {"resourceVersion": "1"}, "items": None}) as (server, _):
        assert server.items(NAMESPACES) == []


def test_an_answer_cut_off_may_pass() -> None:
    error = failure(Reply(200, [listed("7", "a")], cut=True))
    assert (error.status, error.may_pass) == (0, True)


@pytest.mark.parametrize(
    ("status", "may_pass"), [(401, True), (403, True), (404, True), (429, True), (500, True), (503, True), (400, False)]
)
def test_a_refusal_keeps_its_status(status: int, may_pass: bool) -> None:
    error = failure(status)
    assert (error.status, error.may_pass, error.is_expired) == (status, may_pass, False)


def test_a_refusal_by_something_else_keeps_its_status() -> None:
    error = failure(Reply(502, [b"<html>bad gateway</html>"]))
    assert (error.status, str(error)) == (502, "GET /api/v1/namespaces: 502")


@pytest.mark.parametrize(
    "answer", [410, Reply(504, [{"code": 504, "message": "Too large resource version: 9, current: 3"}])]
)
def test_a_version_that_is_not_kept_is_expired(answer: Any) -> None:
    error = failure(answer)
    assert error.is_expired
    assert not error.may_pass


def test_a_watch_can_expire_in_an_event() -> None:
    with answering([gone()]) as (server, _), pytest.raises(ClusterError) as raised:
        watched(server)
    assert raised.value.is_expired


@pytest.mark.parametrize("status", [{}, None, [], "x", {"code": "x"}, {"details": 3}, {"message": 7}])
def test_an_error_event_may_hold_anything(status: Any) -> None:
    with answering([{"type": "ERROR", "object": status}]) as (server, _), pytest.raises(ClusterError):
        watched(server)


def test_a_last_event_cut_off_is_left_out() -> None:
    with answering([event("BOOKMARK", "", "9"), b'{"type": "ADD']) as (server, _):
        assert watched(server) == [Event("BOOKMARK", {}, "9")]


def test_retry_after_is_read_from_header_and_status() -> None:
    assert failure(Reply(429, [{}], {"Retry-After": "7"})).retry_after == 7
    assert failure(Reply(503, [{"details": {"retryAfterSeconds": 3}}])).retry_after == 3
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 30 < failure(Reply(503, [{}], {"Retry-After": soon})).retry_after <= 60


@pytest.mark.parametrize(
    "given", ["", "x", "-5", "1e9", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 -0000"]
)
def test_a_retry_after_that_says_nothing_is_none(given: str) -> None:
    assert failure(Reply(429, [{}], {"Retry-After": given})).retry_after == 0
