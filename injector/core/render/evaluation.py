"""What an expression of a template is worth, as far as that can be told before there is a pod."""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any

from jinja2 import Environment, nodes

from injector.core.model import InjectionError
from injector.core.render.partial import PartlyKnown, WithoutAsked


class _Unknown:
    """Stands for a value that differs from pod to pod, or that cannot be told."""


UNKNOWN = _Unknown()


class Evaluation:
    """Evaluates expressions over the names that are known; `known` changes as statements assign more of them."""

    def __init__(self, known: Mapping[str, Any], environment: Environment) -> None:
        """Begin with the names in `known`; filters and tests are those of `environment`."""
        self.known = dict(known)
        self._context = nodes.EvalContext(environment)

    def value(self, node: nodes.Node) -> Any:
        """The value of a folded expression. A key that is not there is not known: using it is a fault."""
        match node:
            case nodes.Name(ctx="load"):
                return self.known.get(node.name, UNKNOWN)
            case nodes.Getattr() | nodes.Getitem():
                key = node.attr if isinstance(node, nodes.Getattr) else self.value(node.arg)
                return _at_key(self.value(node.node), key)
            case nodes.Call():
                return self._result(node)
            case nodes.Compare():
                return self._compared(node)
            case nodes.Filter(node=nodes.Expr()):
                return self._filtered(node)
        return self._constant(node)

    def _result(self, node: nodes.Call) -> Any:
        """What a call of a known function, or of a known mapping's `get`, gives for known arguments."""
        arguments = [self.value(each) for each in node.args]
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not all(map(is_whole, arguments)):
            return UNKNOWN
        if isinstance(node.node, nodes.Getattr) and node.node.attr == "get":
            return _got(self.value(node.node.node), *arguments)
        function = self.value(node.node)
        return _called(function, arguments) if callable(function) else UNKNOWN

    def _compared(self, node: nodes.Compare) -> Any:
        """Whether something is in a mapping that has nothing of what it is asked for; any other comparison as it is."""
        operand = node.ops[0]
        if len(node.ops) == 1 and operand.op in ("in", "notin"):
            key, mapping = self.value(node.expr), self.value(operand.expr)
            if isinstance(mapping, WithoutAsked) and type(key) is str:
                return (key in mapping) == (operand.op == "in")
        return self._constant(node)

    def _filtered(self, node: nodes.Filter) -> Any:
        """What a filter gives for a value that is known, also where that is no scalar."""
        subject = self.value(node.node) if node.node is not None else UNKNOWN
        if not is_whole(subject):
            return UNKNOWN
        known = copy(node)
        known.node = nodes.Const(subject)
        return self._constant(known)

    def _constant(self, node: nodes.Node) -> Any:
        try:
            return node.as_const(self._context) if isinstance(node, nodes.Expr) else UNKNOWN
        except nodes.Impossible:
            return UNKNOWN


def is_whole(value: Any) -> bool:
    """Whether a value is known, and all of it."""
    return value is not UNKNOWN and not isinstance(value, (PartlyKnown, WithoutAsked))


def _called(function: Callable[..., Any], arguments: Iterable[Any]) -> Any:
    try:
        return function(*arguments)
    except (InjectionError, LookupError, TypeError, ValueError):
        # It will fail for pods as well, where the template still calls it, and is told with its line then.
        return UNKNOWN


def _at_key(mapping: Any, key: Any) -> Any:
    if isinstance(mapping, PartlyKnown):
        mapping = mapping.known
    return mapping[key] if type(mapping) is dict and type(key) is str and key in mapping else UNKNOWN


def _got(mapping: Any, key: Any = None, default: Any = None) -> Any:
    """What `mapping.get(key, default)` gives."""
    if type(key) is not str:
        return UNKNOWN
    if isinstance(mapping, WithoutAsked):
        return mapping.get(key, default)
    return mapping.get(key, default) if type(mapping) is dict and "get" not in mapping else UNKNOWN
