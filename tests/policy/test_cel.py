"""Expressions of CEL are written so that no value becomes syntax."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.policy.cel import (
    Call,
    Index,
    Literal,
    Name,
    Operation,
    bound,
    choice,
    conjunction,
    contains,
    disjunction,
    literal_of,
    negation,
    optional_field,
    plus,
    text_of,
)

A, B, C = Name("a"), Name("b"), Name("c")


@given(st.text())
def test_a_text_is_one_literal(value: str) -> None:
    written = text_of(Literal(value))
    assert "\n" not in written
    # JSON reads the escapes of CEL that are written, but for those of eight digits.
    if "\\U" not in written.replace("\\\\", ""):
        assert json.loads(written) == value


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (Index(A, Literal("b")), "a.b"),
        (Index(A, Literal("in")), 'a["in"]'),
        (Index(A, Literal("x.y/z")), 'a["x.y/z"]'),
        (optional_field(A, "b", "c-d"), 'a.?b[?"c-d"]'),
        (Operation("-", (Literal(-1), A)), "(-1) - a"),
        (Call("size", (), Operation("+", (A, B))), "(a + b).size()"),
        (conjunction(A, disjunction(B, C)), "a && (b || c)"),
        (negation(conjunction(A, B)), "!(a && b)"),
        (choice(A, choice(B, Literal(1), Literal(2)), C), "a ? (b ? 1 : 2) : c"),
        (literal_of({"a": [1, None, True], "b": "x"}), '{"a": dyn([dyn(1), dyn(null), dyn(true)]), "b": dyn("x")}'),
        (literal_of({"a": ["x", "y"], "b": 1}), '{"a": dyn(["x", "y"]), "b": dyn(1)}'),
        (literal_of([{"a": {"b": "x"}, "c": {"d": "y"}}]), '[dyn({"a": {"b": "x"}, "c": {"d": "y"}})]'),
        (contains(literal_of(["x", "y"]), A), 'a in ["x", "y"]'),
        (contains(literal_of(["x", 1]), A), 'a in [dyn("x"), dyn(1)]'),
        (bound(plus(A, B), "x", lambda x: plus(x, x)), "[a + b].map(x, x + x)[0]"),
        (Literal("\U000e0001\ue000"), '"\\U000e0001\\ue000"'),
    ],
)
def test_an_expression_is_written_with_its_parentheses(expression: object, written: str) -> None:
    assert text_of(expression) == written  # type: ignore[arg-type]


def test_tests_that_are_known_are_not_written() -> None:
    true, false = Literal(value=True), Literal(value=False)
    assert conjunction(true, A, true) == A
    assert conjunction(A, false, B) == Operation("&&", (A, false))
    assert disjunction() == false
    assert negation(negation(A)) == A
    assert choice(true, A, B) == A
