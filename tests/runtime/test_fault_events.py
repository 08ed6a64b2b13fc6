"""Faults as Events: told when they are new, again after an hour, and once when they are over."""

import pytest

from injector.cluster.events import Notice
from injector.runtime.errors import UsageError
from injector.runtime.fault_events import CERTIFICATES, CONFIGURATION, FaultEvents, Reported
from tests.cluster.keeping import keeping

DEPLOYMENT, CONFIG_MAP = Reported.of("deployment/injector"), Reported.of("configmap/injector")


class Told:
    """What was told, with a clock that the test turns."""

    def __init__(self) -> None:
        self.notices, self.now = list[Notice](), 0.0

    def take(self) -> list[tuple[str, str, str]]:
        taken = [(each.regarding["kind"], each.reason, each.message) for each in self.notices]
        self.notices.clear()
        return taken


def test_faults_are_told_where_they_belong() -> None:
    told = Told()
    with keeping() as (server, keeper):
        keeper.put("/apis/apps/v1/namespaces/mesh/deployments/injector", {"metadata": {"name": "injector"}})
        keeper.put("/api/v1/namespaces/mesh/configmaps/injector", {"metadata": {"name": "injector"}})
        events = FaultEvents(server, "mesh", (DEPLOYMENT, CONFIG_MAP), told.notices.append)
        events.look({CONFIGURATION: "config.yaml:1: broken", CERTIFICATES: "Secret: 403"})
        assert {(each.namespace, each.is_refusal, each.regarding["uid"][:4]) for each in told.notices} == {
            ("mesh", True, "uid-")
        }
        assert told.take() == [
            ("Deployment", "ConfigurationRefused", "config.yaml:1: broken"),
            ("ConfigMap", "ConfigurationRefused", "config.yaml:1: broken"),
            ("Deployment", "CertificatesAtFault", "Secret: 403"),
        ]


def test_a_fault_is_told_once_until_it_changes_or_an_hour_is_over() -> None:
    told = Told()
    with keeping() as (server, _):
        events = FaultEvents(server, "mesh", (DEPLOYMENT,), told.notices.append, lambda: told.now)
        for fault in ("", "a", "a", "b", "b"):
            events.look({CONFIGURATION: fault})
        assert [message for _, _, message in told.take()] == ["a", "b"]
        told.now = 3_600.0
        events.look({CONFIGURATION: "b"})
        assert [message for _, _, message in told.take()] == ["b"]


def test_the_end_of_a_fault_is_told_once() -> None:
    told = Told()
    with keeping() as (server, _):
        events = FaultEvents(server, "mesh", (DEPLOYMENT,), told.notices.append)
        for fault in ("", "a", "", ""):
            events.look({CONFIGURATION: fault})
        assert told.notices[1].is_refusal is False
        assert [reason for _, reason, _ in told.take()] == ["ConfigurationRefused", "ConfigurationInForce"]


def test_an_object_that_may_not_be_read_is_named_without_its_uid() -> None:
    told = Told()
    with keeping() as (server, _):
        FaultEvents(server, "mesh", (DEPLOYMENT,), told.notices.append).look({CONFIGURATION: "a"})
        (notice,) = told.notices
        assert notice.regarding == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "injector"}


@pytest.mark.parametrize("text", ["injector", "deployment/", "secret/x", "/x", ""])
def test_what_cannot_get_events_is_named_with_what_can(text: str) -> None:
    with pytest.raises(UsageError, match="must be KIND/NAME; valid kinds: configmap, deployment"):
        Reported.of(text)
