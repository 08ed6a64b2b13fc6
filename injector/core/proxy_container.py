"""The proxy among the containers: its forced environment, its place, and what cannot run beside it (reference 11)."""

from collections.abc import Iterator, Mapping
from typing import Any

from injector.core.model import (
    CORE_DUMP_CONTAINER,
    DEFAULT_PROXY_ID,
    INIT_CONTAINER,
    PROBERS_ENV,
    PROMETHEUS_ENV,
    PROXY_CONTAINER,
    VALIDATION_CONTAINER,
    Container,
    Pod,
)
from injector.core.pods import CONTAINER_LISTS, containers, find_sidecar, with_container, with_containers
from injector.core.prometheus import RESERVED_PORTS

# What later steps append; after an earlier injection it is there already, and forced entries stand before it (11.6).
_APPENDED_LATER = (PROMETHEUS_ENV, PROBERS_ENV)


def without_forced_environment(pod: Pod, pairs: Mapping[str, str]) -> Pod:
    """The pod whose proxy has none of `pairs`, as before an earlier injection forced them.

    Templates mention some of these names; an entry that stands at the end would pull others out of their order.
    """
    place = find_sidecar(pod) if pairs else None
    if place is None:
        return pod
    which, index, proxy = place
    kept = [entry for entry in proxy.get("env") or () if entry.get("name") not in pairs]
    return with_container(pod, which, index, {**proxy, "env": kept})


def force_environment(pod: Pod, pairs: Mapping[str, str]) -> Pod:
    """The pod whose proxy has `pairs` in its environment, sorted by name, behind all other entries."""
    place = find_sidecar(pod) if pairs else None
    if place is None:
        return pod
    which, index, proxy = place
    others = [entry for entry in proxy.get("env") or () if entry.get("name") not in pairs]
    later = next((at for at, entry in enumerate(others) if entry.get("name") in _APPENDED_LATER), len(others))
    forced = [{"name": name, "value": pairs[name]} for name in sorted(pairs)]
    return with_container(pod, which, index, {**proxy, "env": [*others[:later], *forced, *others[later:]]})


# The order of containers: the proxy before or behind the application, redirection where it works (reference 11.7).

_OTHERS = 10

# Where containers stand by their names, those that are not named at _OTHERS; of equal places the order stays, and of
# containers with one name the last one.
_HELD = {PROXY_CONTAINER: 0}
_NOT_HELD = {PROXY_CONTAINER: 11}
_NATIVE = {INIT_CONTAINER: 0, VALIDATION_CONTAINER: 1, PROXY_CONTAINER: 2, CORE_DUMP_CONTAINER: 3}
_NOT_NATIVE = {VALIDATION_CONTAINER: 0, INIT_CONTAINER: 11, CORE_DUMP_CONTAINER: 12}


def order_containers(pod: Pod, *, hold: bool) -> Pod:
    """The pod with its containers in order; `hold` puts the proxy first, so that the application waits for it."""
    spec = pod.get("spec") or {}
    before = {which: spec.get(which) or [] for which in CONTAINER_LISTS}
    native = any(container["name"] == PROXY_CONTAINER for container in before["initContainers"])
    places = {"containers": _HELD if hold else _NOT_HELD, "initContainers": _NATIVE if native else _NOT_NATIVE}
    for which in CONTAINER_LISTS:
        ordered = _in_order(before[which], places[which])
        if ordered is not before[which]:
            pod = with_containers(pod, which, ordered)
    return pod


def _in_order(before: list[Container], places: Mapping[str, int]) -> list[Container]:
    found = [places.get(container["name"], _OTHERS) for container in before]
    if found == sorted(found) and all(found.count(place) == 1 for place in found if place != _OTHERS):
        return before
    last = {container["name"]: container for container in before}
    once = [each for each in before if (name := each["name"]) not in places or last[name] is each]
    return sorted(once, key=lambda container: places.get(container["name"], _OTHERS))


# What an application does that cannot work beside the proxy: it takes one of its ports, or runs as its user.


def proxy_conflicts(received: Pod, merged: Pod) -> Iterator[str]:
    """One line for each conflict of the containers of `received` with the proxy that injection made of it `merged`.

    Source: https://istio.io/latest/docs/ops/deployment/application-requirements/
    """
    own = (received.get("spec") or {}).get("containers") or ()
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
    proxy = place[2] if place else {}
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
