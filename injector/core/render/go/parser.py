"""The tree of a Go template, as its text says it: actions with pipelines, and the blocks around them.

Source: the grammar of https://pkg.go.dev/text/template. Unlike Go, all functions that are not known are told at once.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from jinja2 import TemplateSyntaxError

from injector.core.render.go.lexer import Token, tokens
from injector.core.render.go.literals import number_of, text_of

_DEEPEST = 100
_OPERANDS = frozenset("string raw char number variable field dot word open".split())
_CONTROLS = frozenset("if with range template block define else end".split())


@dataclass(frozen=True, slots=True)
class Dot:
    """The cursor."""


@dataclass(frozen=True, slots=True)
class Nil:
    """The untyped nil."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number or a boolean."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Fields:
    """`.A.B` of the cursor."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x`, and the fields asked of it. `name` holds the dollar sign."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function's name: as the first word of a command a call with the other words, elsewhere one without any."""

    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """Words separated by spaces. What the command before it gives comes as a last word."""

    words: tuple["Operand", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each of which gets what the one before it gives; `declared` are the variables that get the last."""

    commands: tuple[Command, ...]
    line: int
    declared: tuple[str, ...] = ()
    assigns: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).A.B` or `function.A.B`."""

    operand: "Pipeline | Function"
    names: tuple[str, ...]


Operand: TypeAlias = Dot | Nil | Literal | Fields | Variable | Function | Pipeline | Chain


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is written as it is."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose result is written, unless it declares or assigns variables."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Block:
    """`if`, `with` or `range` (`keyword`): a body, and what is done otherwise."""

    keyword: str
    pipeline: Pipeline
    body: "Body"
    otherwise: "Body"


@dataclass(frozen=True, slots=True)
class Use:
    """`template`: the template `name` in place, with the pipeline's value as its cursor."""

    name: str
    pipeline: Pipeline | None
    line: int


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    keyword: str
    line: int


Statement: TypeAlias = Text | Action | Block | Use | Jump
Body: TypeAlias = tuple[Statement, ...]


@dataclass(slots=True)
class Parsed:
    """What a text holds: its own body, the templates that it defines, and the functions in it that nobody knows."""

    body: Body = ()
    defined: dict[str, Body] = field(default_factory=dict)
    unknown_functions: list[tuple[str, int]] = field(default_factory=list)


def parse(source: str, functions: Container[str]) -> Parsed:
    """The tree of `source`, which may use `functions`. Raises TemplateSyntaxError."""
    return _Parser(source, functions).parse()


class _Parser:
    """Reads one token after the other, looking at most at the next that is no space."""

    def __init__(self, source: str, functions: Container[str]) -> None:
        self._tokens = list(tokens(source))
        self._position = 0
        self._functions = functions
        self._parsed = Parsed()
        self._variables: list[str] = ["$"]
        self._loops = 0
        self._depth = 0

    def parse(self) -> Parsed:
        body, end = self._body(is_outermost=True)
        if end.kind != "eof":
            raise TemplateSyntaxError(f"unexpected {{{{{end.text}}}}}", end.line)
        self._parsed.body = body
        return self._parsed

    # Tokens.

    def _peek(self) -> Token:
        """The next token that is no space."""
        while self._tokens[self._position].kind == "space":
            self._position += 1
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._peek()
        self._position += 1
        return token

    def _expect(self, kind: str, where: str) -> Token:
        token = self._next()
        if token.kind != kind:
            raise _unexpected(token, where)
        return token

    def _is_word(self, token: Token, text: str) -> bool:
        return token.kind == "word" and token.text == text

    # Bodies and blocks.

    def _body(self, *, is_outermost: bool = False) -> tuple[Body, Token]:
        """Statements up to `else`, `end` or the end of the text, and the word that ended them."""
        statements: list[Statement] = []
        while True:
            token = self._next()
            if token.kind == "eof":
                if is_outermost:
                    return tuple(statements), token
                raise TemplateSyntaxError("unexpected EOF: a block has no {{end}}", token.line)
            if token.kind == "text":
                statements.append(Text(token.text, token.line))
                continue
            word = self._peek()
            if word.kind == "word" and word.text in ("else", "end"):
                return tuple(statements), self._next()
            if self._is_word(word, "define"):
                self._next()
                self._definition("define", word, is_outermost=is_outermost)
            else:
                statements.append(self._statement(word))

    def _statement(self, word: Token) -> Statement:
        keyword = word.text if word.kind == "word" else ""
        if keyword in ("if", "with", "range"):
            self._next()
            return self._block(keyword)
        if keyword == "template":
            self._next()
            return self._use(word)
        if keyword == "block":
            self._next()
            return self._definition("block", word, is_outermost=True)
        if keyword in ("break", "continue") and keyword not in self._functions:
            self._next()
            self._expect("end", f"{{{{{keyword}}}}}")
            if not self._loops:
                raise TemplateSyntaxError(f"{{{{{keyword}}}}} outside {{{{range}}}}", word.line)
            return Jump(keyword, word.line)
        return Action(self._pipeline("command", "end"))

    def _block(self, keyword: str) -> Block:
        self._deeper(self._peek().line)
        declared = len(self._variables)
        pipeline = self._pipeline(keyword, "end")
        self._loops += keyword == "range"
        body, end = self._body()
        self._loops -= keyword == "range"
        otherwise: Body = ()
        if end.text == "else":
            if keyword != "range" and self._is_word(self._peek(), keyword):
                self._next()
                otherwise = (self._block(keyword),)
                del self._variables[declared:]
                self._depth -= 1
                return Block(keyword, pipeline, body, otherwise)
            self._expect("end", "else")
            otherwise, end = self._body()
            if end.text != "end":
                raise TemplateSyntaxError("expected {{end}}, got {{else}}", end.line)
        self._expect("end", "end")
        del self._variables[declared:]
        self._depth -= 1
        return Block(keyword, pipeline, body, otherwise)

    def _use(self, word: Token) -> Use:
        name = self._name("template")
        pipeline = None if self._peek().kind == "end" else self._pipeline("template", "end")
        if pipeline is None:
            self._next()
        return Use(name, pipeline, word.line)

    def _definition(self, keyword: str, word: Token, *, is_outermost: bool) -> Use:
        """What `define` or `block` defines is kept; a `block` is used where it stands."""
        if not is_outermost:
            raise TemplateSyntaxError("unexpected {{define}} in a block", word.line)
        name = self._name(keyword)
        pipeline = self._pipeline("block", "end") if keyword == "block" else None
        if pipeline is None:
            self._expect("end", "define")
        variables, loops = self._variables, self._loops
        self._variables, self._loops = ["$"], 0
        self._deeper(word.line)
        body, end = self._body()
        self._depth -= 1
        self._variables, self._loops = variables, loops
        if end.text != "end":
            raise TemplateSyntaxError(f"unexpected {{{{else}}}} in {keyword}", end.line)
        self._expect("end", "end")
        self._define(name, body, word.line)
        return Use(name, pipeline, word.line)

    def _define(self, name: str, body: Body, line: int) -> None:
        defined = self._parsed.defined
        if not _is_empty(defined.get(name, ())):
            if _is_empty(body):
                return
            raise TemplateSyntaxError(f"multiple definition of template {name!r}", line)
        defined[name] = body

    def _name(self, where: str) -> str:
        token = self._next()
        if token.kind not in ("string", "raw"):
            raise _unexpected(token, f"{where}: its name must be a quoted text")
        return text_of(token)

    def _deeper(self, line: int) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TemplateSyntaxError(f"more than {_DEEPEST} blocks inside one another", line)

    # Pipelines.

    def _pipeline(self, where: str, end: str) -> Pipeline:
        line = self._peek().line
        declared, assigns = self._declarations(where)
        commands = list(self._commands(where, end))
        if not commands:
            raise TemplateSyntaxError(f"missing value for {where}", line)
        for number, command in enumerate(commands[1:], 2):
            if isinstance(command.words[0], (Dot, Nil, Literal)):
                raise TemplateSyntaxError(f"non executable command in pipeline stage {number}", command.line)
        if not assigns:
            self._variables += declared
        return Pipeline(tuple(commands), line, declared, assigns)

    def _declarations(self, where: str) -> tuple[tuple[str, ...], bool]:
        """The variables before `:=` or `=`, and whether it is `=`."""
        begin = self._position
        names: list[str] = []
        while self._peek().kind == "variable":
            token = self._next()
            names.append(token.text)
            follower = self._peek()
            if follower.kind in ("declare", "assign"):
                self._next()
                assigns = follower.kind == "assign"
                for name in names if assigns else ():
                    self._known(name, token.line)
                return tuple(names), assigns
            if follower.kind != "comma":
                break
            if where != "range" or len(names) > 1:
                raise TemplateSyntaxError(f"too many declarations in {where}", token.line)
            self._next()
        self._position = begin
        return (), False

    def _commands(self, where: str, end: str) -> Iterator[Command]:
        while True:
            token = self._peek()
            if token.kind == end:
                self._next()
                return
            if token.kind not in _OPERANDS or (token.kind == "word" and token.text in _CONTROLS):
                raise _unexpected(token, where)
            yield self._command()

    def _command(self) -> Command:
        line = self._peek().line
        words: list[Operand] = []
        while self._peek().kind in _OPERANDS:
            words.append(self._operand())
            token = self._tokens[self._position]
            if token.kind != "space":
                break
        token = self._peek()
        if token.kind == "pipe":
            self._next()
            if self._peek().kind in ("end", "close"):
                raise TemplateSyntaxError("missing command after '|'", token.line)
        elif token.kind not in ("end", "close"):
            raise _unexpected(token, "operand")
        return Command(tuple(words), line)

    def _operand(self) -> Operand:
        token = self._peek()
        term = self._term()
        names: list[str] = []
        while self._tokens[self._position].kind == "field":
            names.append(self._next().text[1:])
        if not names:
            return term
        if isinstance(term, Fields):
            return Fields((*term.names, *names))
        if isinstance(term, Variable):
            return Variable(term.name, tuple(names))
        if isinstance(term, (Pipeline, Function)):
            return Chain(term, tuple(names))
        raise TemplateSyntaxError(f"unexpected . after term {token.text!r}", token.line)

    def _term(self) -> Operand:
        token = self._next()
        reader = _TERMS.get(token.kind)
        if reader is not None:
            return reader(token)
        if token.kind == "variable":
            self._known(token.text, token.line)
            return Variable(token.text)
        if token.kind == "open":
            self._deeper(token.line)
            pipeline = self._pipeline("parenthesized pipeline", "close")
            self._depth -= 1
            return pipeline
        return self._word(token)

    def _word(self, token: Token) -> Operand:
        if token.text in ("true", "false"):
            return Literal(token.text == "true")
        if token.text == "nil":
            return Nil()
        if token.text in _CONTROLS:
            raise _unexpected(token, "operand")
        if token.text not in self._functions:
            self._parsed.unknown_functions.append((token.text, token.line))
        return Function(token.text)

    def _known(self, name: str, line: int) -> None:
        if name not in self._variables:
            raise TemplateSyntaxError(f"undefined variable {name!r}", line)


_TERMS: dict[str, Callable[[Token], Operand]] = {
    "string": lambda token: Literal(text_of(token)),
    "raw": lambda token: Literal(text_of(token)),
    "char": lambda token: Literal(number_of(token)),
    "number": lambda token: Literal(number_of(token)),
    "dot": lambda _: Dot(),
    "field": lambda token: Fields((token.text[1:],)),
}


def _unexpected(token: Token, where: str) -> TemplateSyntaxError:
    shown = {"end": "'}}'", "eof": "the end of the text"}.get(token.kind, repr(token.text))
    return TemplateSyntaxError(f"unexpected {shown} in {where}", token.line)


def _is_empty(body: Body) -> bool:
    return all(isinstance(each, Text) and not each.text.strip() for each in body)
