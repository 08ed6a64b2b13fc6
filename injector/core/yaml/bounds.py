"""How much a YAML text may ask for: reading it costs what its size says, whatever else it says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that a reader accepts.

    `characters`: of the text. `values`: of a document. `depth`: of nested collections, aliases followed. `aliased`:
    values that the aliases of a document stand for, merged mappings included; fewer for a short text (`aliased_by`).
    """

    characters: int = 256 * 1024 * 1024
    values: int = 20_000_000
    depth: int = 200
    aliased: int = 200_000

    def aliased_by(self, text: str) -> int:
        """The values that the aliases in `text` may stand for.

        Anchors save typing, but not a hundredfold: without this, thousands of tiny documents cost 200,000 values each.
        """
        return min(self.aliased, 10 * len(text))


# For files of users, such as a List of all nodes of a large cluster; as deep as JSON writers follow.
DOCUMENTS = Bounds()
# For texts of tenants: a value costs a few hundred bytes of memory while it is read, and an object of the API server,
# which has at most 1.5 MiB, has a few thousand of them.
REQUEST = Bounds(characters=2 * 1024 * 1024, values=60_000)
# Annotations share 256 KiB (https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/).
# The largest ProxyConfig that makes sense has a few hundred values, and each takes as long to read as a line of a log.
ANNOTATION = Bounds(characters=256 * 1024, values=1_000)
