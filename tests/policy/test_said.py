"""What of the template language is said in CEL stands in tables: all of it, and with what it needs."""

from pathlib import Path

import pytest
import re2
import yaml

from injector.core.duration import nanoseconds
from injector.core.render.context import SCOPE_NAMES
from injector.core.render.declarations import TYPES
from injector.core.render.functions import FILTERS as OWN_FILTERS
from injector.core.render.jinja import JINJA_FILTERS
from injector.core.render.template_set import TemplateSet
from injector.policy import PolicyFault, say
from injector.policy.annotation_types import READINGS, Reading
from injector.policy.cel import Name
from injector.policy.evaluation import Evaluation
from injector.policy.filters import FILTERS, METHODS, TESTS, trimmed
from injector.policy.scope import SAID, UNSAID
from tests.policy.pods import HOSTILE
from tests.support import setup_of


def test_every_filter_is_in_the_table() -> None:
    assert set(FILTERS) == {*JINJA_FILTERS, *OWN_FILTERS}


def test_every_test_is_in_the_table() -> None:
    environment = TemplateSet({}, OWN_FILTERS)._jinja.general._language.environment  # noqa: SLF001 -- its own tests
    assert set(TESTS) == set(environment.tests)


def test_every_name_in_scope_is_in_one_of_the_tables() -> None:
    assert {*SAID, *UNSAID} == SCOPE_NAMES
    assert not set(SAID) & set(UNSAID)


def test_what_is_not_said_says_why() -> None:
    assert all(row.note for rows in (FILTERS, TESTS, METHODS) for row in rows.values() if row.say is None)


def test_every_type_of_annotation_is_in_the_table() -> None:
    assert set(READINGS) == set(TYPES)


TEXTS = (
    *HOSTILE,
    *("1", "-1", "+1", "999999999999999999", "9999999999999999999", "1 ", "1\n", "٣", "t", "F", "yes", "65535", "0x10"),
    *(
        "a",
        "a-b",
        "-a",
        "a" * 63,
        "a" * 64,
        "A",
        "1h30m",
        "0",
        "-0",
        "1.5s",
        ".5s",
        "5",
        "1e3",
        "1Ki",
        "1E2",
        "1e",
        "5µs",
    ),
    *("a,b", " a , ,b ", "\x85a\u3000", "9" * 7 + "s"),
)


def valid(kind: str, text: str) -> bool:
    try:
        TYPES[kind].read(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("kind", [kind for kind, reading in READINGS.items() if isinstance(reading, Reading)])
def test_an_annotation_is_read_as_the_webhook_reads_it(kind: str) -> None:
    reading = READINGS[kind]
    assert isinstance(reading, Reading)
    for text in TEXTS:
        evaluation = Evaluation({"text": text}, {})
        is_valid = evaluation.value(reading.valid(Name("text")))
        if kind == "duration" and valid(kind, text) and not is_valid:
            assert max(map(len, re2.findall("[0-9]+", text))) > 6, text
            assert nanoseconds(text)
            continue
        assert is_valid == valid(kind, text), text
        if is_valid:
            assert evaluation.value(reading.value(Name("text"))) == TYPES[kind].read(text), text


def test_text_is_trimmed_as_python_does() -> None:
    every = [chr(code) for code in range(0x3100) if chr(code).isspace()]
    for blank in every:
        text = f"{blank}a {blank} b{blank}"
        assert Evaluation({"text": text}, {}).value(trimmed(Name("text"))) == text.strip()
    for other in ("\u200b", "\ufeff", "\u180e"):
        assert Evaluation({"text": other}, {}).value(trimmed(Name("text"))) == other


CONTAINER = "spec: {{containers: [{{name: side, image: s, args: [{}]}}]}}"
UNSAYABLE = {
    "unknown function": ("{{ pod_ports() }}", "pod_ports()", "CEL has no JSON"),
    "filter": ('{{ annotation("a") | title }}', 'annotation("a") | title', "title case"),
    "lower of any text": ('{{ annotation("a") | lower }}', 'annotation("a") | lower', "ASCII letters only"),
    "proxy image": ("{{ proxy_image }}", "proxy_image", "ProxyConfig"),
    "json": ('{{ annotation("a", type="json") }}', 'annotation("a", type="json")', "no JSON"),
    "missing key": ('{{ pod.spec.containers[0].get("image").x }}', "get", "may be absent"),
    "text of a number with a fraction": ("{{ 1.5 * pod.spec.containers | length }}", "*", "whole numbers"),
    "sorted by case": ('{{ annotation("a").split(",") | sort | join }}', "sort", "case_sensitive=true"),
}


@pytest.mark.parametrize("name", UNSAYABLE)
def test_what_cannot_be_said_names_line_expression_and_why(name: str, tmp_path: Path) -> None:
    argument, shown, why = UNSAYABLE[name]
    template = "# first line\n" + CONTAINER.format(f"'{argument}'")
    setup = setup_of(tmp_path, yaml.safe_dump({"templates": {"side": template}}))
    fault = say(setup.config, "side")
    assert isinstance(fault, PolicyFault), fault
    assert fault.line == 2
    assert shown in fault.expression
    assert why in fault.why
