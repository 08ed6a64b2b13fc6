"""What the values of a template may grow to: a few lines of a template could otherwise fill any memory.

A bound is looked at where a value is made of others, before the work is done where the work would be the harm.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from itertools import islice
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import do_round

MAXIMUM_TEXT = 1_000_000
MAXIMUM_VALUES = 100_000
_DEEPEST = 100
_MAXIMUM_BITS = 4_096
_MAXIMUM_EXPONENT = 64

# Methods of text that make it as long as a number says, or format it from a pattern.
GROWING_METHODS = frozenset("center expandtabs format format_map ljust rjust translate zfill".split())

# The name of the filter that looks at what a template builds: no template can write it.
BOUNDED_FILTER = "bounded value"


def bounded(value: Any) -> Any:
    """`value` itself. Raises SecurityError where it has grown too large or too deep."""
    kind = type(value)
    if kind is str:
        if len(value) > MAXIMUM_TEXT:
            raise SecurityError(f"a value grew over {MAXIMUM_TEXT} characters")
    elif kind is int:
        if value.bit_length() > _MAXIMUM_BITS:
            raise SecurityError(f"a number grew over {_MAXIMUM_BITS} bits")
    elif kind in (list, dict, tuple):
        _count(value, MAXIMUM_VALUES, _DEEPEST)
    return value


def checked_operands(operator: str, left: Any, right: Any) -> None:
    """Raise SecurityError where `left operator right` is not for templates: `'a' * 10**9` would exhaust the memory."""
    if operator == "%" and isinstance(left, str):
        raise SecurityError("the % operator on text is not available: use ~ to join texts")
    if operator == "**" and isinstance(right, (int, float)) and abs(right) > _MAXIMUM_EXPONENT:
        raise SecurityError(f"the exponent {right!r} is over {_MAXIMUM_EXPONENT}")
    if operator == "*" and not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
        raise SecurityError("the * operator multiplies numbers only")
    bounded(left)
    bounded(right)


def bounding(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its result bounded; of Jinja's own filters it takes the same arguments as before."""

    @wraps(function)
    def looked_at(*args: Any, **kwargs: Any) -> Any:
        return bounded(function(*args, **kwargs))

    return looked_at


def replaced(text: Any, old: Any, new: Any, count: int | None = None) -> str:
    """The text in which `new` stands for `old`, at most `count` times."""
    given, old, new = str(text), str(old), str(new)
    times = given.count(old) if count is None else min(count, given.count(old))
    _refuse_longer(len(given) + times * (len(new) - len(old)))
    return given.replace(old, new, -1 if count is None else count)


def joined(values: Iterable[Any], separator: Any = "", attribute: str | None = None) -> str:
    """The values as one text, the separator between them; `attribute`: of each its value at this key."""
    between, parts, length = str(separator), list[str](), 0
    for value in islice(values, MAXIMUM_VALUES + 1):
        part = str(value if attribute is None else value[attribute])
        length += len(part) + len(between)
        _refuse_longer(length)
        parts.append(part)
    return between.join(parts)


def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    """Jinja's filter `round`, for a precision that numbers of a pod can have."""
    if abs(precision) > _MAXIMUM_EXPONENT:
        raise SecurityError(f"the precision {precision!r} is over {_MAXIMUM_EXPONENT}")
    return do_round(value, precision, method)  # type: ignore[arg-type]  # a method that it does not know it refuses


METHODS: Mapping[str, Callable[..., Any]] = {
    "join": lambda separator, values: joined(values, separator),
    "replace": replaced,
}
"""What to call for these methods of text in place of Python's own: the text comes first."""


def with_bounds(tree: nodes.Template) -> nodes.Template:
    """The tree in which everything that joins values is looked at: in a loop it could double each time."""
    for parent in [tree, *tree.find_all(nodes.Node)]:
        for name, value in parent.iter_fields():
            if _joins(value):
                setattr(parent, name, _looked_at(value))
            elif isinstance(value, list):
                setattr(parent, name, [_looked_at(each) if _joins(each) else each for each in value])
    return tree


def _joins(node: Any) -> bool:
    if isinstance(node, nodes.Tuple):
        return node.ctx == "load" and not _is_constant(node.items)
    if isinstance(node, nodes.List):
        return not _is_constant(node.items)
    if isinstance(node, nodes.Dict):
        return not _is_constant([pair.value for pair in node.items])
    return isinstance(node, nodes.Concat)


def _is_constant(items: Iterable[nodes.Expr]) -> bool:
    return all(isinstance(item, nodes.Const) for item in items)


def _looked_at(node: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, BOUNDED_FILTER, [], [], None, None, lineno=node.lineno)


def _count(value: Any, left: int, deep: int) -> int:
    """How many of `left` values are left after those in `value`, written out as in JSON."""
    if deep < 0:
        raise SecurityError(f"a value grew deeper than {_DEEPEST} levels")
    for item in value.values() if type(value) is dict else value:
        left -= 1
        if type(item) in (list, dict, tuple):
            left = _count(item, left, deep - 1)
        if left < 0:
            raise SecurityError(f"a value grew over {MAXIMUM_VALUES} items")
    return left


def _refuse_longer(length: int) -> None:
    if length > MAXIMUM_TEXT:
        raise SecurityError(f"a value grew over {MAXIMUM_TEXT} characters")
