"""What the API server fills in between two injections is no change (reference, conventions and 10.3)."""

import copy
from typing import Any

import pytest

from injector.config import load
from injector.core.admission import set_up
from injector.core.defaulted import with_defaults_kept
from injector.core.model import Pod
from injector.core.quantity import canonical_quantities
from tests.support import admitted, container_of, injected, pod_of


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "2000m"}}),
        ({"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1024Mi"}}),
        ({"requests": {"cpu": "1"}}, {"requests": {"cpu": 1}}),
        ({"periodSeconds": 1}, {"periodSeconds": 1, "initialDelaySeconds": 0}),
        ({"fieldPath": "metadata.name", "apiVersion": "v1"}, {"fieldPath": "metadata.name"}),
        ({"name": "v", "emptyDir": {}}, {"name": "v"}),
    ],
)
def test_what_means_the_same_stays_the_very_object(before: Any, after: Any) -> None:
    assert with_defaults_kept(before, after) is before
    assert with_defaults_kept([before], [after])[0] is before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "2001m"}}),
        ({"initialDelaySeconds": 5}, {"initialDelaySeconds": 0}),
        ({"name": "v", "emptyDir": {"medium": "Memory"}}, {"name": "v"}),
        ({"fieldPath": "metadata.name", "apiVersion": "v2"}, {"fieldPath": "metadata.name"}),
        ({"name": "a", "x": 1}, {"name": "b", "x": 1}),
        ({"a": 1}, {"a": True}),
        ([1], [1, 2]),
    ],
)
def test_what_means_something_else_is_taken(before: Any, after: Any) -> None:
    found = with_defaults_kept(before, after)
    assert found == after
    assert repr(found) == repr(after)


def as_the_api_server_keeps_it(pod: Pod) -> Pod:
    """The pod after the API server's defaults, as far as injected parts are concerned."""
    kept = copy.deepcopy(pod)
    spec = kept["spec"]
    for volume in spec["volumes"]:
        if volume.keys() == {"name"}:
            volume["emptyDir"] = {}
        for item in volume.get("downwardAPI", {}).get("items", ()):
            item["fieldRef"]["apiVersion"] = "v1"
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        container["resources"] = canonical_quantities(container.get("resources") or {})
        container |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "Always"}
        for entry in container.get("env", ()):
            if "fieldRef" in entry.get("valueFrom", {}):
                entry["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
        for probe in ("readinessProbe", "startupProbe"):
            if probe in container:
                container[probe].setdefault("successThreshold", 1)
                container[probe]["httpGet"].setdefault("scheme", "HTTP")
                if not container[probe].get("initialDelaySeconds"):
                    container[probe].pop("initialDelaySeconds", None)
    return kept


@pytest.mark.parametrize("sets", [(), ("nativeSidecars=enabled",), ("defaultTemplates={gateway}",)])
def test_an_injected_pod_that_comes_back_from_the_api_server_does_not_change(sets: tuple[str, ...]) -> None:
    setup = set_up(load(sets=sets).config)
    came_back = as_the_api_server_keeps_it(injected(pod_of(), setup))
    assert admitted(came_back, setup).patch == ()


def test_what_another_configuration_wants_still_comes_through() -> None:
    came_back = as_the_api_server_keeps_it(injected(pod_of(), set_up(load().config)))
    found = injected(came_back, set_up(load(sets=["values.global.proxy.resources.limits.cpu=3"]).config))
    assert container_of(found, "istio-proxy")["resources"]["limits"]["cpu"] == 3
