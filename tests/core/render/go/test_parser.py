"""What is wrong with the text of a Go template is told with its line, before any pod is there."""

import pytest
from jinja2 import TemplateSyntaxError

from injector.core.render.go.environment import FUNCTIONS
from injector.core.render.go.lexer import tokens
from injector.core.render.go.lowering import lower
from injector.core.render.go.parser import parse

FAULTS = [
    ("a\n{{ .x", "unclosed action", 2),
    ('\n\n{{ "a }}', "unterminated quoted string", 3),
    ("{{ `a }}", "unterminated raw quoted string", 1),
    ("{{ 'ab }}", "unterminated character constant", 1),
    ("{{ 'ab' }}", "malformed character constant", 1),
    ("{{ /* a }}", "unexpected '/*' in an action", 1),
    ("{{/* a }}", "unclosed comment", 1),
    ("{{/* a */ b }}", "comment ends before closing delimiter", 1),
    ("{{ (1 }}", "unclosed left paren", 1),
    ("{{ 1) }}", "unexpected right paren", 1),
    ("{{ .a+b }}", "unexpected '.a+b' in an action", 1),
    ("{{ 1i }}", "the complex number 1i is not supported", 1),
    ('{{ "\\z" }}', "invalid escape", 1),
    ("{{ 99999999999999999999 }}", "integer overflow", 1),
    ("{{ }}", "missing value for command", 1),
    ("{{ if }}{{ end }}", "missing value for if", 1),
    ("{{ if true }}\n{{ range .a }}", "unexpected EOF", 2),
    ("{{ end }}", "unexpected {{end}}", 1),
    ("{{ else }}", "unexpected {{else}}", 1),
    ("{{ if true }}{{ else }}{{ else }}{{ end }}", "expected {{end}}, got {{else}}", 1),
    ("{{ break }}", "{{break}} outside {{range}}", 1),
    ("{{ $x }}", "undefined variable '$x'", 1),
    ("{{ if true }}{{ $x := 1 }}{{ end }}\n{{ $x }}", "undefined variable '$x'", 2),
    ("{{ $x = 1 }}", "undefined variable '$x'", 1),
    ("{{ $ = 1 }}", "cannot assign to $", 1),
    ("{{ $a, $b := 1 }}", "too many declarations in command", 1),
    ("{{ 1 | 2 }}", "non executable command in pipeline stage 2", 1),
    ("{{ 1 | }}", "missing command after '|'", 1),
    ("{{ nil }}", "nil is not a command", 1),
    ("{{ 1 2 }}", "can't give argument to non-function 1", 1),
    ('{{ "a".b }}', "unexpected . after term", 1),
    ("{{ template x }}", "unexpected 'x' in template", 1),
    ('{{ template "x" }}', "template 'x' not defined; defined: none", 1),
    ('{{ if true }}{{ define "x" }}{{ end }}{{ end }}', "unexpected {{define}} in a block", 1),
    ('{{ define "x" }}a{{ end }}\n{{ define "x" }}b{{ end }}', "multiple definition of template 'x'", 2),
    ("{{ trunc 5 }}", "wrong number of args for trunc: want 2, got 1", 1),
    ("{{ not }}", "wrong number of args for not: want 1, got 0", 1),
    ("{{ eq }}", "wrong number of args for eq: want at least 1, got 0", 1),
    ('{{ env "x" }}', "wrong number of args for env: want 2, got 1", 1),
    ("a\n{{ nothing 1 }}{{ upper `a` }}{{ now }}", "the functions are not supported: 'nothing', 'now'; supported: ", 2),
]


@pytest.mark.parametrize(("source", "message", "line"), FAULTS)
def test_faults_are_told_with_their_line(source: str, message: str, line: int) -> None:
    """In the words of Go, as far as it has them."""
    with pytest.raises(TemplateSyntaxError) as found:
        lower(source, FUNCTIONS)
    assert message in str(found.value.message)
    assert found.value.lineno == line


def test_spaces_are_trimmed_where_a_dash_says_so() -> None:
    """Before and behind an action, and a comment."""
    source = "a \n{{- 1 -}} \n b {{- /* c */ -}} d {{3}} {{-3}}"
    texts = [token.text for token in tokens(source) if token.kind in ("text", "number")]
    assert texts == ["a", "1", "b", "d ", "3", " ", "-3"]


def test_lines_are_counted_through_everything() -> None:
    """Raw texts, comments and trimmed spaces included."""
    source = "a\n{{- `r\nr` -}}\n\n{{/* c\n */}}b{{ 1 }}"
    assert [token.line for token in tokens(source) if token.kind in ("raw", "number")] == [2, 6]


def test_a_later_definition_takes_the_place_of_an_empty_one() -> None:
    """An empty one does not count as a second."""
    source = '{{ define "x" }} {{ end }}{{ define "x" }}a{{ end }}{{ define "x" }} {{ end }}'
    (text,) = parse(source, ()).defined["x"]
    assert text.text == "a"  # type: ignore[union-attr]
