"""`--set` in Helm's syntax."""

from typing import Any

import pytest

from injector.config.flags import FlagFault, apply_assignments, parse_flag


@pytest.mark.parametrize(
    ("flag", "document"),
    [
        ("a=b", {"a": "b"}),
        ("a.b=c", {"a": {"b": "c"}}),
        ("a=1,b=-2,c=0", {"a": 1, "b": -2, "c": 0}),
        ("a=true,b=False,c=null", {"a": True, "b": False, "c": None}),
        ("a=007,b=1.5,c=99999999999999999999", {"a": "007", "b": "1.5", "c": "99999999999999999999"}),
        ("a=,b=c", {"a": "", "b": "c"}),
        ("a=b,", {"a": "b"}),
        ("a=b=c", {"a": "b=c"}),
        (r"a\.b=c", {"a.b": "c"}),
        (r"a=b\,c", {"a": "b,c"}),
        (r"a=\{b\}", {"a": "{b}"}),
        (r"a=b\\c", {"a": "b\\c"}),
        ('a="1"', {"a": '"1"'}),
        ("a={b,1,true}", {"a": ["b", 1, True]}),
        ("a={b, c}", {"a": ["b", "c"]}),
        ("a={},b=[]", {"a": [], "b": []}),
        (r"a={b\,c,d}", {"a": ["b,c", "d"]}),
        ("a={b},c=d", {"a": ["b"], "c": "d"}),
        ("a[0]=b", {"a": ["b"]}),
        ("a[1]=b", {"a": [None, "b"]}),
        ("a[0].b=c,a[0].d=e", {"a": [{"b": "c", "d": "e"}]}),
        ("a[0][1]=b", {"a": [[None, "b"]]}),
        ("a[0]={b,c}", {"a": [["b", "c"]]}),
        (r"nodeSelector.kubernetes\.io/role=main", {"nodeSelector": {"kubernetes.io/role": "main"}}),
    ],
)
def test_a_flag_means_what_it_means_to_helm(flag: str, document: dict[str, Any]) -> None:
    """Over nothing."""
    assert apply_assignments({}, parse_flag(flag)) == document


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("", "nothing to set"),
        ("a", "key 'a' has no value"),
        ("a,b=c", "key 'a' has no value"),
        ("=b", "a key is missing before '='"),
        ("a..b=c", "a key is missing before '.'"),
        ("a={b", "a list does not end"),
        ("a={b}c", "after the list comes 'c'"),
        ("a[x]=b", "index 'x' is not valid"),
        ("a[-1]=b", "index '-1' is not valid"),
        ("a[70000]=b", "index '70000' is not valid"),
        ("a[0=b", "index '0=b' is not valid"),
        ("a[0]b=c", "after an index comes 'b'"),
        ("a[0].b", "key 'b' has no value"),
    ],
)
def test_a_flag_that_cannot_be_understood_is_refused(flag: str, message: str) -> None:
    """The message says what is wrong and what would be valid."""
    with pytest.raises(FlagFault, match="valid:") as caught:
        parse_flag(flag)
    assert message in str(caught.value)


def test_flags_change_what_is_there_and_leave_the_rest() -> None:
    """Items of lists, entries of mappings; the given document itself stays as it is."""
    base = {"a": [{"b": 1, "c": 2}], "d": {"e": 3}}
    assert apply_assignments(base, parse_flag("a[0].b=x,d.f=y")) == {"a": [{"b": "x", "c": 2}], "d": {"e": 3, "f": "y"}}
    assert base == {"a": [{"b": 1, "c": 2}], "d": {"e": 3}}


@pytest.mark.parametrize("flag", ["a.b=c", "a[0]=c"])
def test_a_path_cannot_lead_through_a_scalar(flag: str) -> None:
    """What stands there is named."""
    with pytest.raises(FlagFault, match="but 'text' stands there"):
        apply_assignments({"a": "text"}, parse_flag(flag))
