"""The environment that configuration and request force on the proxy (reference 11.1)."""

from collections.abc import Mapping

from injector.core.model import (
    INIT_CONTAINER,
    PROBERS_ENV,
    PROMETHEUS_ENV,
    PROXY_CONTAINER,
    VALIDATION_CONTAINER,
    Container,
    Pod,
)
from injector.core.pods import CONTAINER_LISTS, containers, find_sidecar, with_container, with_containers

# What later steps append; after an earlier injection it is there already, and forced entries stand before it (11.6).
_APPENDED_LATER = (PROMETHEUS_ENV, PROBERS_ENV)


def without_forced_environment(pod: Pod, pairs: Mapping[str, str]) -> Pod:
    """The pod whose proxy has none of `pairs`, as before an earlier injection forced them.

    Templates mention some of these names; an entry that stands at the end would pull others out of their order.
    """
    place = find_sidecar(pod) if pairs else None
    if place is None:
        return pod
    which, index = place
    proxy = containers(pod, which)[index]
    kept = [entry for entry in proxy.get("env") or () if entry.get("name") not in pairs]
    return with_container(pod, which, index, {**proxy, "env": kept})


def force_environment(pod: Pod, pairs: Mapping[str, str]) -> Pod:
    """The pod whose proxy has `pairs` in its environment, sorted by name, behind all other entries."""
    place = find_sidecar(pod) if pairs else None
    if place is None:
        return pod
    which, index = place
    proxy = containers(pod, which)[index]
    others = [entry for entry in proxy.get("env") or () if entry.get("name") not in pairs]
    later = next((at for at, entry in enumerate(others) if entry.get("name") in _APPENDED_LATER), len(others))
    forced = [{"name": name, "value": pairs[name]} for name in sorted(pairs)]
    return with_container(pod, which, index, {**proxy, "env": [*others[:later], *forced, *others[later:]]})


# The order of containers: the proxy before or behind the application, redirection where it works (reference 11.7).

_CORE_DUMP = "enable-core-dump"
_OTHERS = 10

# Where containers stand by their names, those that are not named at _OTHERS; of equal places the order stays, and of
# containers with one name the last one.
_HELD = {PROXY_CONTAINER: 0}
_NOT_HELD = {PROXY_CONTAINER: 11}
_NATIVE = {INIT_CONTAINER: 0, VALIDATION_CONTAINER: 1, PROXY_CONTAINER: 2, _CORE_DUMP: 3}
_NOT_NATIVE = {VALIDATION_CONTAINER: 0, INIT_CONTAINER: 11, _CORE_DUMP: 12}


def order_containers(pod: Pod, *, hold: bool) -> Pod:
    """The pod with its containers in order; `hold` puts the proxy first, so that the application waits for it."""
    native = any(container["name"] == PROXY_CONTAINER for container in containers(pod, "initContainers"))
    places = {"containers": _HELD if hold else _NOT_HELD, "initContainers": _NATIVE if native else _NOT_NATIVE}
    for which in CONTAINER_LISTS:
        before = containers(pod, which)
        ordered = _in_order(before, places[which])
        if any(one is not other for one, other in zip(before, ordered, strict=False)):
            pod = with_containers(pod, which, ordered)
    return pod


def _in_order(before: list[Container], places: Mapping[str, int]) -> list[Container]:
    found = [places.get(container["name"], _OTHERS) for container in before]
    if found == sorted(found) and all(found.count(place) == 1 for place in found if place != _OTHERS):
        return before
    last = {container["name"]: container for container in before}
    once = [each for each in before if (name := each["name"]) not in places or last[name] is each]
    return sorted(once, key=lambda container: places.get(container["name"], _OTHERS))
