"""The Jinja environment of templates: sandboxed, strict, and without a way for a value to become document text."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from injector.core.render.slots import CLOSE, OPEN, Fragment, Recorder

# Jinja's own filters that templates may use. Left out are those that make markup, format text from a pattern, or
# could grow a value without bound.
JINJA_FILTERS = (
    "abs default dictsort first float int items join last length list lower map max min reject rejectattr "
    "replace reverse round select selectattr sort string sum title trim unique upper"
).split()

# Blocks whose result is text built from values, or that reach outside the set of templates.
FORBIDDEN_BLOCKS: Mapping[type[nodes.Node], str] = {
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set … endset",
    nodes.Extends: "extends",
    nodes.Block: "block",
}

MAXIMUM_TEXT = 100_000
_MAXIMUM_EXPONENT = 64

# A call that stands alone on its line, perhaps behind the dashes of list items: its result is indented to its column.
_LONE_EXPRESSION = re.compile(
    r"^(?P<place>[ ]*(?:-[ ]+)*)\{\{(?P<expression>(?:(?!\{\{|\{%|\{#).)*?)\}\}[ \t]*$", re.MULTILINE | re.DOTALL
)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles templates so that expressions are recorded as slots (see `slots`) and loops are counted."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def __init__(
        self,
        load: Callable[[str], str | None],
        filters: Mapping[str, Callable[..., Any]],
        recorder: ContextVar[Recorder],
    ) -> None:
        """`load` finds a template's text by name, `recorder` holds the record of the rendering that runs."""
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=StrictUndefined,
            loader=FunctionLoader(load),
            auto_reload=False,
            cache_size=-1,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
            finalize=_finalizer(recorder),
        )
        self.filters = {name: self.filters[name] for name in JINJA_FILTERS} | dict(filters)
        self.filters["counted iterations"] = lambda iterable: recorder.get().counted(iterable)
        self.filters["placed at column"] = _placed
        self.globals = {"range": self.globals["range"], "dict": dict, "namespace": self.globals["namespace"]}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A mapping's keys come before the methods of its Python type: pods have fields named `items` and `values`."""
        if type(obj) is dict:
            if attribute in obj:
                return obj[attribute]
            if attribute not in ("get", "items", "keys", "values"):
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same for `mapping[key]`: only keys, never methods."""
        if type(obj) is dict:
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function as the sandbox allows; what a macro returns is wrapped as the document text it is."""
        result = super().call(context, obj, *args, **kwargs)
        return Fragment(result) if isinstance(obj, Macro) else result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Keep arithmetic from growing without bound: `'a' * 10**9` would exhaust the memory."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("the % operator on text is not available: use ~ to join texts")
        if operator == "**" and isinstance(right, (int, float)) and abs(right) > _MAXIMUM_EXPONENT:
            raise SecurityError(f"the exponent {right!r} is over {_MAXIMUM_EXPONENT}")
        if operator == "*" and not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
            raise SecurityError("the * operator multiplies numbers only")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        for mark in (OPEN, CLOSE):
            if mark in source:
                line = source[: source.index(mark)].count("\n") + 1
                raise TemplateSyntaxError(f"the character U+{ord(mark):04X} is reserved", line, name, filename)
        tree = super()._parse(_LONE_EXPRESSION.sub(_place, source), name, filename)
        _refuse_forbidden_blocks(tree, name)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "counted iterations", [], [], None, None, lineno=loop.lineno)
        for placed in tree.find_all(nodes.Filter):
            if placed.name == "placed_at_column":
                placed.name = "placed at column"
        return tree


def _finalizer(recorder: ContextVar[Recorder]) -> Callable[[Context, Any], str]:
    @pass_context  # which also keeps Jinja from calling it at compile time for constants
    def finalize(_: Context, value: Any) -> str:
        return recorder.get().emit(value)

    return finalize


def _place(match: re.Match[str]) -> str:
    place, expression = match["place"], match["expression"]
    return f"{place}{{{{ ({expression}) | placed_at_column({len(place)}) }}}}"


def _placed(value: Any, column: int) -> Any:
    if type(value) is not Fragment:
        return value
    return Fragment(value.placed(column))


def _refuse_forbidden_blocks(tree: nodes.Template, name: str | None) -> None:
    for kind, word in FORBIDDEN_BLOCKS.items():
        for block in tree.find_all(kind):
            raise TemplateSyntaxError(f"the block {word!r} is not available: use a macro", block.lineno, name)
