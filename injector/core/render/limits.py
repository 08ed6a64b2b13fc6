"""What a template may do for one pod: a few lines of a template could otherwise work for ever, or fill any memory.

A rendering has a budget of steps. A loop spends the nodes of its body for each item, so that no more than so many nodes
are evaluated; filters, tests and methods spend what they touch, an item or 32 characters at a time. Values are bounded
in size where they are made of others, before the work is done where the work would be the harm.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import wraps
from itertools import islice
from typing import Any

import orjson
from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import do_round
from jinja2.runtime import Context

from injector.core import opaque
from injector.core.opaque import Inspected

MAXIMUM_STEPS = 500_000
_CHARACTERS_OF_A_STEP = 32
_BITS_OF_A_STEP = 64
# Of the JSON of a mapping or list, about what a value with its key takes.
_CHARACTERS_OF_A_VALUE = 8
# Text up to here is nothing beside the expression that gives it.
SHORT = 1_000
MAXIMUM_TEXT = 1_000_000
MAXIMUM_VALUES = 100_000
_DEEPEST = 100
_COLLECTIONS = (list, dict, tuple)
_MAXIMUM_BITS = 4_096
_MAXIMUM_EXPONENT = 64

# Methods of text that make it as long as a number says, or format it from a pattern.
GROWING_METHODS = frozenset("center expandtabs format format_map ljust rjust translate zfill".split())

# Filters that no template can write: they bound what it builds, and spend for loops, comparisons and macros.
BOUNDED_FILTER, COUNTED, COMPARED, SPENT = "bounded value", "counted iterations", "compared value", "steps of a macro"


class Budget:
    """The steps that one rendering may take."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        """Nothing is spent yet."""
        self.steps = 0

    def spend(self, steps: int) -> None:
        """Take steps. Raises SecurityError where there are too many."""
        self.steps += steps
        if self.steps > MAXIMUM_STEPS:
            raise SecurityError(f"the template takes more than {MAXIMUM_STEPS:,} steps for one pod")

    def spending(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, a step for each."""
        for item in items:
            self.spend(1)
            yield item

    def counted(self, iterable: Iterable[Any], weight: int = 1) -> Iterable[Any]:
        """The items of a loop, each of which takes `weight` steps."""
        if not isinstance(iterable, Sized):
            iterable = list(islice(iterable, MAXIMUM_STEPS))
        self.spend(len(iterable) * weight)
        return iterable


def size_of(value: Any, *, deep: bool = True) -> int:
    """The steps that it takes to look at a value; with `deep` at all that is in it, too."""
    kind = type(value)
    if kind is str:
        return len(value) // _CHARACTERS_OF_A_STEP
    if kind is int:
        return int(value.bit_length()) // _BITS_OF_A_STEP
    if kind is not list and kind is not dict and kind is not tuple:
        return len(value) if isinstance(value, (Mapping, range)) else 0
    size: int = len(value)
    if deep and size:
        text = _json_of(value)
        size += len(text) // _CHARACTERS_OF_A_VALUE if text else sum(map(size_of, _parts_of(value)))
    return size


def _json_of(value: Any) -> bytes:
    """The JSON of a value, which is there at once, and says what would take a step for each part; empty without one."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return b""


def _parts_of(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


@pass_context
def counted(context: Context, iterable: Iterable[Any], weight: int) -> Iterable[Any]:
    """The items of a loop, counted; with the context, so that a loop over a constant is not evaluated beforehand."""
    items: Iterable[Any] = context.environment.rendering.get().counted(iterable, weight)  # type: ignore[attr-defined]
    return items


@pass_context
def spent(context: Context, steps: int) -> None:
    """Spend the steps of a macro's body; with the context, so that it is not evaluated beforehand."""
    context.environment.rendering.get().spend(steps)  # type: ignore[attr-defined]


def spend_in_loops(tree: nodes.Template, *, is_repeated: bool = False) -> None:
    """Have whatever a template does more than once spend steps: loops, macros, comparisons in them, and all of it."""
    loops = list(tree.find_all(nodes.For))
    bodies: list[Any] = [*tree.find_all((nodes.Macro, nodes.CallBlock)), *([tree] if is_repeated else [])]
    comparisons = {id(each): each for around in (*loops, *bodies) for each in around.find_all(nodes.Compare)}
    for loop in loops:
        if isinstance(loop.iter, nodes.Filter) and loop.iter.name == COUNTED:
            loop.iter.args = [nodes.Const(max(1, weight_of(loop.body)))]
    for around in bodies:
        spending = _filter(nodes.Const(weight_of(around.body)), SPENT)
        around.body.insert(0, nodes.ExprStmt(spending, lineno=around.lineno))
    for comparison in comparisons.values():
        comparison.expr = _filter(comparison.expr, COMPARED)
        for operand in comparison.ops:
            operand.expr = _filter(operand.expr, COMPARED)


def weight_of(body: Iterable[nodes.Node]) -> int:
    """How many nodes are evaluated with a body, but for those of the loops in it."""
    return sum(1 if isinstance(node, nodes.For) else 1 + weight_of(node.iter_child_nodes()) for node in body)


def _filter(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def bounded(value: Any) -> Any:
    """`value` itself. Raises SecurityError where it has grown too large or too deep."""
    kind = type(value)
    if kind is str:
        if len(value) > MAXIMUM_TEXT:
            raise SecurityError(f"a value grew over {MAXIMUM_TEXT} characters")
    elif kind is int:
        if value.bit_length() > _MAXIMUM_BITS:
            raise SecurityError(f"a number grew over {_MAXIMUM_BITS} bits")
    elif isinstance(value, _COLLECTIONS):
        text = _json_of(value)
        opened = text.count(b"[") + text.count(b"{")
        if not text or opened > _DEEPEST or opened + text.count(b",") > MAXIMUM_VALUES:
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
    try:
        for value in islice(values, MAXIMUM_VALUES + 1):
            part = str(value if attribute is None else value[attribute])
            length += len(part) + len(between)
            _refuse_longer(length)
            parts.append(part)
    except Inspected:  # texts with holes, which are few and short
        if not isinstance(values, list):
            raise
        text = opaque.joined(values if attribute is None else [value[attribute] for value in values], between)
        _refuse_longer(opaque.most_characters([text]))
        return text
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
                setattr(parent, name, _filter(value, BOUNDED_FILTER))
            elif isinstance(value, list):
                setattr(parent, name, [_filter(each, BOUNDED_FILTER) if _joins(each) else each for each in value])
    return tree


def _joins(node: Any) -> bool:
    if isinstance(node, nodes.Tuple):
        return node.ctx == "load" and not _is_constant(node.items)
    if isinstance(node, nodes.List):
        return not _is_constant(node.items)
    if isinstance(node, nodes.Dict):
        return not _is_constant([pair.value for pair in node.items])
    return isinstance(node, nodes.Concat) or (isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice))


def _is_constant(items: Iterable[nodes.Expr]) -> bool:
    return all(isinstance(item, nodes.Const) for item in items)


def _count(value: Any, left: int, deep: int) -> int:
    """How many of `left` values are left after those in `value`, written out as in JSON."""
    if deep < 0:
        raise SecurityError(f"a value grew deeper than {_DEEPEST} levels")
    for item in _parts_of(value):
        left -= 1
        if isinstance(item, _COLLECTIONS):
            left = _count(item, left, deep - 1)
        if left < 0:
            raise SecurityError(f"a value grew over {MAXIMUM_VALUES} items")
    return left


def _refuse_longer(length: int) -> None:
    if length > MAXIMUM_TEXT:
        raise SecurityError(f"a value grew over {MAXIMUM_TEXT} characters")
