"""The Jinja environment of templates: sandboxed, strict, and without a way for a value to become document text."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from injector.core.render.limits import (
    BOUNDED_FILTER,
    GROWING_METHODS,
    METHODS,
    bounded,
    bounding,
    checked_operands,
    joined,
    replaced,
    rounded,
    with_bounds,
)
from injector.core.render.macros import PLACED, TemplateCodeGenerator, write_out_macros
from injector.core.render.partial_evaluation import COUNTED, fold_constants
from injector.core.render.placeholders import CLOSE, OPEN, Constants, Fragment, Recorder

_ROUNDS_OF_A_CALL = 10

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

# A name that no template can write.
_PLACED_FILTER = "placed at column"

_LOOP_KEYWORDS = frozenset(("_loop_vars", "_block_vars"))
_MAPPING_METHODS = frozenset(("get", "items", "keys", "values"))

# A call that stands alone on its line, perhaps behind the dashes of list items: its result is indented to its column.
_LONE_EXPRESSION = re.compile(
    r"^(?P<place>[ ]*(?:-[ ]+)*)\{\{(?P<expression>(?:(?!\{\{|\{%|\{#).)*?)\}\}[ \t]*$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What is known of the names in scope before anything is rendered.

    `frozen` are those that have the same value for every pod. `trusted` are functions, also as
    methods, that need no look whether they are safe to call.
    """

    frozen: Mapping[str, Any] = field(default_factory=dict)
    trusted: frozenset[Callable[..., Any]] = frozenset()


class RecordingContext(Context):
    """The context of one rendering, which keeps at hand where the values of its expressions go."""

    def __init__(self, environment: "TemplateEnvironment", *args: Any, **kwargs: Any) -> None:
        """Record with the record of the rendering that runs."""
        super().__init__(environment, *args, **kwargs)
        self.emit = environment.recorder.get().emit


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles templates so that expressions are recorded as slots (see `slots`) and loops are counted."""

    code_generator_class = TemplateCodeGenerator
    context_class = RecordingContext
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(
        self,
        load: Callable[[str], str | None],
        filters: Mapping[str, Callable[..., Any]],
        recorder: ContextVar[Recorder],
        known: "KnownNames",
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
        )
        self.filters = {name: self.filters[name] for name in JINJA_FILTERS} | dict(filters)
        self.filters[COUNTED] = lambda iterable: recorder.get().counted(iterable)
        self.filters |= {"join": joined, "replace": replaced, "round": rounded, BOUNDED_FILTER: bounded}
        self.filters["with_fields"] = bounding(self.filters["with_fields"])
        self.filters[_PLACED_FILTER] = _placed
        self._load = load
        self._libraries: dict[str, nodes.Template | None] = {}
        self.recorder = recorder
        self.constants = Constants()
        self.trusted = known.trusted
        self._frozen = known.frozen
        self.globals = {"range": self.globals["range"], "dict": bounding(dict), "namespace": self.globals["namespace"]}

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
            self.recorder.get().count(_ROUNDS_OF_A_CALL)
            own = {key: value for key, value in kwargs.items() if key not in _LOOP_KEYWORDS}
            return Fragment(obj(*args, **own))
        text = getattr(obj, "__self__", None)
        if type(text) is str and (method := METHODS.get(obj.__name__)):
            return method(text, *args, **kwargs)
        return super().call(context, obj, *args, **kwargs)

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
        return bounded(super().call_binop(context, operator, left, right))

    def tree_to_render(self, source: str, name: str) -> nodes.Template:
        """The tree of a template that is rendered, not imported by others. Raises TemplateSyntaxError."""
        return self._folded(source, name, None, is_imported=False)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return self._folded(source, name, filename, is_imported=True)

    def _folded(self, source: str, name: str | None, filename: str | None, *, is_imported: bool) -> nodes.Template:
        for mark in (OPEN, CLOSE):
            if mark in source:
                line = source[: source.index(mark)].count("\n") + 1
                raise TemplateSyntaxError(f"the character U+{ord(mark):04X} is reserved", line, name, filename)
        tree = self._guarded(source, name, filename)
        write_out_macros(tree, self._library)
        fold_constants(tree, self._frozen, self, is_imported=is_imported)
        for placed in tree.find_all(nodes.Filter):
            if placed.name == PLACED:
                placed.name = _PLACED_FILTER
        return tree

    def _guarded(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """The tree of `source` without forbidden blocks, its loops counted."""
        tree = super()._parse(_LONE_EXPRESSION.sub(_place, source), name, filename)
        _refuse_forbidden_blocks(tree, name)
        _refuse_infinities(tree, name)
        _give_context(tree)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, COUNTED, [], [], None, None, lineno=loop.lineno)
        return with_bounds(tree)

    def _library(self, name: str) -> nodes.Template | None:
        """The tree of another template, for no one to change; None where there is none, or it cannot be read."""
        if name not in self._libraries:
            source = self._load(name)
            try:
                self._libraries[name] = None if source is None else self._guarded(source, name, None)
            except TemplateSyntaxError:
                # Using it will tell.
                self._libraries[name] = None
        return self._libraries[name]


def _give_context(tree: nodes.Template) -> None:
    """Without a context Jinja would keep what one rendering made of another template, marks and all, for the others."""
    users: list[nodes.Import | nodes.FromImport | nodes.Include] = [
        *tree.find_all(nodes.Import),
        *tree.find_all(nodes.FromImport),
        *tree.find_all(nodes.Include),
    ]
    for user in users:
        user.with_context = True


def _place(match: re.Match[str]) -> str:
    place, expression = match["place"], match["expression"]
    return f"{place}{{{{ ({expression}) | {PLACED}({len(place)}) }}}}"


def _placed(value: Any, column: int) -> Any:
    if type(value) is not Fragment:
        return value
    return Fragment(value.placed(column))


def _refuse_forbidden_blocks(tree: nodes.Template, name: str | None) -> None:
    for kind, word in FORBIDDEN_BLOCKS.items():
        for block in tree.find_all(kind):
            raise TemplateSyntaxError(f"the block {word!r} is not available: use a macro", block.lineno, name)


def _refuse_infinities(tree: nodes.Template, name: str | None) -> None:
    for constant in tree.find_all(nodes.Const):
        if type(constant.value) is float and not isfinite(constant.value):
            raise TemplateSyntaxError("a number is larger than numbers can be", constant.lineno, name)
