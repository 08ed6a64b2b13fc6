"""What can be wrong with a value of each type: generators of paths below the key, each with a message."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from injector.config.faults import Path
from injector.config.names import unknown_key
from injector.core.labels import parse_selector

Findings: TypeAlias = Iterator[tuple[Path, str]]

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SELECTOR_KEYS = ("matchLabels", "matchExpressions")
_EXPRESSION_KEYS = ("key", "operator", "values")


def wrong(expected: str, value: Any) -> str:
    """The message for a value of another type than the expected one."""
    return f"has to be {expected}, not {value!r}"


def checked(expected: str, accepts: Callable[[Any], bool]) -> Callable[[Any], Findings]:
    """A check that yields what was `expected` where `accepts` refuses the value."""

    def findings(value: Any) -> Findings:
        if not accepts(value):
            yield (), wrong(expected, value)

    return findings


def texts(value: Any) -> Findings:
    """A list whose every item is text."""
    if not isinstance(value, list):
        yield (), wrong("a list of texts", value)
        return
    for index, item in enumerate(value):
        if not isinstance(item, str):
            yield (index,), wrong("text", item)


def text_map(value: Any) -> Findings:
    """A mapping whose every value is text; a null takes an entry away."""
    if not isinstance(value, dict):
        yield (), wrong("a mapping of texts to texts", value)
        return
    for key, item in value.items():
        if item is not None and not isinstance(item, str):
            yield (key,), wrong("text", item)


def templates(value: Any) -> Findings:
    """A mapping of texts without an empty name."""
    yield from text_map(value)
    if isinstance(value, dict) and "" in value:
        yield ("",), "the name of a template cannot be empty"


def aliases(value: Any) -> Findings:
    """A mapping of lists of texts without an empty name; a null takes an entry away."""
    if not isinstance(value, dict):
        yield (), wrong("a mapping of names to lists of template names", value)
        return
    for name, names in value.items():
        if not name:
            yield (name,), "the name of an alias cannot be empty"
        if names is not None:
            yield from (((name, *path), message) for path, message in texts(names))


def selectors(value: Any) -> Findings:
    """A list of Kubernetes label selectors, their keys spelt right."""
    if not isinstance(value, list):
        yield (), wrong("a list of label selectors", value)
        return
    for index, selector in enumerate(value):
        unknown = list(_unknown_selector_keys(selector))
        yield from (((index, *path), message) for path, message in unknown)
        if not unknown:
            yield from (((index,), message) for message in _selector_faults(selector))


def _unknown_selector_keys(selector: Any) -> Findings:
    if not isinstance(selector, dict):
        return
    yield from (((key,), unknown_key(key, _SELECTOR_KEYS)) for key in selector if key not in _SELECTOR_KEYS)
    expressions = selector.get("matchExpressions")
    for index, expression in enumerate(expressions if isinstance(expressions, list) else []):
        for key in expression if isinstance(expression, dict) else ():
            if key not in _EXPRESSION_KEYS:
                yield ("matchExpressions", index, key), unknown_key(key, _EXPRESSION_KEYS)


def _selector_faults(selector: Any) -> list[str]:
    try:
        parse_selector(selector)
    except ValueError as error:
        return [str(error)]
    return []


def revision(value: Any) -> Findings:
    """Empty, or a DNS label: a revision becomes part of the names of Kubernetes objects."""
    if not isinstance(value, str) or (value and not DNS_LABEL.fullmatch(value)):
        yield (), wrong("a DNS label (lower-case letters, digits and '-', at most 63)", value)


def revisions(value: Any) -> Findings:
    """A list whose every item is a DNS label."""
    if not isinstance(value, list):
        yield (), wrong("a list of DNS labels", value)
        return
    for index, item in enumerate(value):
        found = revision(item) if item else iter([((), wrong("a DNS label", item))])
        yield from (((index,), message) for _, message in found)


def providers(value: Any) -> Findings:
    """A list of mappings with a name: providers are merged by that name (reference 3.3)."""
    if not isinstance(value, list):
        yield (), wrong("a list of extension providers", value)
        return
    for index, provider in enumerate(value):
        if not isinstance(provider, dict) or not isinstance(provider.get("name"), str) or not provider["name"]:
            yield (index,), wrong("a mapping with a name", provider)
