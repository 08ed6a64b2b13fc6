"""The pods run with as little as they can, and the server may do only what it has to."""

from typing import Any

import pytest
from typer import Typer
from typer.main import get_command

from injector.cli.serve import serve
from injector.runtime.config_sources import Installation
from tests.chart.rendering import CERT_MANAGER, CLUSTER_NAME, EVERYTHING, RELEASE, of_kind, only, rendered, server_of


def pod_specs(values: dict[str, Any]) -> list[Any]:
    """Of the server and of the test."""
    documents = rendered(values)
    return [only(documents, "Deployment")["spec"]["template"]["spec"], only(documents, "Pod", "injector-test")["spec"]]


@pytest.mark.parametrize("values", [{}, EVERYTHING, CERT_MANAGER])
def test_every_container_is_confined(values: dict[str, Any]) -> None:
    for spec in pod_specs(values):
        assert spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_openshift_chooses_the_ids() -> None:
    for spec in pod_specs({"config": {"platform": "openshift"}}):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"])


def test_only_the_server_has_a_token() -> None:
    server, test = pod_specs({})
    assert (server["automountServiceAccountToken"], test["automountServiceAccountToken"]) == (True, False)
    assert only(rendered(), "ServiceAccount")["automountServiceAccountToken"] is False


def test_nothing_but_the_public_part_of_the_secret_is_mounted() -> None:
    """With its own certificates the server reads the Secret through the API, where a role names it."""
    server, test = pod_specs({})
    assert [volume["name"] for volume in server["volumes"]] == ["config", "scratch"]
    assert server["volumes"][1]["emptyDir"]["medium"] == "Memory"
    (secret,) = [volume["secret"] for volume in test["volumes"] if "secret" in volume]
    assert secret["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def rules(documents: list[Any], kind: str) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """(group, resource, names, verbs) of every rule of that kind of role."""
    return [
        (group, resource, tuple(rule.get("resourceNames", ())), tuple(rule["verbs"]))
        for role in of_kind(documents, kind)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]


KEPT = ("", "configmaps", (f"{RELEASE}-last-good",), ("get", "update"))


REPORTED = [("", "configmaps", (RELEASE,), ("get",)), ("apps", "deployments", (RELEASE,), ("get",))]


def test_the_whole_cluster_is_read_only_but_for_its_own_webhook_and_events() -> None:
    read = ("get", "list", "watch")
    assert rules(rendered({"revisionTags": ["prod"]}), "ClusterRole") == [
        ("", "namespaces", (), read),
        ("", "nodes", (), read),
        ("networking.istio.io", "proxyconfigs", (), read),
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations",
            (CLUSTER_NAME, f"{CLUSTER_NAME}-tag-prod"),
            (*read, "patch"),
        ),
        ("", "events", (), ("create",)),
    ]


def test_in_its_own_namespace_it_has_one_secret_one_lease_and_one_config_map() -> None:
    change = ("get", "update", "patch")
    assert rules(rendered(), "Role") == [
        KEPT,
        *REPORTED,
        ("", "secrets", (), ("create",)),
        ("", "secrets", ("injector-certificates",), change),
        ("coordination.k8s.io", "leases", (), ("create",)),
        ("coordination.k8s.io", "leases", (RELEASE,), change),
    ]


@pytest.mark.parametrize(("revision", "suffix"), [("", ""), ("default", ""), ("1-30", "-1-30")])
def test_of_an_installation_of_istio_it_reads_three_config_maps(revision: str, suffix: str) -> None:
    documents = rendered({"istio": {"namespace": "istio-system", "revision": revision}})
    role, binding = (only(documents, kind, CLUSTER_NAME) for kind in ("Role", "RoleBinding"))
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "istio-system"
    installation = Installation("istio-system", revision)
    names = tuple(f"{name}{suffix}" for name in ("istio", "istio-sidecar-injector", "values"))
    assert rules([role], "Role") == [("", "configmaps", names, ("get", "list", "watch"))]
    assert server_of(documents)["args"][1] == f"--config={installation}"


def test_the_preview_alone_may_ask_who_somebody_is() -> None:
    asked = {("authentication.k8s.io", "tokenreviews"), ("authorization.k8s.io", "subjectaccessreviews")}
    assert asked <= {rule[:2] for rule in rules(rendered({"preview": {"enabled": True}}), "ClusterRole")}
    assert not asked & {rule[:2] for rule in rules(rendered(), "ClusterRole")}


def test_policies_are_listed_only_where_somebody_wants_that() -> None:
    rule = ("admissionregistration.k8s.io", "mutatingadmissionpolicies", (), ("list",))
    assert rule in rules(rendered({"rbac": {"listPolicies": True}}), "ClusterRole")
    assert "mutatingadmissionpolicies" not in {each[1] for each in rules(rendered(), "ClusterRole")}


def test_the_last_good_configuration_may_be_kept_nowhere() -> None:
    documents = rendered({**CERT_MANAGER, "server": {"keepLastGood": False, "events": False}})
    assert of_kind(documents, "Role") == []
    assert not [each for each in server_of(documents)["args"] if each.startswith("--last-good")]
    assert len(of_kind(documents, "ConfigMap")) == 1


def test_an_upgrade_leaves_what_is_kept() -> None:
    assert "data" not in only(rendered(), "ConfigMap", f"{RELEASE}-last-good")


def test_with_cert_manager_nothing_may_be_written_but_events_and_what_was_good() -> None:
    documents = rendered(CERT_MANAGER)
    assert rules(documents, "Role") == [KEPT, *REPORTED]
    assert {rule[1] for rule in rules(documents, "ClusterRole")} == {"namespaces", "nodes", "proxyconfigs", "events"}
    arguments = server_of(documents)["args"]
    assert "--tls-cert=/etc/injector-certificate/tls.crt" in arguments
    assert not [each for each in arguments if each.startswith(("--cert-secret", "--webhook-config", "--lease"))]


def test_a_new_configuration_restarts_nothing() -> None:
    """The server follows the mounted directory, where the kubelet swaps a link: so no file of it is mounted alone."""
    before, after = (only(rendered(values), "Deployment") for values in ({}, {"config": {"policy": "disabled"}}))
    assert before == after
    assert "subPath" not in str(before)


def test_the_server_is_told_of_every_webhook_configuration_it_looks_after() -> None:
    documents = rendered({"revisionTags": ["prod", "staging"]})
    told = {each.removeprefix("--webhook-config=") for each in server_of(documents)["args"] if "webhook-config" in each}
    assert told == {each["metadata"]["name"] for each in of_kind(documents, "MutatingWebhookConfiguration")}


def test_configuration_files_are_read_before_the_configuration_which_wins() -> None:
    documents = rendered({"configFiles": {"b": "{}", "a": "{}"}})
    read = [each.removeprefix("--config=/etc/injector/") for each in server_of(documents)["args"] if "config=/" in each]
    assert read == ["a.yaml", "b.yaml", "config.yaml"]
    assert set(read) == set(only(documents, "ConfigMap")["data"])


def test_the_test_is_not_among_the_pods_of_the_service() -> None:
    documents = rendered()
    selector = only(documents, "Service")["spec"]["selector"]
    assert not selector.items() <= only(documents, "Pod", "injector-test")["metadata"]["labels"].items()
    assert selector.items() <= only(documents, "Deployment")["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize(
    "values",
    [
        {},
        CERT_MANAGER,
        {"configFiles": {"a": "{}"}, "revisionTags": ["a"], "webhook": {"url": "https://a.example:1/inject"}},
        {"preview": {"enabled": True}},
    ],
    ids=["own certificates", "cert-manager", "more", "preview"],
)
def test_the_server_knows_every_argument(values: dict[str, Any]) -> None:
    command, *arguments = server_of(rendered(values))["args"]
    assert command == "serve"
    program = Typer()
    program.command()(serve)
    assert get_command(program).make_context(command, arguments).params["cluster"] is True
