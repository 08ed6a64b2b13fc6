"""Which ports TCP probes connect to: behind a proxy, which accepts in any case, such a probe would always pass."""

from collections.abc import Iterator

from injector.core.model import Container, Pod
from injector.core.pods import CONTAINER_LISTS, containers

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def tcp_probed_ports(pod: Pod) -> list[int]:
    """The numbers of the ports, in order; a name that the container does not have is left out."""
    every = (container for which in CONTAINER_LISTS for container in containers(pod, which))
    return list(dict.fromkeys(port for container in every for port in _ports(container)))


def _ports(container: Container) -> Iterator[int]:
    named = {each.get("name"): each.get("containerPort") for each in container.get("ports") or ()}
    for probe in _PROBES:
        port = ((container.get(probe) or {}).get("tcpSocket") or {}).get("port")
        number = named.get(port) if isinstance(port, str) else port
        if number is not None:
            yield int(number)
