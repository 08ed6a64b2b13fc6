"""Loops that only place the values of their items are written at once: what they give is what loops give."""

from typing import Any

import pytest

from injector.core.render import RenderingError, TemplateSet
from injector.core.render.functions import FILTERS
from tests.bench.instructions import counted

ENTRIES = """\
spec:
  containers:
  - name: app
    env:
    {% for name, value in entries %}
    - name: "{{ name }}"
      value: "{{ value }}"
    {% endfor %}
    args:
    {% for name, _ in entries %}
    - "{{ name }}"
    {% endfor %}
    - end
"""
LONG = "x" * 5_000


def rendered(source: str, entries: Any) -> dict[str, Any]:
    container: dict[str, Any] = TemplateSet({"t": source}, FILTERS).render("t", {"entries": entries})["spec"][
        "containers"
    ][0]
    return container


@pytest.mark.parametrize(
    "values",
    [[], ["a"], ["a", "b"], ["- x", "a: b\n- c"], [7, True, None, 1.5], ["a", 7], [LONG, "a"], ["{{ x }}", ""],
     [str(number) for number in range(3_000)]],
)  # fmt: skip
def test_each_item_has_its_values(values: list[Any]) -> None:
    entries = [[f"K{number}", value] for number, value in enumerate(values)]
    found = rendered(ENTRIES, entries)
    texts = [value if isinstance(value, str) else {True: "true", None: ""}.get(value, str(value)) for value in values]
    assert found.get("env", []) == [{"name": f"K{number}", "value": text} for number, text in enumerate(texts)]
    assert found["args"] == [*(name for name, _ in entries), "end"]


@pytest.mark.parametrize(
    ("loop", "args"),
    [
        ("{% for k, v in entries %}    - {{ v }}{{ k }}{{ v }}\n{% endfor %}", ["1a1", "2b2"]),
        ("{% for k, v in entries %}    - x\n{% endfor %}", ["x", "x"]),
        ("{% for pair in entries %}    - {{ pair[0] }}\n{% endfor %}", ["a", "b"]),
        ("{% for k, v in entries %}    - {{ k }}\n{% else %}    - none\n{% endfor %}", ["a", "b"]),
        ("{% for k, v in entries if k == 'b' %}    - {{ k }}\n{% endfor %}", ["b"]),
        ("{% for k, v in entries %}    - {{ k }}{{ loop.index }}\n{% endfor %}", ["a1", "b2"]),
        (
            "{% for _ in entries %}{% for k, _ in entries %}    - {{ k }}\n{% endfor %}{% endfor %}",
            ["a", "b", "a", "b"],
        ),
        (
            "{% macro each(x) %}{% for k, _ in x %}    - {{ k }}\n{% endfor %}{% endmacro %}{{ each(entries) }}",
            ["a", "b"],
        ),
        ("{% set k = 'c' %}{% for k, _ in entries %}    - {{ k }}\n{% endfor %}    - {{ k }}", ["a", "b", "c"]),
        ("{% for k, _ in entries %}    - {{ k }}\n{% endfor %}", ["a", "b"]),
        ("{% for k, _ in entries %}{% endfor %}    - x", ["x"]),
    ],
)
def test_other_loops_give_what_they_say(loop: str, args: list[str]) -> None:
    source = f"spec:\n  containers:\n  - name: app\n    args:\n{loop}"
    found = rendered(source, [["a", "1"], ["b", "2"]])
    assert found["args"] == args


@pytest.mark.parametrize("entries", [[["a", "b"], ["c"]], [["a"]], [["a", "b", "c"]], [1], ["abc"]])
def test_items_of_another_width_fail_with_the_line(entries: list[Any]) -> None:
    with pytest.raises(RenderingError, match=r"template 't', line [56]: "):
        rendered(ENTRIES, entries)


def test_what_is_no_text_is_checked_against_the_field() -> None:
    source = ENTRIES.replace('value: "{{ value }}"', "value: {{ value }}")
    assert rendered(source, [["a", "1"], ["b", "2"]])["env"][1] == {"name": "b", "value": "2"}
    with pytest.raises(RenderingError, match=r"env\[1\].value: must be a string, got 2"):
        rendered(source, [["a", "1"], ["b", 2]])


def test_an_item_more_costs_next_to_nothing() -> None:
    def cost(number: int) -> int:
        templates = TemplateSet({"t": ENTRIES.partition("    args:")[0]}, FILTERS)
        for few in (1, 2, 3):
            templates.render("t", {"entries": [["a", "b"]] * few})
        scope = {"entries": [[f"K{each}", "v"] for each in range(number)]}
        return counted(lambda: templates.render("t", scope))

    assert cost(300) - cost(100) < 200 * 30
