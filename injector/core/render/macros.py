"""Macros that stand alone on a line are written out where they are called, when a template is compiled.

Calling a macro for every pod, and indenting what it returns, was the greater part of a rendering's cost; written out,
nothing of it is left but the text. What a template means stays the same: parameters get a scope of their own, and a
macro that cannot be written out (one that calls itself, or takes what it was not asked for) is called as before.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeAlias

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, optimizeconst

# The filter that indents the result of a lone call to the column where it stands.
PLACED = "placed_at_column"

_MAXIMUM_DEPTH = 8
# Macros that use others twice double with each step: those that there is no room for are called.
_MOST_NODES = 100_000
_IMPLICIT = frozenset(("caller", "varargs", "kwargs"))


@dataclass(frozen=True, slots=True)
class _Known:
    """A macro that can be called by name. `siblings` are those that its own calls mean; `is_own`: of the template."""

    macro: nodes.Macro
    siblings: "Macros"
    is_own: bool


Macros: TypeAlias = Mapping[str, _Known]
ParseLibrary: TypeAlias = Callable[[str], nodes.Template | None]


@dataclass(slots=True)
class _Room:
    """How many nodes may still be written out in a template."""

    left: int = _MOST_NODES

    def takes(self, macro: nodes.Macro) -> bool:
        """Whether the body of `macro` still goes in; it does then."""
        size = sum(1 for _ in macro.find_all(nodes.Node))
        if size <= self.left:
            self.left -= size
            return True
        return False


@dataclass(frozen=True, slots=True)
class _Where:
    """The macros that can be called, those inside which a place is, and the room that is left."""

    known: Macros
    around: tuple[nodes.Macro, ...]
    room: _Room

    def is_inside(self, macro: nodes.Macro) -> bool:
        """Whether the place is in the body of `macro`, which then calls itself."""
        return any(macro is each for each in self.around)

    def inside(self, macro: nodes.Macro, known: Macros) -> "_Where":
        """The same in the body of `macro`, in which `known` can be called."""
        return _Where(known, (*self.around, macro), self.room)


@dataclass(frozen=True, slots=True)
class _LoneCall:
    """A macro's call that stands alone on its line, at `column`."""

    name: str
    arguments: nodes.Call
    column: int


def write_out_macros(tree: nodes.Template, parse_library: ParseLibrary) -> None:
    """Change `tree` so that lone macro calls are written out; `parse_library` gives the tree of a library by name."""
    known = dict(_imported(tree, parse_library))
    for statement in tree.body:
        if isinstance(statement, nodes.Macro):
            known[statement.name] = _Known(statement, known, is_own=True)
    _write_out(tree, _Where(known, (), _Room()))
    _drop_unused(tree)


def _imported(tree: nodes.Template, parse_library: ParseLibrary) -> Iterator[tuple[str, _Known]]:
    """The macros that the template imports by name, with its context, from libraries that hold nothing but macros."""
    for statement in tree.body:
        if not (isinstance(statement, nodes.FromImport) and statement.with_context):
            continue
        library = parse_library(statement.template.value) if isinstance(statement.template, nodes.Const) else None
        if library is None or not all(isinstance(each, (nodes.Macro, nodes.Output)) for each in library.body):
            continue
        siblings: dict[str, _Known] = {}
        for macro in library.body:
            if isinstance(macro, nodes.Macro):
                siblings[macro.name] = _Known(macro, siblings, is_own=False)
        for imported in statement.names:
            name, alias = imported if isinstance(imported, tuple) else (imported, imported)
            if name in siblings:
                yield alias, siblings[name]


def _write_out(parent: nodes.Node, where: _Where) -> None:
    for field, value in parent.iter_fields():
        if isinstance(value, list):
            written = [new for item in value for new in _with_macros_written_out(item, where)]
            setattr(parent, field, written)


def _with_macros_written_out(node: nodes.Node, where: _Where) -> Iterator[nodes.Node]:
    if not isinstance(node, nodes.Output):
        if isinstance(node, nodes.Macro):
            _write_out(node, where.inside(node, where.known))
        elif isinstance(node, nodes.Stmt):
            _write_out(node, where)
        yield node
        return
    run: list[nodes.Expr] = []
    for piece in node.nodes:
        scope = _scope_of_call(piece, where)
        if scope is None:
            run.append(piece)
            continue
        yield from _output(run, node.lineno)
        yield scope
        run = []
    yield from _output(run, node.lineno)


def _output(pieces: list[nodes.Expr], line: int) -> Iterator[nodes.Output]:
    if pieces:
        yield nodes.Output(pieces, lineno=line)


def _scope_of_call(piece: nodes.Expr, where: _Where) -> nodes.With | None:
    """The body of the macro that `piece` calls, in a scope with its parameters; None where it has to be called."""
    call = _lone_call(piece)
    found = where.known.get(call.name) if call else None
    if call is None or found is None or len(where.around) > _MAXIMUM_DEPTH or where.is_inside(found.macro):
        return None
    values = None if _takes_more(found.macro) else _arguments(found.macro, call.arguments)
    if values is None or not where.room.takes(found.macro):
        return None
    parameters: list[nodes.Expr] = [nodes.Name(each.name, "param") for each in found.macro.args]
    scope = nodes.With(parameters, values, _copied(found.macro.body))
    _place(scope, call.column)
    # A line of a library would be taken for a line of this template.
    scope.set_lineno(piece.lineno, override=not found.is_own)
    _write_out(scope, where.inside(found.macro, found.siblings))
    if not found.is_own and any(name in found.siblings for name in _names_called(scope)):
        return None
    return scope


def _lone_call(piece: nodes.Expr) -> _LoneCall | None:
    if not (isinstance(piece, nodes.Filter) and piece.name == PLACED and isinstance(piece.node, nodes.Call)):
        return None
    if not isinstance(piece.node.node, nodes.Name) or not isinstance(piece.args[0], nodes.Const):
        return None
    return _LoneCall(piece.node.node.name, piece.node, piece.args[0].value)


def _takes_more(macro: nodes.Macro) -> bool:
    return any(name.name in _IMPLICIT for name in macro.find_all(nodes.Name))


def _arguments(macro: nodes.Macro, call: nodes.Call) -> list[nodes.Expr] | None:
    """The value of each parameter; None where the call does not fit, which is then an error of the rendering."""
    names = [each.name for each in macro.args]
    if call.dyn_args or call.dyn_kwargs or len(call.args) > len(names):
        return None
    defaults = dict(zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True))
    named = {keyword.key: keyword.value for keyword in call.kwargs}
    placed = dict(zip(names, call.args, strict=False))
    bound = {**defaults, **named, **placed}
    if bound.keys() != set(names) or named.keys() & placed.keys():
        return None
    return [_copied(bound[name]) for name in names]


def _place(scope: nodes.With, column: int) -> None:
    """Indent the body's text to `column`, as the call's result would be; the first line stands there already."""
    first = scope.body[0] if scope.body else None
    if isinstance(first, nodes.Output) and isinstance(first.nodes[0], nodes.TemplateData):
        first.nodes[0].data = first.nodes[0].data.lstrip("\n")
    for text in scope.find_all(nodes.TemplateData):
        text.data = text.data.replace("\n", "\n" + " " * column)
    for placed in scope.find_all(nodes.Filter):
        if placed.name == PLACED and isinstance(placed.args[0], nodes.Const):
            placed.args = [nodes.Const(placed.args[0].value + column)]


def _copied(part: Any) -> Any:
    """A copy of nodes all the way down; their environment, which each of them knows, stays the same one."""
    if isinstance(part, list):
        return [_copied(each) for each in part]
    if not isinstance(part, nodes.Node):
        return part
    new = copy(part)
    for field in part.fields:
        setattr(new, field, _copied(getattr(part, field)))
    return new


def _names_called(node: nodes.Node) -> Iterator[str]:
    return (call.node.name for call in node.find_all(nodes.Call) if isinstance(call.node, nodes.Name))


def _drop_unused(tree: nodes.Template) -> None:
    """Take out macros and imports by name of which no use is left."""
    used = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
    kept: list[nodes.Node] = []
    for statement in tree.body:
        if isinstance(statement, nodes.FromImport):
            statement.names = [each for each in statement.names if _local_name(each) in used]
            if not statement.names:
                continue
        if not isinstance(statement, nodes.Macro) or statement.name in used:
            kept.append(statement)
    tree.body = kept


def _local_name(imported: str | tuple[str, str]) -> str:
    return imported[1] if isinstance(imported, tuple) else imported


# How templates become Python: as Jinja does it, but for the three things that they do all the time. They read keys
# of mappings, call functions about the pod, and emit values. Each is written out in place for the usual case;
# anything else goes to the environment, which says what it means and whether it is allowed.


class TemplateCodeGenerator(CodeGenerator):
    """Writes the Python of a template for a TemplateEnvironment."""

    @optimizeconst
    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 -- Jinja's visitor names
        """Write `mapping.key`; TemplateEnvironment.getattr says what it means."""
        value, key = self.temporary_identifier(), repr(node.attr)
        self.write(f"({value}[{key}] if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {key} in {value} else environment.getattr({value}, {key}))")

    @optimizeconst
    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: FBT001, FBT002, N802
        """Write `function(…)` and `mapping.get(…)`; TemplateEnvironment.call says what they mean."""
        if forward_caller or node.kwargs or node.dyn_args or node.dyn_kwargs:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        if isinstance(node.node, nodes.Getattr) and node.node.attr == "get":
            self._write_get(node.node, frame)
        else:
            self._write_function(node.node, frame)
        self.write("(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")

    def _write_get(self, node: nodes.Getattr, frame: Frame) -> None:
        value = self.temporary_identifier()
        self.write(f"({value}.get if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and 'get' not in {value} else ")
        self.write(f"environment.allowed(context, environment.getattr({value}, 'get')))")

    def _write_function(self, node: nodes.Expr, frame: Frame) -> None:
        function = self.temporary_identifier()
        self.write(f"({function} if getattr({function} := ")
        self.visit(node, frame)
        self.write(f", '__func__', {function}) in environment.trusted else environment.allowed(context, {function}))")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        """The text of a template as it is; of any other constant the mark that stands for it."""
        if isinstance(node, nodes.TemplateData):
            return super()._output_child_to_const(node, frame, finalize)
        mark: str = self.environment.constants.emit(node.as_const(frame.eval_ctx))  # type: ignore[attr-defined]
        return mark

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write("context.emit(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write(")")
