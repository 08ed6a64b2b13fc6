"""A text with holes may be copied and joined, and nothing else."""

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.opaque import (
    LONGEST_PART,
    MARK,
    NAME,
    Inspected,
    ItemName,
    Nonce,
    Opaque,
    Part,
    Text,
    Watch,
    filled,
    is_name,
    joined,
    json_text,
    letter_of,
    marked_json,
    most_characters,
    places_in,
)
from tests.thoroughness import tried


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


_NAMES = st.from_regex(re.compile(f"(?:{NAME})", re.ASCII), fullmatch=True)
_LITERALS = st.text(alphabet="ab-.$(_)A/é", max_size=5)
UNDERSCORES = {ord(character): "_" for character in "A/é"}
UNSEEN: dict[str, Callable[[Any], Any]] = {
    "dollars": lambda text: text.replace("$", "$$"),
    "a longer one": lambda text: text.replace("$(", ""),
    "a capital": lambda text: text.replace("A", "a"),
    "underscores": lambda text: text.translate(UNDERSCORES),
    "the whole": lambda text: text[:300],
    "an end": lambda text: (text + ".shop").removesuffix(".shop"),
    "an end that it has not": lambda text: (text + ".shop").removesuffix("-shop"),
}


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN.keys())
@tried(1_000, sample=100)
@given(st.tuples(_LITERALS, _LITERALS, _LITERALS), _NAMES, _NAMES)
def test_what_changes_no_name_is_done_around_names(
    change: Callable[[Any], Any], literals: tuple[str, str, str], first: str, second: str
) -> None:
    before, between, after = literals
    text = before + Opaque(f"{MARK}N") + between + Opaque(MARK + letter_of(7)) + after
    assert filled(change(text), {"N": first, letter_of(7): second}) == change(before + first + between + second + after)


CHANGING: dict[str, Callable[[Any], Any]] = {
    "a letter": lambda text: text.replace("a", "b"),
    "a dash among others": lambda text: text.replace("$-", ""),
    "nothing": lambda text: text.replace("", "-"),
    "a digit": lambda text: text.translate({ord("7"): None}),
    "fewer than there may be": lambda text: text[:62],
    "without the first": lambda text: text[1:],
    "each second": lambda text: text[:300:2],
    "the last": lambda text: text[:-1],
    "one": lambda text: text[300],
    "an end": lambda text: text.removesuffix("p"),
    "more than the end": lambda text: (text + "hop").removesuffix("shop"),
    "an end that nobody knows": lambda text: ("web-0" + text).removesuffix(text),
    "an end that may be there": lambda text: (text + "web-0").removesuffix(text),
}


@pytest.mark.parametrize("change", CHANGING.values(), ids=CHANGING.keys())
def test_what_may_change_a_name_is_not_done(change: Callable[[Any], Any]) -> None:
    with pytest.raises(Inspected):
        change(name())


def test_as_much_as_a_name_may_have_is_all_of_it() -> None:
    assert name()[:63] == name()
    with pytest.raises(Inspected):
        _ = ("a" + name())[:63]


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


def test_what_a_text_cannot_begin_with_it_does_not_equal() -> None:
    assert "/app-health/" + name() != "/ready"
    with pytest.raises(Inspected):
        _ = "/app-health/" + name() == "/app-health/web"


def test_texts_are_in_order_where_their_holes_do_not_decide() -> None:
    alike = ["/a/" + name() + "/readyz", "/a/" + name() + "/livez", "/a/" + name()]
    assert [text.marked for text in sorted(alike)] == [f"/a/{MARK}N", f"/a/{MARK}N/livez", f"/a/{MARK}N/readyz"]
    for other in ("web", Opaque(f"{MARK}M"), ""):
        with pytest.raises(Inspected):
            _ = name() < other


def test_names_are_joined() -> None:
    assert joined(["a", 1], "-") == "a-1"
    assert joined(["a", name()], ",") == Opaque(f"a,{MARK}N")


def test_json_with_holes_has_sorted_keys_where_that_is_asked() -> None:
    watch = Watch()
    web = ItemName(0, "web", watch)
    text = json_text({web + "/z": {"b": 1, "a": 2}, web + "/c": 3}, is_sorted=True)
    hole = MARK + letter_of(0)
    assert text == Opaque(f'{{"{hole}/c":3,"{hole}/z":{{"a":2,"b":1}}}}')


def test_a_comparison_is_noted_as_long_as_it_fails() -> None:
    watch = Watch()
    text, part = Text(3, "web", watch), Part(4, "a b", watch, is_sized=False)
    assert text != "shop"
    assert part != "shop"
    assert part != 1
    assert watch.different == [(3, "shop"), (4, "shop"), (4, 1)]
    for value, same in ((text, "web"), (part, "a b")):
        with pytest.raises(Inspected) as looked:
            _ = value == same
        assert places_in(looked.value.args[0]) == [3 if value is text else 4]


def test_names_of_items_are_keys_but_not_in_templates() -> None:
    watch = Watch()
    web = ItemName(1, "web", watch)
    assert {web: 1, "shop": 2}[web] == 1
    assert web not in {"shop", "web"}, "whoever has the keys has to know of them"
    watch.is_rendering = True
    for key in (web, "a-" + web, web + "-a"):
        with pytest.raises(Inspected):
            hash(key)


PART_QUESTIONS: dict[str, Callable[[Any], Any]] = {
    name: question for name, question in QUESTIONS.items() if "equality" not in name and name != "a place in a list"
}


@pytest.mark.parametrize("question", PART_QUESTIONS.values(), ids=PART_QUESTIONS.keys())
@pytest.mark.parametrize("value", ["web", ["web"], {"web": 1}], ids=["text", "list", "mapping"])
def test_whoever_looks_at_a_part_is_stopped(question: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(Inspected):
        question(Part(0, value, Watch(), is_sized=False))


def test_of_a_part_its_type_is_known_whether_it_is_empty_and_its_size_if_asked() -> None:
    part = Part(0, ["web"], Watch(), is_sized=True)
    assert isinstance(part, list)
    assert part
    assert len(part) == 1
    assert not Part(0, [], Watch(), is_sized=False)
    assert most_characters([Part(0, "web", Watch(), is_sized=False)]) == LONGEST_PART
    with pytest.raises(Inspected) as looked:
        len(Part(7, ["web"], Watch(), is_sized=False))
    assert (places_in(looked.value.args[0]), looked.value.args[1]) == ([7], "size")
    with pytest.raises(Inspected):
        marked_json({"a": [part]})
