"""The tokens of a Go template.

Source: the grammar of https://pkg.go.dev/text/template; spaces, trim markers and terminators as its lexer has them.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import TemplateSyntaxError

_OPEN, _CLOSE = "{{", "}}"
_SPACES = " \t\r\n"
_TRIM_AFTER_OPEN = re.compile(r"-(?=[ \t\r\n])")
_COMMENT = re.compile(r"/\*(?:.*?(?P<closed>\*/)|)", re.DOTALL)
_RUN_OF_SPACES = re.compile(r"[ \t\r\n]*")
_END = re.compile(r"(?:[ \t\r\n]+(?P<trims>-)|[ \t\r\n]*)\}\}")
_LONGEST_SHOWN = 40

# What may follow a word, a field or a variable: Go wants a space before anything else.
_TERMINATED = r"(?=[ \t\r\n.,|:)(]|\}\}|$)"
_NUMBER = (
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]+)?|0[oO][0-7_]+|0[bB][01_]+"
    r"|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)"
)
_TOKEN = re.compile(
    "|".join(
        (
            r"(?P<space>[ \t\r\n]+)",
            r'(?P<string>"(?:[^"\\\n]|\\[^\n])*")',
            r"(?P<raw>`[^`]*`)",
            r"(?P<char>'(?:[^'\\\n]|\\[^\n])+')",
            r"(?P<declare>:=)",
            r"(?P<assign>=)",
            r"(?P<pipe>\|)",
            r"(?P<open>\()",
            r"(?P<close>\))",
            rf"(?P<number>{_NUMBER})(?P<imaginary>i|[+-][0-9.]+i)?(?!\w)",
            rf"(?P<variable>\$\w*){_TERMINATED}",
            rf"(?P<field>\.\w+){_TERMINATED}",
            rf"(?P<dot>\.){_TERMINATED}",
            rf"(?P<word>\w+){_TERMINATED}",
            r"(?P<comma>,)",
        )
    )
)


class Token(NamedTuple):
    """A piece of a template. `kind` is `text`, `begin`, `end` or `eof`, or the name of a group of `_TOKEN`."""

    kind: str
    text: str
    line: int


def tokens(source: str) -> Iterator[Token]:
    """The tokens of `source`, ended by one of kind `eof`. Raises TemplateSyntaxError."""
    position, line = 0, 1
    while True:
        start = source.find(_OPEN, position)
        text = source[position:] if start < 0 else source[position:start]
        shown, after = text, start + len(_OPEN)
        trims = start >= 0 and _TRIM_AFTER_OPEN.match(source, after)
        if trims:
            shown, after = text.rstrip(_SPACES), after + 1
        if shown:
            yield Token("text", shown, line)
        line += text.count("\n")
        if start < 0:
            yield Token("eof", "", line)
            return
        comment = _COMMENT.match(source, after + 1 if trims else after)
        if comment:
            if not comment["closed"]:
                raise TemplateSyntaxError("unclosed comment", line)
            line += comment[0].count("\n")
            end = _END.match(source, comment.end())
            if end is None:
                raise TemplateSyntaxError("comment ends before closing delimiter", line)
        else:
            action = _Action(source, after, line)
            yield Token("begin", _OPEN, line)
            yield from action.tokens()
            end, line = action.end, action.line
            yield Token("end", _CLOSE, line)
        position = end.end()
        line += end[0].count("\n")
        if end["trims"] and (trimmed := _RUN_OF_SPACES.match(source, position)):
            position = trimmed.end()
            line += trimmed[0].count("\n")


class _Action:
    """What stands between one pair of delimiters; `end` is where it closes, once its tokens are read."""

    def __init__(self, source: str, position: int, line: int) -> None:
        """Begin at `position` of `source`, in line `line`."""
        self._source, self._position, self.line = source, position, line
        self.end: re.Match[str]

    def tokens(self) -> Iterator[Token]:
        """The tokens up to the closing delimiter. Raises TemplateSyntaxError."""
        depth = 0
        while True:
            end = _END.match(self._source, self._position)
            if end:
                if depth:
                    raise TemplateSyntaxError("unclosed left paren", self.line)
                self.end = end
                return
            token = self._next()
            depth += (token.kind == "open") - (token.kind == "close")
            if depth < 0:
                raise TemplateSyntaxError("unexpected right paren", self.line)
            yield token

    def _next(self) -> Token:
        found = _TOKEN.match(self._source, self._position)
        if found is None:
            raise TemplateSyntaxError(self._problem(), self.line)
        if found["imaginary"]:
            raise TemplateSyntaxError(f"the complex number {found[0]} is not supported", self.line)
        token = Token(found.lastgroup or "", found[0], self.line)
        self._position = found.end()
        self.line += found[0].count("\n")
        return token

    def _problem(self) -> str:
        rest = self._source[self._position :]
        for quote, name in (('"', "quoted string"), ("`", "raw quoted string"), ("'", "character constant")):
            if rest.startswith(quote):
                return f"unterminated {name}"
        if not rest or rest.startswith(_OPEN):
            return "unclosed action"
        return f"unexpected {rest.split()[0][:_LONGEST_SHOWN]!r} in an action"
