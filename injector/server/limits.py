"""What requests and connections may take before the server turns them away. One worker; all times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Of requests to the webhook.

    `body`: bytes of one body (reference 13.4). `seconds`: until a body is there. `waiting`: until work begins on a
    request that is there. `receiving` and `held`: bodies, and bytes of bodies, that are on their way at the same time.
    """

    body: int = 6_291_456
    seconds: float = 10.0
    waiting: float = 1.0
    receiving: int = 256
    held: int = 67_108_864


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of connections.

    `connections` that are open and `handshakes` that are under way at the same time; `accepted`: how many are taken
    from the queue before the connections there are have their turn. `handshake`, `head`, `message`: until a handshake,
    the head of a request, a whole request has to be done. `unread`: until a client has to read what was sent.
    `idle`: until a connection without a request is closed. `age`: after it a reply closes its connection, so that
    clients which keep their connections find new workers and replicas. `head_bytes`: of a request without its body.
    `headers`: of one request. `surplus`: bytes of a request beyond its head and what its body needs, such as trailers
    and chunk extensions. `pipelined`: requests that wait for those before them on the same connection.
    `buffered`: bytes a client may leave unread before nothing more is done for it.
    """

    connections: int = 1000
    handshakes: int = 128
    accepted: int = 8
    handshake: float = 5.0
    head: float = 5.0
    message: float = 30.0
    unread: float = 10.0
    idle: int = 75
    age: float = 300.0
    head_bytes: int = 65_536
    headers: int = 128
    surplus: int = 65_536
    pipelined: int = 16
    buffered: int = 65_536


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """All limits of a server."""

    requests: Limits = field(default_factory=Limits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)


@dataclass(frozen=True, slots=True)
class Settable:
    """A limit that operators set: the `field` of `Limits` or `ConnectionLimits`, its bounds and its meaning."""

    field: str
    least: float
    most: float
    meaning: str
    whole: bool = True


# API servers wait at most 30 s. Those that are given here are what a cluster's size, its network or its webhook's
# timeout can ask for; the others are between one client and the server, and the same everywhere.
SETTABLE: Mapping[str, Settable] = {
    "waitingSeconds": Settable(
        "waiting",
        0.001,
        30,
        "longest wait of a request for its turn; half of its own timeout where that is less",
        whole=False,
    ),
    "bodyBytes": Settable("body", 1_024, Limits().held, "largest body of a review"),
    "connections": Settable("connections", 1, 100_000, "open at the same time; beyond it those without a request go"),
    "handshakes": Settable("handshakes", 1, 10_000, "TLS handshakes under way; beyond it the oldest gives way"),
    "idleSeconds": Settable("idle", 1, 3_600, "until a connection without a request is closed"),
    "ageSeconds": Settable("age", 1, 86_400, "after it a reply closes its connection, so that new replicas get some"),
}
