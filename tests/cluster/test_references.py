"""Objects that injected pods need: asked for by name in all namespaces, or in each where no more is allowed."""

from typing import Any

from injector.cluster.references import missing_references
from injector.reports.references import Reference
from tests.cluster.objects_served import objects_served

NEEDED, TOKEN = Reference("ConfigMap", "needed"), Reference("Secret", "token")


def config_map(namespace: str) -> Any:
    return {"kind": "ConfigMap", "metadata": {"name": "needed", "namespace": namespace}}


def test_what_is_not_there_is_named_by_namespace() -> None:
    with objects_served([config_map("a")]) as server:
        found = missing_references(server, [("a", NEEDED), ("b", NEEDED), ("b", TOKEN), ("b", TOKEN)])
    assert (found.absent, found.unread) == ({"b": (NEEDED, TOKEN)}, ())


def test_who_may_not_list_asks_in_each_namespace() -> None:
    with objects_served([config_map("a")], refused={"/api/v1/configmaps": 403}) as server:
        assert missing_references(server, [("a", NEEDED)]).absent == {}


def test_what_may_not_be_read_is_said() -> None:
    refused = {"/api/v1/configmaps": 403, "/api/v1/namespaces/a/configmaps/needed": 403}
    with objects_served([config_map("a")], refused=refused) as server:
        found = missing_references(server, [("a", NEEDED)])
    assert found.absent == {}
    assert found.unread[0].startswith("ConfigMap needed: GET /api/v1/namespaces/a/configmaps/needed")


def test_many_namespaces_are_not_asked_one_by_one() -> None:
    with objects_served([], refused={"/api/v1/configmaps": 403}) as server:
        found = missing_references(server, [(f"n{number}", NEEDED) for number in range(100)])
    assert found.unread[0].startswith("ConfigMap needed: GET /api/v1/configmaps")
