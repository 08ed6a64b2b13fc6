"""The order of containers: the proxy before or behind the application, redirection where it works (reference 11.7)."""

from injector.core.model import INIT_CONTAINER, PROXY_CONTAINER, VALIDATION_CONTAINER, Container, Pod
from injector.core.pods import CONTAINER_LISTS, containers, with_containers

_CORE_DUMP = "enable-core-dump"
_NATIVE_FIRST = (INIT_CONTAINER, VALIDATION_CONTAINER, PROXY_CONTAINER, _CORE_DUMP)


def order_containers(pod: Pod, *, hold: bool) -> Pod:
    """The pod with its containers in order; `hold` puts the proxy first, so that the application waits for it."""
    ordered = {
        "containers": _application_order(containers(pod), hold=hold),
        "initContainers": _init_order(containers(pod, "initContainers")),
    }
    for which in CONTAINER_LISTS:
        before = containers(pod, which)
        if any(one is not other for one, other in zip(before, ordered[which], strict=False)):
            pod = with_containers(pod, which, ordered[which])
    return pod


def _application_order(before: list[Container], *, hold: bool) -> list[Container]:
    return _moved(before, first=(PROXY_CONTAINER,)) if hold else _moved(before, last=(PROXY_CONTAINER,))


def _init_order(before: list[Container]) -> list[Container]:
    if any(container["name"] == PROXY_CONTAINER for container in before):
        return _moved(before, first=_NATIVE_FIRST)
    return _moved(before, first=(VALIDATION_CONTAINER,), last=(INIT_CONTAINER, _CORE_DUMP))


def _moved(before: list[Container], first: tuple[str, ...] = (), last: tuple[str, ...] = ()) -> list[Container]:
    named = {container["name"]: container for container in before}
    front = [named[name] for name in first if name in named]
    back = [named[name] for name in last if name in named]
    return [*front, *(each for each in before if each["name"] not in (*first, *last)), *back]
