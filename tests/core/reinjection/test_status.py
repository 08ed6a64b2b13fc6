"""The status annotation (reference 10.1)."""

import json
from typing import Any

import pytest

from injector.core.model import Pod
from injector.core.reinjection.status import read_status
from tests.support import injected, pod_of, setup_with

STATUS = "sidecar.istio.io/status"


def status_text(pod: Pod, *sets: str) -> str:
    text: str = injected(pod, setup_with(*sets))["metadata"]["annotations"][STATUS]
    return text


def test_it_is_compact_json_with_the_keys_in_order() -> None:
    text = status_text(pod_of())
    assert text.startswith('{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":["workload-socket"')
    assert list(json.loads(text))[:5] == ["initContainers", "containers", "volumes", "imagePullSecrets", "revision"]


def test_lists_without_a_name_are_null() -> None:
    status = json.loads(status_text(pod_of(annotations={"inject.istio.io/templates": "gateway"})))
    assert (status["initContainers"], status["imagePullSecrets"]) == (None, None)


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        ((), "default"),
        (("revision=canary",), "canary"),
        (("values.revision=blue",), "blue"),
        (("revision=",), "default"),
    ],
)
def test_the_revision(sets: tuple[str, ...], wanted: str) -> None:
    assert json.loads(status_text(pod_of(), *sets))["revision"] == wanted


def test_names_are_in_the_order_of_the_template_not_of_the_pod() -> None:
    """Reference 10.1: the template pod starts empty, whatever the pod has."""
    pod = pod_of(imagePullSecrets=[{"name": "mine"}], volumes=[{"name": "istio-envoy"}, {"name": "data"}])
    status = json.loads(status_text(pod, "nativeSidecars=enabled", "values.global.imagePullSecrets={b,a}"))
    assert status["initContainers"] == ["istio-init", "istio-proxy"]
    assert status["imagePullSecrets"] == ["b", "a"]
    assert status["volumes"][:3] == ["workload-socket", "credential-socket", "workload-certs"]
    assert "data" not in status["volumes"]


def test_names_of_several_templates_are_merged() -> None:
    pod = pod_of(annotations={"inject.istio.io/templates": "sidecar,grpc-simple"})
    status = json.loads(status_text(pod))
    assert set(status["initContainers"]) == {"istio-init", "grpc-bootstrap-init"}
    assert set(status["containers"]) == {"istio-proxy", "app"}


def test_a_status_among_the_injected_annotations_overwrites_it() -> None:
    """Reference 11.5: injected annotations come last, over whatever is there."""
    assert status_text(pod_of(), r"injectedAnnotations.sidecar\.istio\.io/status=x") == "x"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", '{"containers": 1}', '{"containers": [1]}', '{"volumes": {"a": 1}}'],
)
def test_what_cannot_be_read_counts_as_never_injected(text: str) -> None:
    assert read_status(pod_of(annotations={STATUS: text})) is None


@pytest.mark.parametrize(
    "record",
    [1, [], {"volumes": [1]}, {"order": {"containers": 1}}, {"containers": {"app": 1}}, {"labels": []}],
)
def test_a_forged_record_leaves_the_names(record: Any) -> None:
    """The annotation is in the hands of whoever may write pods."""
    text = json.dumps({"containers": ["istio-proxy"], "original": record})
    status = read_status(pod_of(annotations={STATUS: text}))
    assert status is not None
    assert status.original is None
    assert status.lists("containers", "istio-proxy")
    assert not status.lists("initContainers", "istio-proxy")
