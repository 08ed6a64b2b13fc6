"""Go's templates become the tree that Jinja templates become, so that one engine evaluates, bounds and runs both.

What Go and Python agree on is Python's own: truth (see `values`), `and`, `or` and `not`, `if`, and loops. A function is
a filter, since that is how the tree calls one by its name. Every variable, and every cursor, has a name of its own, so
that no scope is needed; a variable that a loop changes is a cell, since a loop is a scope in Python's tree. `template`
is written out where it stands, and only called where it uses itself.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from inspect import Parameter, signature
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from injector.core.render.go import parser
from injector.core.render.go.data import ANNOTATIONS, DATA, DATA_TYPE, ENVIRONMENT, LABELS
from injector.core.render.limits import COUNTED, MAXIMUM_TEXT
from injector.core.render.partial_evaluation import ALONE

# Filters that no template can name.
FIELD, ITEMS, PAIRS = "field of", "items of", "pairs of"
NEW_CELL, IN_CELL, CHANGED_CELL = "new cell", "in cell", "changed cell"
WRITTEN_OUT = "what a template gives"

_FALLBACK_AND_VALUE = 2
_MOST_STATEMENTS = 20_000
_DEEPEST = 20
_PATHS = {("ObjectMeta", "Annotations"): ANNOTATIONS, ("ObjectMeta", "Labels"): LABELS}
# What functions are given that no template writes.
_IMPLIED = {"env": ENVIRONMENT}


def to_change(name: str) -> str:
    """What a function is called whose map the template may change: another one each time, not known beforehand."""
    return f"{name} to change"


def without_arguments(name: str) -> str:
    """What a function is called that is given nothing: in the tree it is given something."""
    return f"{name} of nothing"


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions that templates may use, and which of them make maps that others of them change."""

    by_name: Mapping[str, Callable[..., Any]]
    makers: Collection[str]
    changers: Collection[str]


@dataclass(frozen=True, slots=True)
class _Named:
    """A variable or cursor: the tree's name for it. The data as a whole has none: its fields are names themselves."""

    name: str = ""
    is_cell: bool = False

    @property
    def is_data(self) -> bool:
        return not self.name


_DATA = _Named()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where statements stand: the cursor, the variables, the templates around, the variables that loops change."""

    dot: _Named
    variables: dict[str, _Named]
    around: tuple[str, ...] = ()
    cells: frozenset[str] = frozenset()

    def inside(self, dot: _Named | None = None) -> "_Place":
        """A block in this place: its variables end with it."""
        return replace(self, dot=dot or self.dot, variables=dict(self.variables))


@dataclass(slots=True)
class _State:
    """What is counted while one template is lowered."""

    names: int = 0
    statements: int = 0
    called: dict[str, str] = field(default_factory=dict)


def lower(source: str, functions: Functions) -> nodes.Template:
    """The tree of the Go template `source`. Raises TemplateSyntaxError."""
    parsed = parser.parse(source, functions.by_name)
    if parsed.unknown_functions:
        raise _unknown(parsed.unknown_functions, functions)
    return _Lowering(parsed, functions).tree()


def _unknown(found: list[tuple[str, int]], functions: Functions) -> TemplateSyntaxError:
    names = ", ".join(dict.fromkeys(repr(name) for name, _ in found))
    verb = "functions are" if len({name for name, _ in found}) > 1 else "function is"
    known = ", ".join(sorted(functions.by_name))
    return TemplateSyntaxError(f"the {verb} not supported: {names}; supported: {known}", found[0][1])


class _Lowering:
    """Lowers one text and the templates that it defines."""

    def __init__(self, parsed: parser.Parsed, functions: Functions) -> None:
        self._parsed = parsed
        self._functions = functions
        self._state = _State()
        self._changes_maps = any(name in functions.changers for name in _functions_in(parsed))

    def tree(self) -> nodes.Template:
        cells = frozenset(_changed_in_loops(self._parsed.body))
        body = list(self._statements(self._parsed.body, _Place(_DATA, {"$": _DATA}, (), cells)))
        return nodes.Template([*self._macros(), *body], lineno=1)

    # Statements.

    def _statements(self, body: parser.Body, place: _Place) -> Iterator[nodes.Node]:
        for index, statement in enumerate(body):
            self._state.statements += 1
            match statement:
                case parser.Text():
                    yield nodes.Output([nodes.TemplateData(statement.text)], lineno=statement.line)
                case parser.Action():
                    yield from self._action(statement.pipeline, place, is_alone=_is_alone(body, index))
                case parser.Block(keyword="range"):
                    yield from self._range(statement, place.inside())
                case parser.Block():
                    yield from self._condition(statement, place.inside())
                case parser.Use():
                    yield from self._use(statement, place)
                case parser.Jump():
                    jump = nodes.Break if statement.keyword == "break" else nodes.Continue
                    yield jump(lineno=statement.line)

    def _action(self, pipeline: parser.Pipeline, place: _Place, *, is_alone: bool) -> Iterator[nodes.Node]:
        if pipeline.declared:
            yield from self._assigned(pipeline, place)
            return
        constant = _constant_text(pipeline)
        if constant is not None:
            # What stands in the template itself is its author's text, and no value.
            yield nodes.Output([nodes.TemplateData(constant)], lineno=pipeline.line)
            return
        value = self._pipeline(pipeline, place)
        yield nodes.Output([_filter(ALONE, value, line=pipeline.line) if is_alone else value], lineno=pipeline.line)

    def _assigned(self, pipeline: parser.Pipeline, place: _Place) -> Iterator[nodes.Node]:
        (variable,) = pipeline.declared
        value = self._pipeline(replace(pipeline, declared=()), place)
        yield self._set(variable, value, place, pipeline, assigns=pipeline.assigns)

    def _set(
        self, variable: str, value: nodes.Expr, place: _Place, pipeline: parser.Pipeline, *, assigns: bool
    ) -> nodes.Node:
        if not assigns:
            place.variables[variable] = self._new(variable, is_cell=variable in place.cells)
        named = place.variables[variable]
        if named.is_data:
            raise TemplateSyntaxError(f"cannot assign to {variable}", pipeline.line)
        if named.is_cell and assigns:
            return nodes.ExprStmt(
                _filter(CHANGED_CELL, nodes.Name(named.name, "load"), value, line=pipeline.line), lineno=pipeline.line
            )
        stored = _filter(NEW_CELL, value, line=pipeline.line) if named.is_cell else value
        return nodes.Assign(nodes.Name(named.name, "store"), stored, lineno=pipeline.line)

    def _new(self, word: str, *, is_cell: bool = False) -> _Named:
        self._state.names += 1
        name = f"{word.lstrip('$')}_{self._state.names}"
        return _Named(name if name.isidentifier() else f"variable_{self._state.names}", is_cell)

    def _condition(self, block: parser.Block, place: _Place) -> Iterator[nodes.Node]:
        """`if` and `with`."""
        pipeline, is_with = block.pipeline, block.keyword == "with"
        value = self._pipeline(replace(pipeline, declared=()), place)
        for variable in pipeline.declared:
            yield self._set(variable, value, place, pipeline, assigns=pipeline.assigns)
            value = self._load(place.variables[variable], pipeline.line)
        inner = place.inside()
        if is_with and not self._is_data(pipeline, place):
            cursor = self._new("dot")
            yield nodes.Assign(nodes.Name(cursor.name, "store"), value, lineno=pipeline.line)
            value, inner = nodes.Name(cursor.name, "load"), place.inside(cursor)
        elif is_with:
            inner = place.inside(_DATA)
        body = list(self._statements(block.body, inner))
        otherwise = list(self._statements(block.otherwise, place.inside()))
        yield nodes.If(value, body, [], otherwise, lineno=pipeline.line)

    def _range(self, block: parser.Block, place: _Place) -> Iterator[nodes.Node]:
        pipeline = block.pipeline
        value = self._pipeline(replace(pipeline, declared=()), place)
        cursor = self._new("dot")
        key = self._new("key") if len(pipeline.declared) > 1 else None
        element = nodes.Name(cursor.name, "store")
        target: nodes.Expr = nodes.Tuple([nodes.Name(key.name, "store"), element], "store") if key else element
        iterable = _filter(COUNTED, _filter(PAIRS if key else ITEMS, value, line=pipeline.line), line=pipeline.line)
        inner = place.inside(cursor)
        begin: list[nodes.Node] = []
        for variable, source in zip(pipeline.declared, [key, cursor] if key else [cursor], strict=False):
            loaded = nodes.Name(source.name, "load")
            begin.append(self._set(variable, loaded, inner, pipeline, assigns=pipeline.assigns))
        body = [*begin, *self._statements(block.body, inner)]
        otherwise = list(self._statements(block.otherwise, place.inside()))
        yield nodes.For(target, iterable, body, otherwise, None, False, lineno=pipeline.line)  # noqa: FBT003

    # Templates used by others.

    def _use(self, use: parser.Use, place: _Place) -> Iterator[nodes.Node]:
        if use.name not in self._parsed.defined:
            known = ", ".join(sorted(self._parsed.defined)) or "none"
            raise TemplateSyntaxError(f"template {use.name!r} not defined; defined: {known}", use.line)
        cursor = nodes.Const(None) if use.pipeline is None else self._pipeline(use.pipeline, place)
        is_data = use.pipeline is not None and self._is_data(use.pipeline, place)
        if use.name in place.around or len(place.around) > _DEEPEST or self._state.statements > _MOST_STATEMENTS:
            if use.name not in self._state.called:
                self._state.called[use.name] = self._new("template").name
            name = self._state.called[use.name]
            call = nodes.Call(nodes.Name(name, "load"), [cursor], [], None, None)
            yield nodes.Output([_filter(WRITTEN_OUT, call, line=use.line)], lineno=use.line)
            return
        dot = _DATA if is_data else self._new("dot")
        if not is_data:
            yield nodes.Assign(nodes.Name(dot.name, "store"), cursor, lineno=use.line)
        yield from self._defined(use.name, dot, (*place.around, use.name))

    def _defined(self, name: str, dot: _Named, around: tuple[str, ...]) -> Iterator[nodes.Node]:
        body = self._parsed.defined[name]
        return self._statements(body, _Place(dot, {"$": dot}, around, frozenset(_changed_in_loops(body))))

    def _macros(self) -> Iterator[nodes.Macro]:
        """Those templates that have to be called, each of which may name more of them."""
        lowered: set[str] = set()
        while len(lowered) < len(self._state.called):
            name = next(each for each in self._state.called if each not in lowered)
            lowered.add(name)
            dot = self._new("dot")
            body = list(self._defined(name, dot, tuple(self._parsed.defined)))
            yield nodes.Macro(self._state.called[name], [nodes.Name(dot.name, "param")], [], body, lineno=1)

    # Expressions.

    def _is_data(self, pipeline: parser.Pipeline, place: _Place) -> bool:
        """Whether a pipeline is nothing but all the data."""
        match pipeline.commands:
            case (parser.Command(words=(parser.Dot(),)),):
                return place.dot.is_data
            case (parser.Command(words=(parser.Variable(name=name, names=()),)),):
                return place.variables[name].is_data
        return False

    def _pipeline(self, pipeline: parser.Pipeline, place: _Place) -> nodes.Expr:
        if pipeline.declared:
            raise TemplateSyntaxError("a variable can only be declared at the begin of an action", pipeline.line)
        value: nodes.Expr | None = None
        for command in pipeline.commands:
            value = self._command(command, place, value)
        return nodes.Const(None) if value is None else value

    def _command(self, command: parser.Command, place: _Place, last: nodes.Expr | None) -> nodes.Expr:
        first, *rest = command.words
        arguments = [*(self._operand(word, place, command.line) for word in rest), *([last] if last else [])]
        match first:
            case parser.Function(name=name):
                return self._call(name, arguments, command.line)
            case parser.Fields() | parser.Variable() | parser.Chain() if first.names and arguments:
                receiver = self._operand(replace(first, names=first.names[:-1]), place, command.line)
                return _filter(FIELD, receiver, nodes.Const(first.names[-1]), *arguments, line=command.line)
        if arguments:
            raise TemplateSyntaxError(f"can't give argument to non-function {_shown(first)}", command.line)
        if isinstance(first, parser.Nil):
            raise TemplateSyntaxError("nil is not a command", command.line)
        return self._operand(first, place, command.line)

    def _operand(self, word: parser.Operand, place: _Place, line: int) -> nodes.Expr:
        match word:
            case parser.Literal(value=value):
                return nodes.Const(value)
            case parser.Nil():
                return nodes.Const(None)
            case parser.Pipeline():
                return self._pipeline(word, place)
            case parser.Function(name=name):
                return self._call(name, [], line)
            case parser.Chain(operand=operand, names=names):
                return _of_fields(self._operand(operand, place, line), names, line)
        named = place.variables[word.name] if isinstance(word, parser.Variable) else place.dot
        return self._fields(named, () if isinstance(word, parser.Dot) else word.names, line)

    def _load(self, named: _Named, line: int) -> nodes.Expr:
        loaded = nodes.Name(named.name or DATA, "load")
        return _filter(IN_CELL, loaded, line=line) if named.is_cell else loaded

    def _fields(self, named: _Named, names: tuple[str, ...], line: int) -> nodes.Expr:
        if not (named.is_data and names):
            return _of_fields(self._load(named, line), names, line)
        if names[:2] in _PATHS:
            return _of_fields(nodes.Name(_PATHS[names[0], names[1]], "load"), names[2:], line)
        if names[0] in DATA_TYPE.fields:
            return _of_fields(nodes.Name(names[0], "load"), names[1:], line)
        return _of_fields(nodes.Name(DATA, "load"), names, line)

    def _call(self, name: str, arguments: list[nodes.Expr], line: int) -> nodes.Expr:
        self._check_count(name, arguments, line)
        if name in ("and", "or"):
            operator = nodes.And if name == "and" else nodes.Or
            value, *others = arguments
            for other in others:
                value = operator(value, other, lineno=line)
            return value
        if name == "not":
            return nodes.Not(arguments[0], lineno=line)
        if name == "default" and len(arguments) == _FALLBACK_AND_VALUE:
            return nodes.Or(arguments[1], arguments[0], lineno=line)
        if name == "annotation":
            arguments[0] = _annotations_of(arguments[0], line)
        elif name in _IMPLIED:
            arguments.insert(0, nodes.Name(_IMPLIED[name], "load"))
        if self._changes_maps and name in self._functions.makers:
            name = to_change(name)
        if not arguments:
            return _filter(without_arguments(name), nodes.Const(None), line=line)
        return _filter(name, *arguments, line=line)

    def _check_count(self, name: str, arguments: list[nodes.Expr], line: int) -> None:
        parameters = list(signature(self._functions.by_name[name]).parameters.values())[name in _IMPLIED :]
        fixed = [each for each in parameters if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
        least = sum(1 for each in fixed if each.default is Parameter.empty)
        is_variadic = any(each.kind is Parameter.VAR_POSITIONAL for each in parameters)
        if len(arguments) < least or not (is_variadic or len(arguments) <= len(fixed)):
            wanted = f"at least {least}" if is_variadic else str(least)
            raise TemplateSyntaxError(f"wrong number of args for {name}: want {wanted}, got {len(arguments)}", line)


def _filter(name: str, subject: nodes.Expr, *arguments: nodes.Expr, line: int) -> nodes.Filter:
    return nodes.Filter(subject, name, list(arguments), [], None, None, lineno=line)


def _of_fields(value: nodes.Expr, names: Iterable[str], line: int) -> nodes.Expr:
    for name in names:
        value = _filter(FIELD, value, nodes.Const(name), line=line)
    return value


def _annotations_of(metadata: nodes.Expr, line: int) -> nodes.Expr:
    if isinstance(metadata, nodes.Name) and metadata.name == "ObjectMeta":
        return nodes.Name(ANNOTATIONS, "load")
    return _filter(FIELD, metadata, nodes.Const("Annotations"), line=line)


def _constant_text(pipeline: parser.Pipeline) -> str | None:
    match pipeline.commands:
        case (parser.Command(words=(parser.Literal(value=str() as text),)),):
            return text[:MAXIMUM_TEXT]
    return None


def _is_alone(body: parser.Body, index: int) -> bool:
    """Whether a statement may stand alone on its line: nothing but spaces is known to be beside it."""
    before = body[index - 1] if index else None
    after = body[index + 1] if index + 1 < len(body) else None
    left = before.text.rpartition("\n")[2] if isinstance(before, parser.Text) else ""
    right = after.text.partition("\n")[0] if isinstance(after, parser.Text) else ""
    return not left.strip() and not right.strip()


def _shown(word: parser.Operand) -> str:
    return repr(word.value) if isinstance(word, parser.Literal) else type(word).__name__.lower()


def _changed_in_loops(body: parser.Body, *, is_in_loop: bool = False) -> Iterator[str]:
    """The variables that a loop assigns to."""
    for statement in body:
        if isinstance(statement, parser.Action) and statement.pipeline.assigns and is_in_loop:
            yield from statement.pipeline.declared
        elif isinstance(statement, parser.Block):
            is_range = statement.keyword == "range"
            if statement.pipeline.assigns and (is_range or is_in_loop):
                yield from statement.pipeline.declared
            yield from _changed_in_loops(statement.body, is_in_loop=is_in_loop or is_range)
            yield from _changed_in_loops(statement.otherwise, is_in_loop=is_in_loop)


def _functions_in(parsed: parser.Parsed) -> Iterator[str]:
    for body in (parsed.body, *parsed.defined.values()):
        yield from _functions_of_body(body)


def _functions_of_body(body: parser.Body) -> Iterator[str]:
    for statement in body:
        match statement:
            case parser.Action(pipeline=pipeline):
                yield from _functions_of(pipeline)
            case parser.Use(pipeline=pipeline) if pipeline is not None:
                yield from _functions_of(pipeline)
            case parser.Block():
                yield from _functions_of(statement.pipeline)
                yield from _functions_of_body(statement.body)
                yield from _functions_of_body(statement.otherwise)


def _functions_of(operand: parser.Operand) -> Iterator[str]:
    match operand:
        case parser.Function(name=name):
            yield name
        case parser.Chain():
            yield from _functions_of(operand.operand)
        case parser.Pipeline():
            for command in operand.commands:
                for word in command.words:
                    yield from _functions_of(word)
