"""The environment that configuration and request force on the proxy (reference 11.1)."""

from collections.abc import Mapping

from injector.core.model import PROBERS_ENV, PROMETHEUS_ENV, Pod
from injector.core.pods import containers, find_sidecar, with_container

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
