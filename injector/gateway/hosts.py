"""Host names of servers and virtual services, and where the two meet.

Source: https://istio.io/latest/docs/reference/config/networking/gateway/#Server (hosts) and
.../virtual-service/#VirtualService (hosts).
"""

import re
from ipaddress import ip_address

# A wildcard stands for the first labels, however many; https://www.rfc-editor.org/rfc/rfc1123#section-2.1
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(\*|(\*\.)?{_LABEL}(\.{_LABEL})*\.?)", re.IGNORECASE)
_NAMESPACE = re.compile(rf"(\*|\.|{_LABEL})")
_LONGEST = 253

ANY = "*"


def is_host(text: object) -> bool:
    """Whether `text` is a host of a virtual service: a name, a name behind a wildcard, a lone `*`, or an address."""
    return isinstance(text, str) and len(text) <= _LONGEST and (bool(_DOMAIN.fullmatch(text)) or is_address(text))


def is_destination(text: object) -> bool:
    """Whether `text` is a host that requests can be sent to."""
    return isinstance(text, str) and is_host(text) and ANY not in text


def is_server_host(text: object) -> bool:
    """Whether `text` is a host of a server: a name or wildcard, with `namespace/` before it or without."""
    if not isinstance(text, str):
        return False
    namespace, domain = split_namespace(text)
    return bool(_NAMESPACE.fullmatch(namespace)) and is_host(domain) and not is_address(domain)


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def split_namespace(host: str) -> tuple[str, str]:
    """Namespace (`*` where none is named) and domain of a server's host."""
    namespace, slash, domain = host.rpartition("/")
    return (namespace if slash else ANY), domain


def selects(namespace: str, own: str, other: str) -> bool:
    """Whether the `namespace` of a list that stands in namespace `own` means namespace `other`: `.` is `own`."""
    return namespace == ANY or other == (own if namespace == "." else namespace)


def full_name(host: str, namespace: str, cluster_domain: str) -> str:
    """A short name as the name of the Service in `namespace`; any other name as it is. Always in lower case."""
    name = host.lower().removesuffix(".")
    return name if "." in name or ":" in name or name == ANY else f"{name}.{namespace}.svc.{cluster_domain}"


def common(one: str, other: str) -> str | None:
    """The hosts that are meant by both: the more special of two domains of which one covers the other, else None."""
    one, other = one.lower(), other.lower()
    if _covers(one, other):
        return other
    return one if _covers(other, one) else None


def _covers(pattern: str, host: str) -> bool:
    if pattern in (ANY, host):
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[1:]
