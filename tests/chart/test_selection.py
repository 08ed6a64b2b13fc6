"""The rendered selectors send exactly the pods that the injector, configured by the same release, wants to inject."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from injector.config import load
from injector.core.decision import decide, facts_of, selection_of
from injector.core.model import Config
from injector.core.selection import SYSTEM_NAMESPACES, namespace_labels
from tests.chart.rendering import CERT_MANAGER, NAMESPACE, of_kind, only, rendered, webhook_entries
from tests.support import kubernetes_matches
from tools.generate import CHART, selection_text

INJECTION = (None, "enabled", "disabled", "maybe")
REVISIONS = (None, "default", "canary", "prod", "other")
INJECT = (None, "true", "false", "yes")
NAMESPACES = ("shop", NAMESPACE, "ci", *SYSTEM_NAMESPACES)

RELEASES: list[dict[str, Any]] = [
    {"revision": revision, "revisionTags": tags, "enableNamespacesByDefault": by_default, "ignoredNamespaces": ignored}
    for revision, tags, by_default, ignored in product(
        ("", "default", "canary"),
        ([], ["default"], ["prod"], ["prod", "default"]),
        (False, True),
        ([*SYSTEM_NAMESPACES], [*SYSTEM_NAMESPACES, "ci"]),
    )
    if (revision or "default") not in tags and (not by_default or "default" in (revision or "default", *tags))
]


def labels(**given: str | None) -> dict[str, str]:
    keys = {"injection": "istio-injection", "revision": "istio.io/rev", "inject": "sidecar.istio.io/inject"}
    return {keys[name]: value for name, value in given.items() if value is not None}


def every_pod() -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    for where, injection, revision, inject, own in product(NAMESPACES, INJECTION, REVISIONS, INJECT, REVISIONS):
        yield where, labels(injection=injection, revision=revision), labels(inject=inject, revision=own)


def configuration(documents: list[Any], directory: Path) -> Config:
    """What the server of the release reads."""
    file = directory / "config.yaml"
    file.write_text(only(documents, "ConfigMap")["data"]["config.yaml"], encoding="utf-8")
    return load([file]).config


@pytest.mark.parametrize("values", RELEASES, ids=lambda values: "-".join(map(str, values.values())))
def test_a_pod_is_sent_once_where_the_decision_is_to_inject_and_never_else(
    values: dict[str, Any], tmp_path: Path
) -> None:
    documents = rendered(values)
    config = configuration(documents, tmp_path)
    entries = [(entry["namespaceSelector"], entry["objectSelector"]) for entry in webhook_entries(documents)]
    selection = selection_of(config)
    for where, of_namespace, of_pod in every_pod():
        known = namespace_labels(where, of_namespace)
        sent = sum(kubernetes_matches(ns, known) and kubernetes_matches(own, of_pod) for ns, own in entries)
        decision = decide(facts_of({"metadata": {"labels": of_pod}}, where, of_namespace, config, selection))
        assert sent == decision.inject, (where, of_namespace, of_pod, decision.message)


def test_the_table_in_the_chart_is_the_one_of_the_core() -> None:
    """`make generate` writes it anew."""
    assert (CHART / "files" / "selection.yaml").read_text(encoding="utf-8") == selection_text()


def test_only_the_entry_for_namespaces_that_did_not_opt_in_lets_pods_through_when_the_injector_is_away() -> None:
    for values in RELEASES:
        policies = {entry["name"]: entry["failurePolicy"] for entry in webhook_entries(rendered(values))}
        ignoring = {name for name, policy in policies.items() if policy == "Ignore"}
        assert ignoring == {name for name in policies if name.startswith("auto.")}


def test_a_revision_names_its_control_plane_but_not_the_one_of_an_installation(tmp_path: Path) -> None:
    """Beside an istiod of another revision, proxies ask that istiod for certificates."""
    own = configuration(rendered({"revision": "beside"}), tmp_path)
    installed = configuration(rendered({"revision": "beside", "istio": {"namespace": "istio-system"}}), tmp_path)
    assert (own.revision, installed.revision) == ("beside", "beside")
    assert (own.values["revision"], installed.values["revision"]) == ("beside", load().config.values["revision"])


def test_each_revision_and_tag_has_a_webhook_configuration_that_says_which() -> None:
    documents = rendered({"revision": "canary", "revisionTags": ["prod", "default"]})
    found = {each["metadata"]["name"]: each for each in of_kind(documents, "MutatingWebhookConfiguration")}
    assert set(found) == {
        "injector-injector-system",
        "injector-injector-system-tag-prod",
        "injector-injector-system-tag-default",
    }
    assert {each["metadata"]["labels"]["injector/revision"] for each in found.values()} == {"canary"}
    assert found["injector-injector-system-tag-prod"]["metadata"]["labels"]["injector/tag"] == "prod"
    assert len(found["injector-injector-system-tag-default"]["webhooks"]) == 4


def test_no_label_makes_istiod_take_a_webhook_configuration_for_its_own() -> None:
    """It writes its CA bundle into every one labelled `istio.io/rev` with its revision (reference 17.2)."""
    for each in of_kind(rendered({"revisionTags": ["prod"]}), "MutatingWebhookConfiguration"):
        assert not [label for label in each["metadata"]["labels"] if label.startswith("istio.io/")]


def test_every_entry_asks_for_created_pods_that_the_kubelet_did_not_make() -> None:
    for entry in webhook_entries(rendered({"enableNamespacesByDefault": True})):
        (rule,) = entry["rules"]
        assert (rule["operations"], rule["resources"], rule["apiGroups"]) == (["CREATE"], ["pods"], [""])
        assert (entry["reinvocationPolicy"], entry["timeoutSeconds"]) == ("IfNeeded", 5)
        assert entry["sideEffects"] == "NoneOnDryRun"
        assert "kubernetes.io/config.mirror" in entry["matchConditions"][0]["expression"]


def test_without_events_there_are_no_side_effects() -> None:
    documents = rendered({"server": {"events": False}})
    assert {entry["sideEffects"] for entry in webhook_entries(documents)} == {"None"}


def test_the_service_or_the_url_is_called() -> None:
    (service,) = {str(entry["clientConfig"]) for entry in webhook_entries(rendered())}
    assert NAMESPACE in service
    outside = webhook_entries(rendered({"webhook": {"url": "https://injector.example/inject"}}))
    assert {str(entry["clientConfig"]) for entry in outside} == {"{'url': 'https://injector.example/inject'}"}


def test_cert_manager_is_told_where_the_bundle_comes_from() -> None:
    for each in of_kind(rendered({**CERT_MANAGER, "revisionTags": ["prod"]}), "MutatingWebhookConfiguration"):
        source = each["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
        assert source == "injector-system/injector-certificates"


def test_a_revision_names_its_control_plane_too_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    assert configuration(rendered({"revision": "canary"}), tmp_path).values["revision"] == "canary"
    kept = rendered({"revision": "canary", "config": {"values": {"revision": "old"}}})
    assert configuration(kept, tmp_path).values["revision"] == "old"
