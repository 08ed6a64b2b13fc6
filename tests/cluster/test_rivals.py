"""Other injectors and other webhooks: who is called for the same pods, and in which order."""

from typing import Any

import pytest

from injector.cluster.release import Release, is_of_istio
from injector.cluster.rivals import rival_findings
from tests.cluster.test_diagnosis import registration

SHOP = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
PODS = {"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}


def other(name: str, entry: str, **changed: Any) -> Any:
    client = {"service": {"namespace": "elsewhere", "name": changed.pop("service", "other")}}
    labels = changed.pop("labels", {})
    listed = {"name": entry, "rules": [PODS], "clientConfig": client, **changed}
    return {"metadata": {"name": name, "labels": labels}, "webhooks": [listed]}


def found(*others: Any, **changed: Any) -> list[tuple[str, str]]:
    own = registration()
    own["webhooks"] = [{**each, "reinvocationPolicy": "IfNeeded", **changed} for each in own["webhooks"]]
    release = Release((own,), "mesh", "injector", None)
    return [(each.severity, each.message) for each in rival_findings(release, [own, *others], [SHOP])]


def test_alone_nothing_is_said() -> None:
    assert found() == [("ok", "nobody else claims its namespaces")]


@pytest.mark.parametrize(("service", "who"), [("other", "another release"), ("istiod-1-30", "Istio")])
def test_another_injector_for_the_same_pods_is_a_fault(service: str, who: str) -> None:
    opted_in = {"matchLabels": {"istio-injection": "enabled"}}
    entry = "namespace.sidecar-injector.istio.io"
    ((severity, message),) = found(other("theirs", entry, namespaceSelector=opted_in, service=service))
    assert severity == "fault"
    assert f"theirs/{entry} of {who} is called for the same pods, as in shop" in message


def test_a_second_release_is_a_fault_before_a_namespace_opts_in() -> None:
    second = {**registration(), "metadata": {"name": "second"}}
    assert [each for each, _ in found(second)] == ["fault"] * 4


def test_another_revision_is_none_of_our_business() -> None:
    canary = {"matchLabels": {"istio.io/rev": "canary"}}
    theirs = other("theirs", "rev.namespace.sidecar-injector.istio.io", namespaceSelector=canary)
    assert found(theirs) == [("ok", "nobody else claims its namespaces")]


def test_a_later_webhook_is_a_warning_where_the_injector_is_not_called_again() -> None:
    later = other("zzz", "zzz.example.com")
    assert found(later) == [("ok", "zzz is called after it; reinvocationPolicy IfNeeded")]
    ((severity, message),) = found(later, reinvocationPolicy="Never")
    assert severity == "warning"
    assert "is Never: containers added after it are not seen" in message


@pytest.mark.parametrize("rule", [{"operations": ["UPDATE"]}, {"resources": ["deployments"]}, {"apiGroups": ["apps"]}])
def test_a_webhook_that_sees_no_new_pod_is_left_out(rule: Any) -> None:
    assert found(other("zzz", "zzz.example.com", rules=[{**PODS, **rule}])) == [
        ("ok", "nobody else claims its namespaces")
    ]


def test_istio_is_known_by_its_labels_or_its_service() -> None:
    entry = "namespace.sidecar-injector.istio.io"
    assert is_of_istio(other("a", entry, service="istiod"))
    assert is_of_istio(other("a", entry, labels={"operator.istio.io/component": "Pilot"}))
    assert not is_of_istio(other("a", entry))
    # A release of the chart that calls itself a part of Istio.
    ours = {"app.kubernetes.io/part-of": "istio", "injector/revision": "default"}
    assert not is_of_istio(other("a", entry, labels=ours))
