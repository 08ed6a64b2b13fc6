"""The template `envoy-gateway`: a pod whose container is `auto` becomes an ingress Envoy."""

from pathlib import Path
from typing import Any

import pytest

from injector.config.loader import sample_files
from injector.core.model import Pod
from injector.manifests.files import workloads
from injector.manifests.workloads import created_pod
from tests.kubernetes_schemas import validate
from tests.support import admitted, container_of, default_setup, injected, setup_with, uninjected

(SAMPLE,) = sample_files("bookinfo-gateway")


def gateway_pod(**annotations: str) -> Pod:
    ((document, _),) = workloads(SAMPLE.read_text(encoding="utf-8"), SAMPLE.name)
    pod = created_pod(document)
    pod["metadata"]["annotations"] |= annotations
    return {**pod, "metadata": {**pod["metadata"], "name": "gateway", "namespace": "bookinfo"}}


def volumes(pod: Pod) -> dict[str, Any]:
    return {each.pop("name"): each for each in pod["spec"]["volumes"]}


def test_the_sample_s_pod_reads_its_configuration_and_certificate() -> None:
    pod = injected(gateway_pod(), default_setup())
    container = container_of(pod, "envoy-gateway")
    assert container["image"].startswith("docker.io/envoyproxy/envoy:")
    assert [each["containerPort"] for each in container["ports"]] == [15090, 80, 443]
    assert {each["mountPath"] for each in container["volumeMounts"]} == {
        "/etc/gateway/configuration",
        "/etc/gateway/secrets/bookinfo-certificate",
    }
    assert volumes(pod) == {
        "gateway-configuration": {"configMap": {"name": "bookinfo-gateway"}},
        "gateway-secret-1": {"secret": {"secretName": "bookinfo-certificate"}},
    }


def test_the_result_is_a_valid_pod_and_a_second_injection_changes_nothing() -> None:
    pod = injected(gateway_pod(), default_setup())
    validate(pod)
    assert admitted(pod, default_setup()).patch == ()
    assert container_of(uninjected(pod, default_setup()), "envoy-gateway")["image"] == "auto"


def test_configuration_and_secrets_are_those_that_the_pod_names() -> None:
    named = {"gateway.sidecar-injector.io/config-map": "edge", "gateway.sidecar-injector.io/secrets": " a, b ,"}
    found = volumes(injected(gateway_pod(**named), default_setup()))
    assert found["gateway-configuration"] == {"configMap": {"name": "edge"}}
    assert [found[f"gateway-secret-{number}"]["secret"]["secretName"] for number in (1, 2)] == ["a", "b"]
    assert len(found) == 3


def test_a_secret_is_mounted_where_a_gateway_names_its_files() -> None:
    named = {"gateway.sidecar-injector.io/secrets": "a, certs=/etc/istio/ingressgateway-certs"}
    pod = injected(gateway_pod(**named), default_setup())
    mounts = {each["name"]: each["mountPath"] for each in container_of(pod, "envoy-gateway")["volumeMounts"]}
    assert mounts["gateway-secret-1"] == "/etc/gateway/secrets/a"
    assert mounts["gateway-secret-2"] == "/etc/istio/ingressgateway-certs"
    assert volumes(pod)["gateway-secret-2"]["secret"] == {"secretName": "certs"}


def test_the_sample_is_a_folder_of_its_own() -> None:
    """The demo and the drills count on what is in the sample beside it."""
    assert SAMPLE.parent != Path(sample_files("bookinfo")[0]).parent


def as_created_by_a_deployment(**spec: Any) -> Pod:
    """The pod with what the API server adds to it."""
    pod = gateway_pod()
    (container,) = pod["spec"]["containers"]
    return {**pod, "spec": {**pod["spec"], "containers": [{**container, "imagePullPolicy": "Always"}], **spec}}


def test_the_pull_policy_of_the_word_auto_is_not_that_of_the_image() -> None:
    pod = injected(as_created_by_a_deployment(), default_setup())
    assert container_of(pod, "envoy-gateway")["imagePullPolicy"] == "IfNotPresent"
    assert admitted(pod, default_setup()).patch == ()
    set_up = setup_with("values.global.imagePullPolicy=Never")
    assert container_of(injected(as_created_by_a_deployment(), set_up), "envoy-gateway")["imagePullPolicy"] == "Never"


def test_a_pull_policy_that_the_api_server_would_not_choose_is_kept() -> None:
    pod = gateway_pod()
    pod["spec"]["containers"][0]["imagePullPolicy"] = "Never"
    assert container_of(injected(pod, default_setup()), "envoy-gateway")["imagePullPolicy"] == "Never"


@pytest.mark.parametrize(("grace", "longest"), [(None, 25), (120, 115), (3, 0)])
def test_the_gateway_leaves_within_the_time_that_the_pod_has(grace: int | None, longest: int) -> None:
    pod = as_created_by_a_deployment(**({} if grace is None else {"terminationGracePeriodSeconds": grace}))
    hook = container_of(injected(pod, default_setup()), "envoy-gateway")["lifecycle"]["preStop"]
    assert f"end=$((SECONDS + {longest}))" in hook["exec"]["command"][-1]
