"""The Jinja environment of templates: sandboxed, strict, and without a way for a value to become document text."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from copy import copy
from functools import partial
from itertools import islice
from math import isfinite
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame, optimizeconst
from jinja2.exceptions import TemplateSyntaxError
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from injector.core.errors import quoted, suggestion
from injector.core.opaque import Inspected
from injector.core.render.functions import charged, to_integer, to_number
from injector.core.render.limits import (
    BOUNDED_FILTER,
    COMPARED,
    COUNTED,
    GROWING_METHODS,
    METHODS,
    SPENT,
    bounded,
    bounding,
    checked_operands,
    counted,
    joined,
    replaced,
    rounded,
    size_of,
    spend_in_loops,
    spent,
    with_bounds,
)
from injector.core.render.macros import Line, MacroExpansion, drop_unused, lines_of, place_of, tags_of
from injector.core.render.partial_evaluation import KnownNames, fold_constants
from injector.core.render.placeholders import CLOSE, OPEN, Constants, Fragment, Rendering, RenderingContext

# Jinja's own filters that templates may use. Left out are those that make markup, format text from a pattern, or
# could grow a value without bound.
JINJA_FILTERS = (
    "abs default dictsort first float int items join last length list lower map max min reject rejectattr "
    "replace reverse round select selectattr sort string sum title trim unique upper"
).split()

_COMPARING_TESTS = ("eq", "==", "equalto", "ne", "!=", "in", "lower", "upper", "lt", "lessthan", "<", "le", "<=", "gt")

# Blocks whose result is text built from values, or that reach outside the set of templates.
FORBIDDEN_BLOCKS: Mapping[type[nodes.Node], str] = {
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set … endset",
    nodes.Extends: "extends",
    nodes.Block: "block",
}

# The filter that indents the result of a lone call to its column: in text, and under a name that no template can write.
_PLACED, _PLACED_FILTER = "placed_at_column", "placed at column"

_NEWLINE = re.compile(r"\r\n|\r")
# How many keys of a mapping a message may choose from.
_MOST_NAMES = 100
_LOOP_KEYWORDS = frozenset(("_loop_vars", "_block_vars"))
_MAPPING_METHODS = frozenset(("get", "items", "keys", "values"))


class Missing(StrictUndefined):
    """A name, key or attribute that is not there. Whoever uses it is told which ones are."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name, owner = self._undefined_name, self._undefined_obj
        if self._undefined_hint or not isinstance(name, str) or owner is missing:
            return super()._undefined_message
        if isinstance(owner, Mapping):
            return f"unknown key {quoted(name)}; {_meant(name, [str(key) for key in islice(owner, _MOST_NAMES)])}"
        methods = [each for each in dir(owner) if not each.startswith("_") and each not in GROWING_METHODS]
        return f"{quoted(owner)} has no attribute {quoted(name)}; {_meant(name, methods)}"


def _meant(name: str, valid: list[str]) -> str:
    return suggestion(name, valid) if valid else "it is empty"


class TemplateCodeGenerator(CodeGenerator):
    """Writes the Python of a template for a TemplateEnvironment."""

    def visit_With(self, node: nodes.With, frame: Frame) -> None:  # noqa: N802 -- Jinja's visitor names
        """Write a scope, with its line for what goes wrong in its values."""
        self.newline(node)
        super().visit_With(node, frame)

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 -- as above
        """Write a loop that only places the values of its items at once; RenderingContext.emit_rows says how."""
        row = _row_of(node)
        if row is None:
            super().visit_For(node, frame)
            return
        items = self.temporary_identifier()
        self.writeline(f"{items} = ", node)
        self.visit(node.iter, frame)
        literals, places, width = row
        call = f"context.emit_rows({items}, {literals!r}, {places!r}, {width})"
        self.writeline(f"yield {call}" if frame.buffer is None else f"{frame.buffer}.append({call})", node.body[0])

    @optimizeconst
    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 -- as above
        """Write `mapping.key`; TemplateEnvironment.getattr says what it means."""
        value, key = self.temporary_identifier(), repr(node.attr)
        self.write(f"({value}[{key}] if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {key} in {value} else environment.getattr({value}, {key}))")

    @optimizeconst
    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 -- as above
        """Write `mapping["key"]` and `list[0]`; TemplateEnvironment.getitem says what they mean."""
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if type(key) is not str and (type(key) is not int or key < 0):
            super().visit_Getitem(node, frame)
            return
        value = self.temporary_identifier()
        has_key = f"dict and {key!r} in {value}" if type(key) is str else f"list and {key} < len({value})"
        self.write(f"({value}[{key!r}] if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is {has_key} else environment.getitem({value}, {key!r}))")

    @optimizeconst
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 -- as above
        """Write `text ~ text`; TemplateEnvironment.concatenated says what it means."""
        self.write("environment.concatenated([")
        for each in node.nodes:
            self.visit(each, frame)
            self.write(", ")
        self.write("])")

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
        """The text of a template as it is; of any other constant its placeholder."""
        if isinstance(node, nodes.TemplateData):
            return super()._output_child_to_const(node, frame, finalize)
        placeholder: str = self.environment.constants.emit(node.as_const(frame.eval_ctx))  # type: ignore[attr-defined]
        return placeholder

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write("context.emit(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write(")")


def _row_of(loop: nodes.For) -> tuple[tuple[str, ...], tuple[int, ...], int | None] | None:
    """The text around the values of an item, which of its values come between, and how many it has; None for itself.

    None where the loop does more than that.
    """
    targets = loop.target.items if isinstance(loop.target, nodes.Tuple) else [loop.target]
    names = [target.name for target in targets if isinstance(target, nodes.Name)]
    if not loop.body or loop.else_ or loop.test or "loop" in names or not len(set(names)) == len(names) == len(targets):
        return None
    literals, places = [""], list[int]()
    for output in loop.body:
        for part in output.nodes if isinstance(output, nodes.Output) else [output]:
            if isinstance(part, nodes.TemplateData):
                literals[-1] += part.data
            elif isinstance(part, nodes.Name) and part.name in names:
                places.append(names.index(part.name))
                literals.append("")
            else:
                return None
    return (tuple(literals), tuple(places), len(targets) if isinstance(loop.target, nodes.Tuple) else None)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles templates so that expressions write placeholders and loops are counted."""

    code_generator_class = TemplateCodeGenerator
    context_class = RenderingContext
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(
        self,
        load: Callable[[str], str | None],
        filters: Mapping[str, Callable[..., Any]],
        rendering: ContextVar[Rendering],
        known: KnownNames,
        *,
        optimise: bool = True,
    ) -> None:
        """`load` finds a template's text by name, `rendering` is the one that runs.

        Without `optimise` macros are called and nothing is evaluated beforehand, as Jinja itself has it.
        """
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=Missing,
            loader=FunctionLoader(load),
            auto_reload=False,
            cache_size=-1,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        )
        own: dict[str, Callable[..., Any]] = {
            **filters,
            "float": to_number,
            "int": to_integer,
            "join": joined,
            "replace": replaced,
            "round": rounded,
            "with_fields": bounding(filters["with_fields"]),
        }
        available = {name: self.filters[name] for name in JINJA_FILTERS} | own
        self.filters = {name: charged(name, function, rendering) for name, function in available.items()}
        for name in _COMPARING_TESTS:
            test: Any = self.tests[name]
            self.tests[name] = charged(name, test, rendering)
        self.filters |= {
            COUNTED: counted,
            COMPARED: self._spending,
            BOUNDED_FILTER: lambda value: self._spending(bounded(value)),
            SPENT: spent,
            _PLACED_FILTER: _placed,
        }
        self._load = load
        self._macros = MacroExpansion(self, self._library) if optimise else None
        self.rendering = rendering
        self.constants = Constants()
        self.trusted = known.trusted
        self._frozen = known.frozen
        self.globals = {"range": self.globals["range"], "dict": bounding(dict), "namespace": self.globals["namespace"]}

    @staticmethod
    def concatenated(values: list[Any]) -> str:
        """The values as one text, also where texts have holes."""
        try:
            return "".join(map(str, values))
        except Inspected:
            return joined(values)

    def plain(self) -> "TemplateEnvironment":
        """The same environment, in which nothing is optimised."""
        plain = copy(self)
        plain._macros = None  # noqa: SLF001 -- of the same class
        return plain

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A mapping's keys come before the methods of its Python type: pods have fields named `items` and `values`."""
        if type(obj) is dict:
            if attribute in obj:
                return obj[attribute]
            if attribute in _MAPPING_METHODS:
                return getattr(obj, attribute)
            return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same for `mapping[key]`: only keys, never methods."""
        if type(obj) is dict:
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function as the sandbox allows; what a macro returns is wrapped as the document text it is."""
        if type(obj) is Macro:
            own = {key: value for key, value in kwargs.items() if key not in _LOOP_KEYWORDS}
            return Fragment(obj(*args, **own))
        subject = getattr(obj, "__self__", None)
        self.rendering.get().spend(1 + size_of(subject) + sum(map(size_of, args)))
        if type(subject) is str and (method := METHODS.get(obj.__name__)):
            return method(subject, *args, **kwargs)
        return self._spending(super().call(context, obj, *args, **kwargs))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As the sandbox has it, without the methods that make text of any length."""
        return super().is_safe_attribute(obj, attr, value) and not (isinstance(obj, str) and attr in GROWING_METHODS)

    def wrap_str_format(self, value: Any) -> None:  # noqa: ARG002 -- Jinja's signature
        """None: formatting is no method that templates may use, so Jinja need not offer a safe one in its place."""
        return

    def allowed(self, context: Context, obj: Any) -> Callable[..., Any]:
        """What to call in place of `obj`, which is none of the trusted functions."""
        return partial(self.call, context, obj)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Keep arithmetic from growing without bound."""
        checked_operands(operator, left, right)
        return self._spending(bounded(super().call_binop(context, operator, left, right)))

    def _spending(self, value: Any) -> Any:
        """The value, for which its size is spent; when a template is compiled, it may be that nothing keeps count."""
        budget = self.rendering.get(None)
        if budget is not None:
            budget.spend(size_of(value))
        return value

    def tree_to_render(self, source: str, name: str) -> nodes.Template:
        """The tree of a template that is rendered, not imported by others. Raises TemplateSyntaxError."""
        return self._folded(source, name, None, is_imported=False)

    def trees_as_written(self, name: str) -> list[nodes.Template]:
        """The tree of a template and of those that it imports by name, before anything is expanded or evaluated."""
        trees, names = list[nodes.Template](), [name]
        for each in names:
            loaded = self._library(each)
            if loaded:
                trees.append(loaded[1])
                imported = (statement.template for statement in loaded[1].find_all(nodes.FromImport))
                names += [part.value for part in imported if isinstance(part, nodes.Const) and part.value not in names]
        return trees

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return self._folded(source, name, filename, is_imported=True)

    def _folded(self, source: str, name: str | None, filename: str | None, *, is_imported: bool) -> nodes.Template:
        text = _NEWLINE.sub("\n", source)
        tree = self._checked(text, name, filename)
        lines = self._macros.expand(text, tree) if self._macros else lines_of(text)
        tree = self._guarded(lines, name, filename)
        if self._macros:
            if not is_imported:
                drop_unused(tree)
            fold_constants(tree, self._frozen, self, is_imported=is_imported)
        spend_in_loops(tree, is_repeated=is_imported)
        return tree

    def _checked(self, text: str, name: str | None, filename: str | None) -> nodes.Template:
        """The tree of a text as it is. Raises TemplateSyntaxError, also for what is not available in templates."""
        for character in (OPEN, CLOSE):
            if character in text:
                line = text[: text.index(character)].count("\n") + 1
                raise TemplateSyntaxError(f"the character U+{ord(character):04X} is reserved", line, name, filename)
        tree = super()._parse(text, name, filename)
        for node in tree.find_all(nodes.Node):
            self._refuse_unavailable(node, name)
        return tree

    def _refuse_unavailable(self, node: nodes.Node, name: str | None) -> None:
        """Raise TemplateSyntaxError for what Jinja has and templates have not, and for filters and tests unknown here.

        Jinja looks at filters and tests only where they are always used.
        """
        message = ""
        if isinstance(node, (nodes.Filter, nodes.Test)):
            word, known = ("filter", self.filters) if isinstance(node, nodes.Filter) else ("test", self.tests)
            if node.name not in known:
                written = sorted(other for other in known if other.isidentifier())
                message = f"unknown {word} {quoted(node.name)}; {suggestion(node.name, written)}"
        elif isinstance(node, nodes.Const):
            if type(node.value) is float and not isfinite(node.value):
                message = "a number is larger than numbers can be"
        elif isinstance(node, nodes.For):
            if node.recursive:
                message = "recursive loops are not available: use a macro that calls itself"
        elif type(node) in FORBIDDEN_BLOCKS:
            message = f"the block {FORBIDDEN_BLOCKS[type(node)]!r} is not available: use a macro"
        if message:
            raise TemplateSyntaxError(message, node.lineno, name)

    def _guarded(self, lines: list[Line], name: str | None, filename: str | None) -> nodes.Template:
        """The tree of an expanded template, what it joins and its loops bounded, with the original's line numbers."""
        text = "\n".join(line.text for line in lines)
        tree = super()._parse(self._with_places(text), name, filename)
        for node in list(tree.find_all(nodes.Node)):
            if node.lineno:
                node.lineno = lines[node.lineno - 1].number
            if isinstance(node, (nodes.Import, nodes.FromImport, nodes.Include)):
                # Without the context Jinja keeps what an import gave in one rendering for all others.
                node.with_context = True
            elif isinstance(node, nodes.Filter) and node.name == _PLACED:
                node.name = _PLACED_FILTER
            elif isinstance(node, nodes.For):
                node.iter = nodes.Filter(node.iter, COUNTED, [], [], None, None, lineno=node.lineno)
        return with_bounds(tree)

    def _with_places(self, text: str) -> str:
        """The text in which each lone expression says its column: what a macro returns is indented to it."""
        parts, done = list[str](), 0
        for tag in tags_of(text, self):
            place = place_of(text, tag) if tag.is_expression else None
            if place is not None:
                inner = text[tag.start + 2 : tag.end - 2]
                parts += [text[done : tag.start], f"{{{{ ({inner}) | {_PLACED}({len(place)}) }}}}"]
                done = tag.end
        return "".join([*parts, text[done:]])

    def _library(self, name: str) -> tuple[str, nodes.Template] | None:
        source = self._load(name)
        if source is None:
            return None
        text = _NEWLINE.sub("\n", source)
        try:
            return text, self._checked(text, name, None)
        except (TemplateSyntaxError, RecursionError, MemoryError, SyntaxError, ValueError):
            # Using it will say so. Python has bounds of its own, for what is nested and for digits.
            return None


def _placed(value: Any, column: int) -> Any:
    if type(value) is not Fragment:
        return value
    return Fragment(value.placed(column))
