"""What an injected pod needs in its namespace that it did not need before."""

from typing import Any

import pytest

from injector.reports.references import Reference, added_references


def pod(**spec: Any) -> Any:
    return {"metadata": {}, "spec": {"containers": [{"name": "app"}], **spec}}


def container(**fields: Any) -> Any:
    return {"containers": [{"name": "app"}, {"name": "istio-proxy", **fields}]}


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        ({"volumes": [{"configMap": {"name": "a"}}]}, ("ConfigMap", "a")),
        ({"volumes": [{"secret": {"secretName": "a"}}]}, ("Secret", "a")),
        ({"volumes": [{"projected": {"sources": [{"configMap": {"name": "a"}}]}}]}, ("ConfigMap", "a")),
        ({"volumes": [{"projected": {"sources": [{"secret": {"name": "a"}}]}}]}, ("Secret", "a")),
        (container(envFrom=[{"configMapRef": {"name": "a"}}]), ("ConfigMap", "a")),
        (container(envFrom=[{"secretRef": {"name": "a"}}]), ("Secret", "a")),
        (container(env=[{"valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}]), ("ConfigMap", "a")),
        (container(env=[{"valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}]), ("Secret", "a")),
        ({"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "a"}}]}]}, ("Secret", "a")),
        ({"serviceAccountName": "a"}, ("ServiceAccount", "a")),
    ],
)
def test_what_was_added_is_needed(spec: Any, needed: tuple[str, str]) -> None:
    assert added_references(pod(), pod(**spec)) == [Reference(*needed)]
    assert added_references(pod(**spec), pod(**spec)) == []


def test_what_is_optional_is_not_needed() -> None:
    volumes = [{"configMap": {"name": "a", "optional": True}}, {"secret": {"secretName": "b", "optional": True}}]
    assert added_references(pod(), pod(volumes=volumes)) == []
