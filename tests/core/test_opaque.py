"""A text with holes may be copied and joined, and nothing else."""

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from injector.core.opaque import MARK, Inspected, Nonce, Opaque, filled, is_name, json_text, most_characters


def name() -> Any:
    """A name of which nothing is known; no constant, as pytest looks into those."""
    return Opaque(f"{MARK}N")


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "equality": lambda text: text == "web-0",
    "equality, the other way": lambda text: "web-0" == text,  # noqa: SIM300
    "inequality": lambda text: text != "web-0",
    "order": lambda text: sorted([text, "web-0"]),
    "a place in a list": lambda text: text in ["web-0", "web-1"],
    "a place in a mapping": {"web-0": 1}.get,
    "a key": lambda text: {text: 1},
    "length": len,
    "characters": list,
    "a slice": lambda text: text[:3],
    "what is in it": lambda text: "web" in text,
    "a method": lambda text: text.upper(),
    "a string": str,
    "formatting": lambda text: f"{text}",
    "a number": int,
    "repetition": lambda text: text * 2,
    "joining with a number": lambda text: text + 1,
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_whoever_looks_is_stopped(question: Callable[[Any], Any]) -> None:
    with pytest.raises(Inspected):
        question(name())


@pytest.mark.parametrize(
    "look", [orjson.dumps, "web".startswith, re.compile("web").match], ids=["JSON", "prefix", "pattern"]
)
def test_c_code_finds_no_string(look: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        look(name())


def test_what_every_text_answers_alike_may_be_asked() -> None:
    assert isinstance(name(), str)
    assert name()
    assert name() is not None
    assert name() == name()
    assert Opaque(f"{MARK}N") == name()
    assert name() not in (None, 0, [])
    assert is_name(name())
    assert not is_name("data-" + name())


def test_joined_texts_are_filled() -> None:
    joined = {"claims": ["data-" + name(), name() + "." + name(), "plain", 7]}
    assert filled(joined, {"N": "web-3"}) == {"claims": ["data-web-3", "web-3.web-3", "plain", 7]}


def test_json_has_the_holes_of_its_texts() -> None:
    written: Any = json_text([{"name": name(), "quoted": 'a"b'}])
    assert filled(written, {"N": "web-3"}) == '[{"name":"web-3","quoted":"a\\"b"}]'
    assert json_text(["plain"]) == '["plain"]'


def test_what_no_name_has_is_counted() -> None:
    written: Any = json_text([{"name": name()}, {"name": name()}])
    assert written.count("{") == 2
    with pytest.raises(Inspected):
        written.count("a")
    with pytest.raises(Inspected):
        written.count("")


def test_the_longest_name_counts() -> None:
    assert most_characters(["four", "data-" + name()]) >= len("four") + len("data-") + 63
    assert most_characters(["four"]) == 4


def nonce(*, may_know: bool = False) -> Any:
    return Nonce(f"kube-api-access-{MARK}V", "kube-api-access-", lambda: may_know)


def test_a_nonce_is_none_of_the_names_that_people_give() -> None:
    assert nonce() != "data"
    assert nonce() == nonce()
    assert {nonce(): 1, "data": 2}[nonce()] == 1
    with pytest.raises(Inspected):
        assert nonce() == "kube-api-access-x7k2p"


def test_a_nonce_is_no_key_where_its_prefix_may_be_known() -> None:
    with pytest.raises(Inspected):
        hash(nonce(may_know=True))
