"""What the tests of the templates have in common: pods injected under `--set` flags, and what to look up in them."""

from itertools import pairwise
from typing import Any

from injector.core.model import JsonObject, Pod
from tests.support import admitted, container_of, injected, pod_of, setup_with

SIDECAR, TRAFFIC, STATUS = "sidecar.istio.io/", "traffic.sidecar.istio.io/", "status.sidecar.istio.io/"


def annotated(annotations: dict[str, str], *sets: str) -> Pod:
    return injected(pod_of(annotations=annotations), setup_with(*sets))


def refusal(annotations: dict[str, str], *sets: str) -> str:
    admission = admitted(pod_of(annotations=annotations), setup_with(*sets))
    assert not admission.allowed
    return admission.message


def proxy_of(pod: Pod) -> JsonObject:
    return container_of(pod, "istio-proxy")


def flags_of(pod: Pod, name: str = "istio-init") -> dict[str, str]:
    """Each flag of the redirecting container that takes a value, with it."""
    arguments = container_of(pod, name)["args"]
    return {flag: value for flag, value in pairwise(arguments) if len(flag) == 2 and flag[0] == "-"}


def volume_of(pod: Pod, name: str) -> JsonObject:
    (found,) = [each for each in pod["spec"]["volumes"] if each["name"] == name]
    return {key: value for key, value in found.items() if key != "name"}


def names(items: Any) -> list[str]:
    return [each["name"] for each in items or ()]


def mounts_of(pod: Pod) -> dict[str, str]:
    return {each["name"]: each["mountPath"] for each in proxy_of(pod)["volumeMounts"]}
