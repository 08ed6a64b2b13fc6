"""Names of hosts: what is valid where, which full name a short one stands for, and what two patterns have in common.

Sources: https://istio.io/latest/docs/reference/config/networking/gateway/#Server (hosts) and
.../virtual-service/#VirtualService (hosts), .../virtual-service/#Destination (short names).
"""

import re
from ipaddress import ip_address

# A wildcard stands for the first labels, however many; https://www.rfc-editor.org/rfc/rfc1123#section-2.1
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(\*|(\*\.)?{_LABEL}(\.{_LABEL})*\.?)", re.IGNORECASE)
_NAMESPACE = re.compile(rf"(\*|\.|~|{_LABEL})")
_LONGEST = 253

ANY, MESH = "*", "mesh"
_OWN, _NONE = ".", "~"


def is_host(text: object) -> bool:
    """Whether `text` is a name, a name behind a wildcard, a lone `*`, or an address."""
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


def is_export(text: object) -> bool:
    """Whether `text` is an entry of `exportTo`: a namespace, `.` for the own one, `*` for all, `~` for none."""
    return isinstance(text, str) and bool(_NAMESPACE.fullmatch(text))


def split_namespace(host: str) -> tuple[str, str]:
    """Namespace (`*` where none is named) and domain of a server's host."""
    namespace, slash, domain = host.rpartition("/")
    return (namespace if slash else ANY), domain


def selects(namespace: str, own: str, other: str) -> bool:
    """Whether the entry `namespace` of a list in namespace `own` means namespace `other`."""
    if namespace == _NONE:
        return False
    return namespace == ANY or other == (own if namespace == _OWN else namespace)


def full_name(host: str, namespace: str, cluster_domain: str) -> str:
    """A short name as the name of the Service in `namespace`; any other name as it is, without a dot at its end.

    Always in lower case.
    """
    name = host.lower()
    is_full = "." in name or ":" in name or name == ANY
    return name.removesuffix(".") if is_full else f"{name}.{namespace}.svc.{cluster_domain}"


def service_of(host: str, cluster_domain: str) -> tuple[str, str] | None:
    """Namespace and name of the Service that `host` (name.namespace, with or without what follows) may stand for."""
    name, _, namespace = host.removesuffix(f".svc.{cluster_domain}").removesuffix(".svc").partition(".")
    return (namespace, name) if namespace and "." not in namespace else None


def common(one: str, other: str) -> str | None:
    """The hosts that both patterns match: the more special one where the other covers it, else None."""
    one, other = one.lower(), other.lower()
    if covers(one, other):
        return other
    return one if covers(other, one) else None


def covers(pattern: str, host: str) -> bool:
    """Whether `pattern` matches all that `host`, a name or a pattern itself, matches."""
    if pattern in (ANY, host):
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[1:]


def names_gateway(name: str, namespace: str, gateway: tuple[str, str]) -> bool:
    """Whether `name` in a resource of `namespace` names the Gateway of that namespace and name.

    A name is short, `namespace/name` (`./name` for the own namespace), or, as in old files, name.namespace with or
    without the rest of a Service's name.
    """
    own, slash, short = name.rpartition("/")
    if (own if slash and own != _OWN else namespace, short) == gateway:
        return True
    return not slash and gateway == tuple(reversed(name.split(".")[:2]))


def qualified_gateway(name: str, namespace: str) -> str:
    """The name of a Gateway that means the same in every namespace."""
    own, slash, short = name.rpartition("/")
    if slash:
        return f"{namespace if own == _OWN else own}/{short}"
    return name if "." in name or name == MESH else f"{namespace}/{name}"
