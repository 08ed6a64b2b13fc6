"""Macros that stand alone on a line are expanded as text, before a template is parsed.

Calling a macro for every pod, and indenting what it returns, is most of what a rendering costs. Instead its lines take
the place of the call, at the call's column, and its parameters get a scope of their own:

    args:                                   args:
    {{ proxy_arguments("sidecar") }}   ->   {% with role="sidecar" %}
                                            - proxy
                                            - {{ role }}
                                            {% endwith %}

The expanded template means what the original means. Where that is not certain the call stays: for a macro that calls
itself, that strips whitespace, or that reads a name to which the lines around the call give another meaning.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from jinja2 import Environment, nodes
from jinja2.meta import find_undeclared_variables

# Macros that call others twice double with each step: those that there is no room for are called.
_MAXIMUM_LENGTH = 400_000
_STRIPS_WHITESPACE = re.compile(r"\{[{%#][-+]|[-+][}%#]\}")
_OPENS_BLOCK_SCALAR = re.compile(r"(?:^|[\s:-])[|>][-+0-9]*$")
# Statements that mean something else in another place, and the names that only a call has.
_BOUND_TO_PLACE = (nodes.Break, nodes.Continue, nodes.Import, nodes.FromImport, nodes.Include, nodes.Macro)
_NAMES_OF_CALLS = frozenset(("caller", "varargs", "kwargs", "loop"))
_SCOPES = (nodes.For, nodes.With, nodes.Macro, nodes.CallBlock)
_DEPTHS = {**dict.fromkeys("([{", 1), **dict.fromkeys(")]}", -1)}

Token: TypeAlias = tuple[str, str]
LoadTemplate: TypeAlias = Callable[[str], tuple[str, nodes.Template] | None]


class Line(NamedTuple):
    """A line of an expanded template, without its line break, and the number of the line it was in the original."""

    text: str
    number: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A `{{ … }}` or `{% … %}`: its tokens, typed as `Environment.lex` does, and where it is in the text."""

    is_expression: bool
    tokens: Sequence[Token]
    start: int
    end: int

    @property
    def words(self) -> list[str]:
        """The texts of the tokens, without whitespace."""
        return [text for kind, text in self.tokens if kind != "whitespace"]


def tags_of(text: str, environment: Environment) -> Iterator[Tag]:
    """The tags of a template that parses, in order. Comments and raw blocks are none."""
    position, start, tokens = 0, 0, list[Token]()
    for _, kind, token in environment.lex(text):
        # The lexer leaves out whitespace that a tag strips before it.
        position = text.index(token, position)
        if kind in ("variable_begin", "block_begin"):
            start, tokens = position, []
        elif kind in ("variable_end", "block_end"):
            while tokens and tokens[-1][0] == "whitespace":
                tokens.pop()
            yield Tag(kind == "variable_end", tokens, start, position + len(token.rstrip()))
        elif tokens or kind != "whitespace":
            tokens.append((kind, token))
        position += len(token)


def place_of(text: str, tag: Tag) -> str | None:
    """What is left of an expression that stands alone on its line: spaces and the dashes of list items; else None."""
    before = text[text.rfind("\n", 0, tag.start) + 1 : tag.start]
    after = text[tag.end :].partition("\n")[0]
    is_alone = not before.replace("- ", "").strip(" ") and not after.strip(" \t")
    return before if is_alone and not _STRIPS_WHITESPACE.search(text, tag.start, tag.end) else None


@dataclass(frozen=True, slots=True)
class _Macro:
    """A macro that can be expanded: its body, with the calls in it expanded, and the names that it reads around it."""

    node: nodes.Macro
    body: Sequence[Line]
    reads: frozenset[str]


@dataclass(slots=True)
class _Scope:
    """What calls in one text mean: the macros known so far, and the names that the text assigns.

    `hidden` are those that it assigns in inner scopes, `room` is how much longer expansions may make it.
    """

    assigned: frozenset[str]
    hidden: frozenset[str]
    defined: Mapping[str, nodes.Macro]
    imports: Mapping[int, nodes.FromImport]
    macros: dict[str, _Macro] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    room: int = _MAXIMUM_LENGTH

    @classmethod
    def of(cls, tree: nodes.Template) -> "_Scope":
        """The scope in which nothing is known yet of the template's macros."""
        macros = Counter(macro.name for macro in tree.find_all(nodes.Macro))
        outer = [statement for statement in tree.body if isinstance(statement, nodes.Macro)]
        return cls(
            assigned=frozenset(_assigned(tree)),
            hidden=frozenset(name for scope in tree.find_all(_SCOPES) for name in _assigned(scope)),
            defined={macro.name: macro for macro in outer if macros[macro.name] == 1 and _can_move(macro)},
            imports={each.lineno: each for each in tree.body if isinstance(each, nodes.FromImport)},
        )

    def add(self, name: str, macro: _Macro) -> None:
        """Expand calls of `name` from now on, unless the text gives names that the macro reads another meaning."""
        if name not in self.assigned and macro.reads.isdisjoint(self.hidden | _NAMES_OF_CALLS):
            self.macros[name] = macro

    def add_imported(self, name: str, macro: _Macro) -> None:
        """The same for a macro of another template, which sees nothing that this one assigns or defines."""
        if macro.reads.isdisjoint(self.assigned) and macro.reads.isdisjoint(self.defined):
            self.add(name, macro)
            self.imported.add(name)


class MacroExpansion:
    """Expands macros in templates."""

    def __init__(self, environment: Environment, load: LoadTemplate) -> None:
        """`environment` lexes; `load` gives text and tree of another template, None where there is none."""
        self._environment = environment
        self._load = load
        self._libraries: dict[str, Mapping[str, _Macro]] = {}

    def expand(self, text: str, tree: nodes.Template) -> list[Line]:
        """The lines of a template, whose tree is `tree`, with its lone calls of macros expanded."""
        return self._expanded(lines_of(text), _Scope.of(tree), Counter())

    def _expanded(self, lines: list[Line], scope: _Scope, calls: Counter[str]) -> list[Line]:
        """The lines with calls expanded and counted; the macros that are defined on the way join the scope."""
        text = "\n".join(line.text for line in lines)
        starts = list(accumulate((len(line.text) + 1 for line in lines), initial=0))
        expanded, done = list[Line](), 0
        tags = tags_of(text, self._environment)
        for tag in tags:
            first, words = bisect_right(starts, tag.start) - 1, tag.words
            if tag.is_expression:
                placed = self._placed(tag, text, lines[first].number, scope)
                if placed:
                    calls[words[0]] += 1
                    expanded += [*lines[done:first], *placed]
                    done = bisect_right(starts, tag.end)
            elif words[0] == "macro" and words[1] in scope.defined:
                end = next(each for each in tags if not each.is_expression and each.words == ["endmacro"])
                body = _body(text, tag.end, end.start)
                number = lines[bisect_right(starts, body.start) - 1].number
                self._define(scope.defined[words[1]], lines_of(text[body], number), scope)
            elif words[0] == "from" and lines[first].number in scope.imports:
                self._import(scope.imports[lines[first].number], scope)
        return [*expanded, *lines[done:]]

    def _define(self, node: nodes.Macro, body: list[Line], scope: _Scope) -> None:
        calls = Counter[str]()
        expanded = self._expanded(body, scope, calls)
        loads = Counter(name.name for name in node.find_all(nodes.Name) if name.ctx == "load")
        alone = nodes.Template([node], lineno=1)
        alone.set_environment(self._environment)
        read_by_others = (name for called in calls for name in scope.macros[called].reads)
        is_called = {name for name, count in calls.items() if loads[name] == count}
        reads = frozenset(find_undeclared_variables(alone) - is_called).union(read_by_others)
        if node.name not in loads and not _changes_when_moved("\n".join(line.text for line in body), self._environment):
            scope.add(node.name, _Macro(node, expanded, reads))

    def _import(self, statement: nodes.FromImport, scope: _Scope) -> None:
        library = self._library(statement.template.value) if isinstance(statement.template, nodes.Const) else {}
        for imported in statement.names:
            name, alias = imported if isinstance(imported, tuple) else (imported, imported)
            if name in library:
                scope.add_imported(alias, library[name])

    def _library(self, name: str) -> Mapping[str, _Macro]:
        """The macros of another template that need nothing else of it."""
        if name not in self._libraries:
            self._libraries[name] = {}
            loaded = self._load(name)
            if loaded and all(isinstance(each, (nodes.Macro, nodes.Output)) for each in loaded[1].body):
                scope = _Scope.of(loaded[1])
                self._expanded(lines_of(loaded[0]), scope, Counter())
                own = {macro.name for macro in loaded[1].find_all(nodes.Macro)}
                self._libraries[name] = {
                    each: macro for each, macro in scope.macros.items() if macro.reads.isdisjoint(own)
                }
        return self._libraries[name]

    def _placed(self, tag: Tag, text: str, number: int, scope: _Scope) -> list[Line]:
        """The lines that take the place of a call; none where it is no lone call of a macro known by then."""
        name = next(iter(tag.words), "")
        column = place_of(text, tag)
        if name not in scope.macros or column is None or column.strip(" ") or _is_in_block_scalar(text, tag.start):
            return []
        macro = scope.macros[name]
        values = _values(macro.node, tag.tokens)
        size = sum(len(line.text) + len(column) for line in macro.body)
        if values is None or size > scope.room:
            return []
        scope.room -= size
        given = ", ".join(f"{parameter}={value}" for parameter, value in values.items())
        around = [f"{column}{{% with {given} %}}", f"{column}{{% endwith %}}"]
        is_imported = name in scope.imported
        body = [Line(column + line.text, number if is_imported else line.number) for line in macro.body]
        # What is given may have line breaks.
        header = [Line(line, number) for line in around[0].split("\n")]
        return [*header, *body, Line(around[1], number)]


def lines_of(text: str, number: int = 1) -> list[Line]:
    """The lines of a text of which the first is line `number` of the original."""
    return [Line(line, number) for number, line in enumerate(text.split("\n"), number)]


def drop_unused(tree: nodes.Template) -> None:
    """Take out macros and imports by name of which no use is left."""
    macros = [each for each in tree.body if isinstance(each, nodes.Macro)]
    used = _used_names([each for each in tree.body if each not in macros], macros)
    kept: list[nodes.Node] = []
    for statement in tree.body:
        if isinstance(statement, nodes.FromImport) and isinstance(statement.template, nodes.Const):
            statement.names = [each for each in statement.names if _alias(each) in used]
            if not statement.names:
                continue
        kept.append(statement)
    # Other templates see the names of the one that uses them.
    shares_names = any(True for each in kept for _ in each.find_all((nodes.Import, nodes.FromImport, nodes.Include)))
    tree.body = [each for each in kept if shares_names or not isinstance(each, nodes.Macro) or each.name in used]


def _used_names(body: Iterable[nodes.Node], macros: Sequence[nodes.Macro]) -> set[str]:
    """The names that statements read, and those that the macros among them read in turn."""
    used: set[str] = set()
    new = _loaded(body)
    while new:
        used |= new
        new = _loaded(macro for macro in macros if macro.name in new) - used
    return used


def _loaded(body: Iterable[nodes.Node]) -> set[str]:
    return {name.name for each in body for name in each.find_all(nodes.Name) if name.ctx == "load"}


def _alias(imported: str | tuple[str, str]) -> str:
    return imported[1] if isinstance(imported, tuple) else imported


def _assigned(node: nodes.Node) -> Iterator[str]:
    return (name.name for name in node.find_all(nodes.Name) if name.ctx != "load")


def _can_move(macro: nodes.Macro) -> bool:
    """Whether the body of a macro may mean the same elsewhere, and its parameters can be given in text."""
    names = {name.name for name in macro.find_all(nodes.Name)}
    return (
        names.isdisjoint(_NAMES_OF_CALLS - {"loop"})
        and next(macro.find_all(_BOUND_TO_PLACE), None) is None
        and all(isinstance(default, nodes.Const) for default in macro.defaults)
    )


def _changes_when_moved(body: str, environment: Environment) -> bool:
    """Whether indentation, or other text before and behind it, changes what a body gives."""
    has_long_text = any(
        "\n" in token for tag in tags_of(body, environment) for kind, token in tag.tokens if kind == "string"
    )
    return has_long_text or _STRIPS_WHITESPACE.search(body) is not None


def _body(text: str, start: int, end: int) -> slice:
    """Where the body of a macro is without the line breaks around it, as the result of a call is placed."""
    if not text[text.rfind("\n", 0, end) + 1 : end].strip(" \t"):
        end = max(start, text.rfind("\n", 0, end))
    while start < end and text[start] == "\n":
        start += 1
    while start < end and text[end - 1] == "\n":
        end -= 1
    return slice(start, end)


def _values(macro: nodes.Macro, tokens: Sequence[Token]) -> dict[str, str] | None:
    """The text of each parameter's value in a call; None where the tokens are something else, or it does not fit."""
    arguments = _arguments(tokens)
    if arguments is None:
        return None
    names = [parameter.name for parameter in macro.args]
    values: dict[str, str] = {}
    for position, argument in enumerate(arguments):
        words = [token for token in argument if token[0] != "whitespace"]
        is_named = words[1:2] == [("operator", "=")]
        name = words[0][1] if is_named else names[position] if position < len(names) else ""
        if name in values or name not in names or words[0][1] in ("*", "**"):
            return None
        value = argument[argument.index(words[1]) + 1 :] if is_named else argument
        values[name] = "".join(text for _, text in value).strip()
    optional = names[len(names) - len(macro.defaults) :]
    for name, default in zip(optional, macro.defaults, strict=True):
        if isinstance(default, nodes.Const):
            values.setdefault(name, repr(default.value))
    return values if values.keys() == set(names) else None


def _arguments(tokens: Sequence[Token]) -> list[list[Token]] | None:
    """The tokens of each argument of a call; None where the tokens are something else."""
    arguments, depth = [list[Token]()], 0
    for position, (kind, text) in enumerate(tokens[1:], 2):
        depth += _DEPTHS.get(text, 0) if kind == "operator" else 0
        if depth == 0 and position < len(tokens):
            return None
        if depth == 1 and kind == "operator" and text in "(,":
            arguments.append([])
        elif depth:
            arguments[-1].append((kind, text))
    return [each for each in arguments if "".join(text for _, text in each).strip()] if len(arguments) > 1 else None


def _is_in_block_scalar(text: str, position: int) -> bool:
    """Whether a line belongs to a text in a YAML document, where line breaks and columns count."""
    *above, line = text[:position].split("\n")
    column = len(line)
    for other in reversed(above):
        indented = len(other) - len(other.lstrip(" "))
        if other.strip() and not other.lstrip().startswith(("{%", "{#")) and indented < column:
            column = indented
            if _OPENS_BLOCK_SCALAR.search(other.rstrip()):
                return True
    return False
