"""What the ports of a sidecar speak: declared by name, annotation or table; detected only where nothing is declared.

Port names follow https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

_LARGEST_PORT = 65535
# Each takes about 130 bytes of the proxy's arguments, of which one is at most 128 KiB long.
_MOST_DECLARED = 200


class Carriage(StrEnum):
    """How connections to a port are carried: as bytes, as HTTP of any version, or as what their first bytes say."""

    TCP = "tcp"
    HTTP = "http"
    DETECT = "detect"


# Kubernetes and Istio name these; the rest of the TCP protocols are the service names of
# https://www.iana.org/assignments/service-names-port-numbers that people give to their ports.
_NAMES: Mapping[Carriage, str] = {
    Carriage.HTTP: "http http2 grpc h2c ws",
    Carriage.TCP: (
        "tcp tls https wss mongo mysql redis amqp amqps ftp gelf graphite imap imaps irc kafka ldap ldaps mariadb "
        "memcache memcached mongodb mqtt mqtts mssql nats nfs pop3 pop3s postgres postgresql rtsp sip smb smtp smtps "
        "ssh statsd syslog telnet thrift zookeeper"
    ),
    Carriage.DETECT: "detect",
}
PROTOCOLS: Mapping[str, Carriage] = {name: carriage for carriage, names in _NAMES.items() for name in names.split()}
"""Every name of a protocol that a port may be declared with."""

# Ports on which a server speaks first, or a client sends and closes: FTP, SSH, Telnet, SMTP, DNS, POP3, IMAP, LDAP,
# HTTPS, syslog, submission, databases, queues, Graphite, GELF, StatsD, Beats.
_TCP_PORTS = (
    *(21, 22, 23, 25, 53, 110, 143, 389, 443, 465, 514, 587, 601, 636, 873, 993, 995, 1433, 1521, 1883, 2003, 2004),
    *(2049, 2181, 3306, 4222, 5044, 5222, 5432, 5671, 5672, 6379, 6380, 6514, 8125, 8883, 9042, 9092, 9093, 9094),
    *(11211, 12201, 12202, 26379, 27017, 27018, 27019, 61613, 61616),
)
DEFAULT_PROTOCOLS = ",".join(f"{port}:tcp" for port in _TCP_PORTS)
"""The value `global.envoy.protocols` where it is not configured."""

VALID = (
    f"at most {_MOST_DECLARED} comma-separated PORT:PROTOCOL, where PROTOCOL is one of {', '.join(sorted(PROTOCOLS))}"
)


def read_protocols(text: str) -> dict[int, Carriage]:
    """The ports that a list such as `5432:tcp,8080:http` declares. Raises ValueError with the part that is wrong."""
    elements = [stripped for element in text.split(",") if (stripped := element.strip())]
    if len(elements) > _MOST_DECLARED:
        raise ValueError(elements[_MOST_DECLARED])
    return dict(map(_declaration, elements))


def is_protocols(text: str) -> bool:
    """Whether `read_protocols` reads the text."""
    try:
        read_protocols(text)
    except ValueError:
        return False
    return True


def _declaration(element: str) -> tuple[int, Carriage]:
    port, colon, name = element.partition(":")
    if not colon or name not in PROTOCOLS:
        raise ValueError(element)
    if not (port.isascii() and port.isdigit() and len(port) <= len(str(_LARGEST_PORT))):
        raise ValueError(element)
    if not 1 <= int(port) <= _LARGEST_PORT:
        raise ValueError(element)
    return int(port), PROTOCOLS[name]


def named_protocols(ports: Iterable[Mapping[str, Any]]) -> dict[int, Carriage]:
    """What the names of container ports say: `PROTOCOL` or `PROTOCOL-…`; other names and UDP say nothing."""
    found = {}
    for port in ports:
        number, name = port.get("containerPort"), str(port.get("name") or "")
        carriage = PROTOCOLS.get(name.partition("-")[0])
        if isinstance(number, int) and carriage and port.get("protocol") in (None, "", "TCP"):
            found[number] = carriage
    return found
