"""Go templates compiled and run by Jinja's engine: the tree of `lowering` folded, made Python, its values set aside."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from copy import copy
from functools import wraps
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame, optimizeconst
from jinja2.environment import Environment
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import Context

from injector.core.render.go.builtins import BUILTINS, items, pairs
from injector.core.render.go.document import ENTRIES
from injector.core.render.go.document import ITEMS as ITEMS_MARK
from injector.core.render.go.formatting import written
from injector.core.render.go.istio_functions import ISTIO_FUNCTIONS
from injector.core.render.go.lowering import (
    CHANGED_CELL,
    FIELD,
    IN_CELL,
    ITEMS,
    NEW_CELL,
    PAIRS,
    WRITTEN_OUT,
    Functions,
    lower,
    to_change,
    without_arguments,
)
from injector.core.render.go.regular_expressions import REGULAR_EXPRESSION_FUNCTIONS
from injector.core.render.go.sprig_collections import CHANGERS_OF_MAPS, COLLECTION_FUNCTIONS, MAKERS_OF_MAPS
from injector.core.render.go.sprig_encoding import ENCODING_FUNCTIONS
from injector.core.render.go.sprig_numbers import NUMBER_FUNCTIONS
from injector.core.render.go.sprig_text import TEXT_FUNCTIONS
from injector.core.render.go.values import Enum, GoDuration, MadeMap, StringMap, YamlText, field_of
from injector.core.render.go.versions import VERSION_FUNCTIONS
from injector.core.render.limits import COUNTED, SPENT, bounded, counted, spend_in_loops, spent
from injector.core.render.partial_evaluation import ALONE, NoAnnotations, fold_constants
from injector.core.render.placeholders import CLOSE, CONSTANT, MAXIMUM_PLACEHOLDERS, OPEN, Rendering

FUNCTIONS = Functions(
    {
        **BUILTINS,
        **TEXT_FUNCTIONS,
        **NUMBER_FUNCTIONS,
        **ENCODING_FUNCTIONS,
        **REGULAR_EXPRESSION_FUNCTIONS,
        **VERSION_FUNCTIONS,
        **COLLECTION_FUNCTIONS,
        **ISTIO_FUNCTIONS,
    },
    frozenset(MAKERS_OF_MAPS),
    frozenset(CHANGERS_OF_MAPS),
)

_ROUNDS_OF_A_USE = 10
_CHARACTERS_OF_A_ROUND = 1_000
_PLACEHOLDERS = tuple(f"{OPEN}{number}{CLOSE}" for number in range(1_000))
_RESERVED = (OPEN, CLOSE, ENTRIES, ITEMS_MARK)
_SPACES = " \n"

# What functions give that is neither larger than what they get, nor a text of their own making.
_SAFE = frozenset(
    "and or not eq ne lt le gt ge index len isset annotation hasKey get default coalesce ternary empty first last "
    "contains hasPrefix hasSuffix valueOrDefault".split()
)


class GoRendering(Rendering):
    """The values of one rendering of a Go template."""

    __slots__ = ()

    def emit(self, value: Any) -> str:
        """Keep what Go would write for `value` aside and return its mark. Raises SecurityError past the limit."""
        kind = type(value)
        if kind is not str and kind is not bool and kind is not int:
            if kind is YamlText:
                return structure(value, self._kept)
            value = written(value)
        values = self.values
        number = len(values)
        values.append(value)
        return _PLACEHOLDERS[number] if number < len(_PLACEHOLDERS) else self._mark(number)

    def emit_alone(self, value: Any) -> str:
        """The same where it may stand alone on its line: nothing stays nothing."""
        return value if isinstance(value, str) and not value.strip(_SPACES) else self.emit(value)

    def _kept(self, value: Any) -> str:
        number = len(self.values)
        self.values.append(value)
        self._mark(number)
        return str(number)

    def _mark(self, number: int) -> str:
        if number > MAXIMUM_PLACEHOLDERS:
            raise SecurityError(f"the template has more than {MAXIMUM_PLACEHOLDERS} expressions for one pod")
        return f"{OPEN}{number}{CLOSE}"


class GoConstants:
    """The values that are the same in every rendering of a set of Go templates, in the order of their marks."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        """Start without values."""
        self.values: list[Any] = []

    def emit(self, value: Any) -> str:
        """Keep what Go would write for `value` aside and return its mark."""
        if isinstance(value, YamlText):
            return structure(value, self._kept)
        kept = self._kept(value if type(value) in (str, bool, int) else written(value))
        return f"{OPEN}{kept}{CLOSE}"

    def emit_alone(self, value: Any) -> str:
        """The same where it may stand alone on its line."""
        return value if isinstance(value, str) and not value.strip(_SPACES) else self.emit(value)

    def _kept(self, value: Any) -> str:
        self.values.append(value)
        return f"{CONSTANT}{len(self.values) - 1}"


def structure(value: YamlText, keep: Callable[[Any], str]) -> str:
    """The mark of a text that is structure, where its first line begins; spaces around it stay."""
    text = value.lstrip(_SPACES)
    lead, body = value[: len(value) - len(text)], text.rstrip(_SPACES)
    kept = keep(value.respaced(body))
    if value.is_flow:
        mark = f"{OPEN}{kept}{CLOSE}"
    elif isinstance(value.value, list):
        mark = f"- {ITEMS_MARK}{kept}{CLOSE}"
    else:
        mark = f"{ENTRIES}{kept}{CLOSE}:"
    return lead + mark + text[len(body) :]


class GoContext(Context):
    """The context of one rendering."""

    def __init__(self, environment: "GoEnvironment", *args: Any, **kwargs: Any) -> None:
        """Emit values into the rendering that runs."""
        super().__init__(environment, *args, **kwargs)
        rendering = environment.rendering.get()
        self.emit, self.emit_alone, self._count = rendering.emit, rendering.emit_alone, rendering.count
        self.string_map = StringMap

    def use(self, template: Callable[[Any], str], cursor: Any) -> str:
        """What a template gives that is called, and not written out. Raises SecurityError past the rounds there are."""
        self._count(_ROUNDS_OF_A_USE)
        return template(cursor)


class GoCodeGenerator(CodeGenerator):
    """Writes the Python of a Go template."""

    @optimizeconst
    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:  # noqa: N802 -- Jinja's visitor names
        """Write what templates do all the time in place, and call functions for the rest."""
        write = _WRITTEN_IN_PLACE.get(node.name)
        if write is None or node.node is None:
            super().visit_Filter(node, frame)
        else:
            write(self, node, frame)

    def write_field(self, node: nodes.Filter, frame: Frame) -> None:
        """`.name` of what is mostly a map that has it."""
        value, (name, *arguments) = self.temporary_identifier(), node.args
        if arguments or not isinstance(name, nodes.Const) or node.node is None:
            super().visit_Filter(node, frame)
            return
        key = repr(name.value)
        self.write(f"({value}[{key}] if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {key} in {value} else {self.filters[FIELD]}({value}, {key}))")

    def write_index(self, node: nodes.Filter, frame: Frame) -> None:
        """`index` of what is mostly a map of texts."""
        value, arguments = self.temporary_identifier(), node.args
        is_key = len(arguments) == 1 and isinstance(arguments[0], nodes.Const) and isinstance(arguments[0].value, str)
        if not is_key or node.node is None:
            super().visit_Filter(node, frame)
            return
        key = repr(arguments[0].value)  # type: ignore[attr-defined]
        self.write(f"({value}.get({key}, '') if type({value} := ")
        self.visit(node.node, frame)
        self.write(f") is context.string_map else {self.filters['index']}({value}, {key}))")

    def write_cell(self, node: nodes.Filter, frame: Frame) -> None:
        """A cell is a list of one."""
        subject: nodes.Node = node.node  # type: ignore[assignment]  # templates are lowered without filter blocks
        if node.name == NEW_CELL:
            self.write("[")
            self.visit(subject, frame)
            self.write("]")
            return
        self.visit(subject, frame)
        if node.name == IN_CELL:
            self.write("[0]")
            return
        self.write(".__setitem__(0, ")
        self.visit(node.args[0], frame)
        self.write(")")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002, N802
        """Write the use of a template that is called."""
        self.write("context.use(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.args[0], frame)
        self.write(")")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if isinstance(node, nodes.TemplateData):
            return super()._output_child_to_const(node, frame, finalize)
        constants: GoConstants = self.environment.constants  # type: ignore[attr-defined]
        if isinstance(node, nodes.Filter) and node.name == ALONE and node.node is not None:
            return constants.emit_alone(node.node.as_const(frame.eval_ctx))
        return constants.emit(node.as_const(frame.eval_ctx))

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        name = node.name if isinstance(node, nodes.Filter) else ""
        self.write("(" if name == WRITTEN_OUT else "context.emit_alone(" if name == ALONE else "context.emit(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write(")")

    def write_wrapped(self, node: nodes.Filter, frame: Frame) -> None:
        """What only tells how a value is written."""
        self.visit(node.node, frame)  # type: ignore[arg-type]


_WRITTEN_IN_PLACE: Mapping[str, Callable[[GoCodeGenerator, nodes.Filter, Frame], None]] = {
    FIELD: GoCodeGenerator.write_field,
    "index": GoCodeGenerator.write_index,
    **dict.fromkeys((NEW_CELL, IN_CELL, CHANGED_CELL), GoCodeGenerator.write_cell),
    **dict.fromkeys((ALONE, WRITTEN_OUT), GoCodeGenerator.write_wrapped),
}


@pass_context
def _only_when_rendered(_: Context, *__: Any) -> Any:
    """Stands for what is written in place: its value is another one each time."""
    raise SecurityError("a cell has no value before there is a pod")


class GoEnvironment(Environment):
    """Compiles Go templates: no other names, filters and functions than those of Go's templates are there."""

    code_generator_class = GoCodeGenerator
    context_class = GoContext
    constant_types = frozenset((dict, list, StringMap, MadeMap, YamlText, Enum, GoDuration))

    def __init__(self, rendering: ContextVar[GoRendering], frozen: Mapping[str, Any]) -> None:
        """`rendering` is the one that runs, `frozen` the names that all renderings share."""
        super().__init__(auto_reload=False, cache_size=0)
        self.rendering = rendering
        self.constants = GoConstants()
        self.globals, self.tests = {}, {}
        self.filters = self._all_filters()
        self.partial = _WITHOUT_ANNOTATIONS
        self._frozen = frozen

    def plain(self) -> "GoEnvironment":
        """The same environment, in which nothing is evaluated beforehand."""
        plain = copy(self)
        plain._frozen = {}  # noqa: SLF001 -- of the same class
        return plain

    def tree_to_render(self, source: str, name: str) -> nodes.Template:
        """The tree of a template. Raises TemplateSyntaxError."""
        for mark in _RESERVED:
            if mark in source or f"\\u{ord(mark):04x}" in source.lower():
                line = source[: source.lower().find(mark)].count("\n") + 1
                raise TemplateSyntaxError(f"the character U+{ord(mark):04X} is reserved", line, name)
        tree = lower(source, FUNCTIONS)
        fold_constants(tree, self._frozen, self, is_imported=False)
        spend_in_loops(tree)
        # Inside a scope names are Python's own variables, and no business of Jinja's contexts.
        tree.body = [nodes.Scope(tree.body, lineno=1)]
        tree.set_environment(self)
        return tree

    def _all_filters(self) -> dict[str, Callable[..., Any]]:
        filters: dict[str, Callable[..., Any]] = {FIELD: field_of, ITEMS: items, PAIRS: pairs}
        for name, function in FUNCTIONS.by_name.items():
            filters[name] = function if name in _SAFE else self._counted(function)
            filters[without_arguments(name)] = _without_arguments(function)
        for name in FUNCTIONS.makers:
            filters[to_change(name)] = _anew(filters[name])
            filters[without_arguments(to_change(name))] = _anew(filters[without_arguments(name)])
        for name in FUNCTIONS.changers:
            filters[name] = _anew(filters[name])
        filters |= dict.fromkeys((NEW_CELL, IN_CELL, CHANGED_CELL, ALONE, WRITTEN_OUT), _only_when_rendered)
        filters[COUNTED] = counted
        filters[SPENT] = spent
        return filters

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its result bounded and what it makes counted against what a rendering may do."""
        rendering = self.rendering

        @wraps(function)
        def bounded_result(*arguments: Any) -> Any:
            result = function(*arguments)
            if type(result) is str and len(result) < _CHARACTERS_OF_A_ROUND:
                return result
            size = len(result) if isinstance(result, (str, list, dict)) else 0
            if size > _CHARACTERS_OF_A_ROUND and (running := rendering.get(None)) is not None:
                running.count(size // _CHARACTERS_OF_A_ROUND)
            return bounded(result)

        return bounded_result


def _without_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _: function()


def _anew(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called only when a pod is there: its result is another map each time."""
    return pass_context(lambda _, *arguments: function(*arguments))


# What functions say of the annotations of pods that have none of those that are asked for.
_WITHOUT_ANNOTATIONS: Mapping[str, Callable[..., Any]] = {
    "index": lambda lacking, key: lacking.get(key) or "",
    "isset": lambda lacking, key: key in lacking,
    "hasKey": lambda lacking, key: key in lacking,
    "annotation": FUNCTIONS.by_name["annotation"],
    FIELD: lambda lacking, key: lacking.get(key) if isinstance(lacking, NoAnnotations) else None,
}
