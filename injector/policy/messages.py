"""Messages of a policy that quote a value of the pod, in the words of the webhook."""

from injector.core.errors import LONGEST_QUOTE
from injector.policy.cel import (
    Expression,
    Literal,
    Operation,
    choice,
    conjunction,
    method,
    negation,
    plus,
    size,
)

# What `repr` writes otherwise, a backslash first. Other control characters are left as they are.
_ESCAPED = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


def quoted_text(text: Expression) -> Expression:
    """A text of the pod as `core.errors.quoted` shows it: in quotes, and cut where it is long."""
    longest = Literal(LONGEST_QUOTE - 3)
    is_short = Operation("<", (size(text), Literal(LONGEST_QUOTE - 1)))
    cut = plus(_in_quotes(method(text, "substring", Literal(0), longest)), Literal("…"))
    return choice(is_short, _in_quotes(text), cut)


def _in_quotes(text: Expression) -> Expression:
    escaped = text
    for character, written in _ESCAPED:
        escaped = method(escaped, "replace", Literal(character), Literal(written))
    has_single, has_double = (method(text, "contains", Literal(sign)) for sign in ("'", '"'))
    single = method(escaped, "replace", Literal("'"), Literal("\\'"))
    in_double = plus(Literal('"'), escaped, Literal('"'))
    return choice(conjunction(has_single, negation(has_double)), in_double, plus(Literal("'"), single, Literal("'")))
