"""ServiceEntries: their fields, and what they say of a destination outside the cluster.

Source: https://istio.io/latest/docs/reference/config/networking/service-entry/.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from injector.core.errors import Path
from injector.core.model import JsonObject
from injector.core.validation import FILLED_STRING, STRING, Listed, Mapped, Message, Scalar, Unsupported, one_of
from injector.gateway.documents import Resources, strings_in, validated
from injector.gateway.fields import COUNT, EXPORT_TO, LABELS, PORT, NoEffect
from injector.gateway.hosts import covers, is_address, is_host, selects
from injector.gateway.model import Endpoint, Report, Resource
from injector.gateway.workload import GatewayPods

_RESOLUTIONS = ("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")
_STATIC, _ROUND_ROBIN = "STATIC", "DNS_ROUND_ROBIN"


def _is_endpoint(value: object) -> bool:
    return isinstance(value, str) and is_host(value) and "*" not in value


def _static_endpoints(entry: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is not looked up in DNS has to be listed, as addresses."""
    if entry.get("resolution") != _STATIC:
        return
    if not entry.get("endpoints"):
        yield ("endpoints",), "is missing; resolution STATIC takes the addresses listed here"
    for index, endpoint in enumerate(entry.get("endpoints") or ()):
        if not is_address(endpoint["address"]):
            yield ("endpoints", index, "address"), f"must be an IP address, got {endpoint['address']!r}"


_ENDPOINT = Message(
    {
        "address": Scalar("a host name or an IP address", _is_endpoint),
        "ports": Mapped(PORT, FILLED_STRING),
        "labels": LABELS,
        "weight": COUNT,
        "network": NoEffect("every endpoint is reached directly"),
        "locality": NoEffect("a configuration without a control plane knows no localities"),
        "serviceAccount": NoEffect("connections are not made with Istio's certificates"),
    },
    required=("address",),
)
SERVICE_ENTRY = Message(
    {
        "hosts": Listed(Scalar("a host name, or *.host name", is_host), filled=True),
        "addresses": Listed(STRING),
        "ports": Listed(
            Message({"number": PORT, "name": STRING, "protocol": STRING, "targetPort": PORT}, required=("number",))
        ),
        "location": STRING,
        "resolution": one_of(*_RESOLUTIONS),
        "endpoints": Listed(_ENDPOINT),
        "workloadSelector": Unsupported("pods and WorkloadEntries are not known; list endpoints"),
        "subjectAltNames": Listed(FILLED_STRING),
        "exportTo": EXPORT_TO,
    },
    required=("hosts",),
    rules=(_static_endpoints,),
)


@dataclass(frozen=True, slots=True)
class ServiceEntries:
    """All of the documents'. Those that are about no destination of the gateway are never validated."""

    resources: Resources
    pods: GatewayPods
    report: Report
    _found: dict[str, Resource | None] = field(default_factory=dict)

    def about(self, host: str) -> Resource | None:
        """The validated entry for a host, one that names it before one with a wildcard."""
        if host not in self._found:
            candidates = [
                (len(pattern), entry)
                for entry in self.resources.of("ServiceEntry")
                for pattern in strings_in(entry, "spec", "hosts")
                if covers(pattern.lower(), host) and self._is_exported(entry)
            ]
            entry = max(candidates, key=lambda each: each[0])[1] if candidates else None
            self._found[host] = validated(entry, SERVICE_ENTRY, self.report) if entry else None
        return self._found[host]

    def _is_exported(self, entry: Resource) -> bool:
        exported = strings_in(entry, "spec", "exportTo") or ["*"]
        homes = self.pods.homes or {entry.namespace}
        return any(selects(each, entry.namespace, home) for each in exported for home in homes)

    def warn_of_the_unused(self) -> None:
        """Warn of each that no destination has asked for."""
        used = {(entry.namespace, entry.name) for entry in self._found.values() if entry}
        for entry in self.resources.of("ServiceEntry"):
            if (entry.namespace, entry.name) not in used:
                self.report.warn(entry, ("spec", "hosts"), "is left out: the gateway sends nothing to these hosts")


def entry_ports(entry: Resource) -> list[JsonObject]:
    """The ports of a validated entry, in the form of a Service's."""
    return [{"port": each["number"], **each} for each in entry.body.get("ports") or ()]


def entry_endpoints(entry: Resource, host: str, port: JsonObject, labels: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """The endpoints with `labels` of one port: those listed, or the host itself where none are."""
    target = int(port.get("targetPort") or port["port"])
    listed = entry.body.get("endpoints") or ()
    if not listed:
        return (Endpoint(host, target),)
    return tuple(
        Endpoint(each["address"], each.get("ports", {}).get(port.get("name"), target), each.get("weight"))
        for each in listed
        if labels.items() <= each.get("labels", {}).items()
    )


def entry_discovery(entry: Resource) -> str:
    """How Envoy finds the endpoints. Without a resolution (NONE) the name that was asked for is looked up in DNS."""
    resolution = entry.body.get("resolution", "NONE")
    return "STATIC" if resolution == _STATIC else "LOGICAL_DNS" if resolution == _ROUND_ROBIN else "STRICT_DNS"
