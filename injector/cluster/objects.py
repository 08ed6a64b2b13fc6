"""What is read of each kind that is followed: what decisions and templates ask for.

All other fields (managed fields, conditions, the images that a node holds) are skipped while an answer is parsed, and
never become objects: of a node's 26 KB a hundred bytes stay.
"""

from typing import Any

from msgspec import Struct


class Metadata(Struct, rename="camel", omit_defaults=True):
    """Who an object is."""

    name: str
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Namespace(Struct, omit_defaults=True):
    """Templates may read any of this."""

    metadata: Metadata
    spec: Any = None
    status: Any = None

    def __post_init__(self) -> None:
        """Leave out the copy of the object that kubectl keeps in it: half of its size."""
        if self.metadata.annotations:
            self.metadata.annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)


class ProxyConfig(Struct, omit_defaults=True):
    """`spec` may be anything: what a tenant writes there must not keep the others from being read."""

    metadata: Metadata
    spec: Any = None


class NodeMetadata(Struct):
    """A node's name."""

    name: str


class NodeInfo(Struct, rename="camel"):
    """The version of a node's kubelet, which decides whether sidecars are native ones."""

    kubelet_version: str = ""


class NodeStatus(Struct, rename="camel", omit_defaults=True):
    """The only part of a node's status that does not change with every heartbeat."""

    node_info: NodeInfo | None = None


class Node(Struct, omit_defaults=True):
    """A node without its heartbeat."""

    metadata: NodeMetadata
    status: NodeStatus | None = None
