"""The environment that configuration and request force on the proxy (reference 11.1)."""

from collections.abc import Mapping

from injector.core.model import Container, Pod
from injector.core.pods import containers, find_sidecar, with_container


def force_environment(pod: Pod, pairs: Mapping[str, str], *, injected_before: bool) -> Pod:
    """The pod whose proxy has `pairs` in its environment, at the end and sorted by name, whatever was there.

    After an earlier injection the entries stay where that one put them, so that a second injection changes nothing.
    """
    place = find_sidecar(pod) if pairs else None
    if place is None:
        return pod
    which, index = place
    proxy = containers(pod, which)[index]
    changed = _replaced_in_place(proxy, pairs) if injected_before else _appended(proxy, pairs, kept=())
    return pod if changed is proxy else with_container(pod, which, index, changed)


def _appended(proxy: Container, pairs: Mapping[str, str], kept: tuple[str, ...]) -> Container:
    others = [entry for entry in proxy.get("env") or () if entry["name"] not in pairs or entry["name"] in kept]
    forced = [{"name": name, "value": pairs[name]} for name in sorted(pairs) if name not in kept]
    return {**proxy, "env": [*others, *forced]}


def _replaced_in_place(proxy: Container, pairs: Mapping[str, str]) -> Container:
    env = proxy.get("env") or []
    replaced = [
        {"name": entry["name"], "value": pairs[entry["name"]]} if entry["name"] in pairs else entry for entry in env
    ]
    present = tuple(entry["name"] for entry in env if entry["name"] in pairs)
    if replaced == env and len(present) == len(pairs):
        return proxy
    return _appended({**proxy, "env": replaced}, pairs, kept=present)
