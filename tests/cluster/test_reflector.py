"""A kind of object as the API server has it: through events, disconnects, and versions that are no longer kept."""

from typing import Any

import pytest

from injector.cluster.api import ApiServer
from injector.cluster.reflector import Reflector, Source, longer
from injector.cluster.resources import NAMESPACES
from tests.cluster.answering import answering, event, gone, listed
from tests.waiting import wait_until

HOLD: list[object] = []


def names(reflector: Reflector) -> set[str] | None:
    return None if reflector.objects is None else {each["metadata"]["name"] for each in reflector.objects.values()}


def started(server: ApiServer, changes: list[set[str] | None] | None = None) -> Reflector:
    def changed() -> None:
        if changes is not None:
            changes.append(names(reflector))

    reflector = Reflector(server, Source(NAMESPACES), changed)
    reflector.start()
    return reflector


def test_events_change_what_is_known_and_bookmarks_only_the_version() -> None:
    events = [
        event("ADDED", "b", "8"),
        event("DELETED", "a", "9"),
        event("BOOKMARK", "", "12"),
    ]
    changes: list[set[str] | None] = []
    with answering(listed("7", "a"), events, HOLD) as (server, script):
        reflector = started(server, changes)
        wait_until(lambda: len(script.requests) > 2)
        assert names(reflector) == {"b"}
        assert changes == [{"a"}, {"a", "b"}, {"b"}]
        assert [request[2].get("resourceVersion") for request in script.requests[1:3]] == ["7", "12"]
        reflector.stop()


def test_after_a_disconnect_it_goes_on_from_the_last_version_without_reading_all_again() -> None:
    broken = [event("ADDED", "b", "8"), b'{"type": "ADDED", "obj']
    with answering(listed("7", "a"), broken, [event("ADDED", "c", "9")], HOLD) as (server, script):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"a", "b", "c"})
        assert script.requests[2][2]["resourceVersion"] == "8"
        assert reflector.lists == 1
        reflector.stop()


def test_a_version_that_is_no_longer_kept_leads_to_a_new_list() -> None:
    with answering(listed("7", "a", "b"), [gone()], listed("20", "b", "c"), 410, listed("30", "d"), HOLD) as (
        server,
        _,
    ):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"d"})
        assert reflector.lists == 3
        reflector.stop()


def test_while_the_server_fails_the_last_objects_stay_and_the_reason_is_told() -> None:
    with answering(listed("7", "a"), 500) as (server, _):
        reflector = started(server)
        wait_until(lambda: "500" in reflector.error)
        assert names(reflector) == {"a"}
        assert reflector.last_contact is not None
        reflector.stop()


def test_pauses_grow_and_stay_bounded() -> None:
    pauses = [0.0]
    for _ in range(12):
        pauses.append(longer(pauses[-1]))
    assert 0 < pauses[1] < 0.3
    assert 2 < max(pauses) <= 5


@pytest.mark.parametrize("strange", [{"type": "ADDED", "object": {}}, {"type": "ADDED"}, ["no event"]])
def test_an_event_that_nobody_foresaw_leads_to_a_new_list(strange: Any) -> None:
    with answering(listed("7", "a"), [strange], listed("9", "b"), HOLD) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"b"})
        reflector.stop()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("failing", ["watch", "list"])
def test_last_objects_survive_a_refusal(status: int, failing: str) -> None:
    before: list[Any] = [[gone()]] if failing == "list" else []
    with answering(listed("7", "a"), *before, status) as (server, _):
        reflector = started(server)
        wait_until(lambda: str(status) in reflector.error)
        assert names(reflector) == {"a"}
        reflector.stop()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_refusal_is_tried_again_soon(status: int) -> None:
    with answering(listed("7", "a"), [gone()], status, listed("9", "b"), HOLD) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"b"}, seconds=10)
        assert not reflector.error
        reflector.stop()


def test_a_kind_that_may_not_be_read_yet_is_unknown() -> None:
    with answering(403) as (server, _):
        reflector = started(server)
        wait_until(lambda: "403" in reflector.error)
        assert not reflector.wait(0)
        assert reflector.objects is None
        reflector.stop()


def test_a_kind_that_the_cluster_lacks_needs_no_waiting() -> None:
    with answering(404) as (server, _):
        reflector = started(server)
        assert reflector.wait(5)
        assert (reflector.objects, reflector.error) == (None, "")
        reflector.stop()


def test_one_object_is_asked_for_by_its_name_alone() -> None:
    with answering(listed("7"), HOLD) as (server, script):
        reflector = Reflector(server, Source(NAMESPACES, name="a"), lambda: None)
        reflector.start()
        wait_until(lambda: len(script.requests) > 1)
        assert {request[2]["fieldSelector"] for request in script.requests} == {"metadata.name=a"}
        reflector.stop()
