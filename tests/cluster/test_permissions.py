"""What the server's account has to be allowed to do: all that the chart grants, and whether it is granted."""

from typing import Any

from injector.cluster.permissions import Permissions, rights_of
from injector.cluster.release import Release, releases
from tests.chart.rendering import EVERYTHING, NAMESPACE, of_kind, rendered
from tests.cluster.answering import answering
from tests.cluster.objects_served import objects_served

REFUSED: Any = {"status": {"allowed": False}}
GRANTED: Any = {"status": {"allowed": True}}


def release_of(values: Any) -> tuple[Release, list[Any]]:
    documents = rendered(values)
    with objects_served(documents) as server:
        (release,) = releases(server)
    return release, documents


def test_the_chart_grants_every_right_that_its_options_need() -> None:
    for values in ({}, EVERYTHING):
        release, documents = release_of(values)
        rules = [
            (each["metadata"].get("namespace", ""), rule)
            for kind in ("ClusterRole", "Role")
            for each in of_kind(documents, kind)
            for rule in each["rules"]
        ]
        rights = rights_of(release)
        assert len(rights) > 15
        for right in rights:
            wanted = right.attributes()
            assert any(
                where in ("", right.namespace)
                and wanted["resource"] in rule["resources"]
                and wanted["verb"] in rule["verbs"]
                and wanted.get("group", "") in rule["apiGroups"]
                and (right.name in rule["resourceNames"] if "resourceNames" in rule else True)
                for where, rule in rules
            ), str(right)


def test_a_right_that_is_missing_is_named_with_its_purpose() -> None:
    release, _ = release_of({})
    with answering(REFUSED) as (server, script):
        found = Permissions(server, release).finding(rights_of(release)[0])
    assert found is not None
    assert found.subject == f"system:serviceaccount:{NAMESPACE}:injector"
    assert "may not list namespaces, which the server needs to decide who is injected" in found.message
    assert found.command == f"kubectl auth can-i list namespaces --as={found.subject}"
    assert script.requests[0][3]["spec"]["user"] == found.subject


def test_the_account_itself_asks_for_itself() -> None:
    release, _ = release_of({})
    me = {"status": {"userInfo": {"username": f"system:serviceaccount:{NAMESPACE}:injector"}}}
    with answering(403, me, GRANTED) as (server, script):
        assert Permissions(server, release).finding(rights_of(release)[0]) is None
    assert script.requests[-1][1].endswith("/selfsubjectaccessreviews")


def test_who_may_not_ask_is_told() -> None:
    release, _ = release_of({})
    with answering(403, {"status": {"userInfo": {"username": "eve"}}}) as (server, _script):
        found = Permissions(server, release).finding(rights_of(release)[0])
    assert found is not None
    assert (found.severity, "cannot be asked" in found.message) == ("warning", True)
