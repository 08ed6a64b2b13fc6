"""Parts of a document that are built once and stand in many pods.

The types say what merging need not look for again: such a part holds no null and no directive, and nobody changes it.
"""

from typing import Any


class SharedMapping(dict[str, Any]):
    """A mapping without nulls and directives, all the way down."""

    __slots__ = ()


class SharedList(list[Any]):
    """A list of which the same is true."""

    __slots__ = ()
