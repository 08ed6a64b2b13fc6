"""Expressions of a template as its author wrote them, for messages."""

from jinja2 import nodes

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_LONGEST = 80


def shown(node: nodes.Node) -> str:
    """The expression, cut where it is long."""
    text = _written(node)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _written(node: nodes.Node) -> str:  # noqa: C901, PLR0911, PLR0912 -- one case a kind of expression
    match node:
        case nodes.Const():
            return f'"{node.value}"' if isinstance(node.value, str) else str(node.value).lower()
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_written(node.node)}.{node.attr}"
        case nodes.Getitem():
            return f"{_written(node.node)}[{_written(node.arg)}]"
        case nodes.Call():
            return f"{_written(node.node)}({_arguments(node)})"
        case nodes.Filter() if " " in node.name:
            return _written(node.node) if node.node else ""
        case nodes.Filter():
            arguments = _arguments(node)
            subject = _written(node.node) if node.node else ""
            return f"{subject} | {node.name}{f'({arguments})' * bool(arguments)}"
        case nodes.Test():
            arguments = _arguments(node)
            return f"{_written(node.node)} is {node.name}{f'({arguments})' * bool(arguments)}"
        case nodes.Compare():
            ops = (f"{_SIGNS[each.op]} {_written(each.expr)}" for each in node.ops)
            return " ".join((_written(node.expr), *ops))
        case nodes.Not():
            return f"not {_written(node.node)}"
        case nodes.BinExpr():
            return f"{_written(node.left)} {node.operator} {_written(node.right)}"
        case nodes.Concat():
            return " ~ ".join(map(_written, node.nodes))
        case nodes.CondExpr():
            otherwise = f" else {_written(node.expr2)}" if node.expr2 else ""
            return f"{_written(node.expr1)} if {_written(node.test)}{otherwise}"
        case nodes.List() | nodes.Tuple():
            return f"[{', '.join(map(_written, node.items))}]"
    return type(node).__name__.lower()


def _arguments(node: nodes.Call | nodes.Filter | nodes.Test) -> str:
    named = (f"{each.key}={_written(each.value)}" for each in node.kwargs)
    return ", ".join((*map(_written, node.args), *named))
