"""What an application does that cannot work beside the proxy: it takes a port of the proxy's, or runs as its user."""

from collections.abc import Iterator
from typing import Any

from injector.core.model import DEFAULT_PROXY_ID, INIT_CONTAINER, PROXY_CONTAINER, VALIDATION_CONTAINER, Container, Pod
from injector.core.pods import containers, find_sidecar
from injector.core.prometheus import RESERVED_PORTS


def proxy_conflicts(received: Pod, merged: Pod) -> Iterator[str]:
    """One line for each conflict of the containers of `received` with the proxy that injection made of it `merged`.

    Source: https://istio.io/latest/docs/ops/deployment/application-requirements/
    """
    own = containers(received)
    conflicts = [line for each in own if each.get("ports") for line in _ports(each)]
    pod_context = (received.get("spec") or {}).get("securityContext")
    if pod_context or any(each.get("securityContext") for each in own):
        conflicts += _users(received, merged)
    if conflicts and find_sidecar(merged):
        yield from conflicts


def _users(received: Pod, merged: Pod) -> Iterator[str]:
    pod_user = ((received.get("spec") or {}).get("securityContext") or {}).get("runAsUser")
    user = _proxy_user(merged)
    for container in containers(received):
        own_user = (container.get("securityContext") or {}).get("runAsUser")
        is_same = user == (pod_user if own_user is None else own_user)
        if is_same and container["name"] != PROXY_CONTAINER and _redirects(merged):
            yield (
                f"container {container['name']!r} runs as user {user}, whose traffic is not redirected since it is the "
                "proxy's: it bypasses the proxy; let it run as another user"
            )


def _proxy_user(pod: Pod) -> Any:
    place = find_sidecar(pod)
    proxy = containers(pod, place[0])[place[1]] if place else {}
    return (proxy.get("securityContext") or {}).get("runAsUser") or DEFAULT_PROXY_ID


def _redirects(pod: Pod) -> bool:
    return any(each["name"] in (INIT_CONTAINER, VALIDATION_CONTAINER) for each in containers(pod, "initContainers"))


def _ports(container: Container) -> Iterator[str]:
    for port in container["ports"] if container["name"] != PROXY_CONTAINER else ():
        number = port.get("containerPort")
        use = RESERVED_PORTS.get(number) if type(number) is int else None
        if use:
            yield (
                f"container {container['name']!r} listens on port {number}, which the proxy needs ({use}): "
                "let the application use another port"
            )
