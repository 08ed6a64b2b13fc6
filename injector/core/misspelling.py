"""Annotations and labels that look like one that is read here, but are not: a warning with the nearest known name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from injector.core.annotations import ANNOTATIONS, FAMILIES, LABELS, Row
from injector.core.errors import LONGEST_WARNING, nearest

_NEAR_FAMILY, _NEAR_NAME = 0.85, 0.6
# Names with a prefix that might be meant for a family, one a line. Each part is as long as Kubernetes lets a prefix be,
# so that the expression looks at a name once, however long it is.
_SUSPECT = re.compile(r"^(?=[^/\n]{0,253}(?:istio|sidecar-injector))[^/\n]{1,253}/.+$", re.MULTILINE)
# To find the nearest of all names takes as long as to inject a pod.
_MOST_LOOKED_AT, _MOST_NAMED = 5, 4


_NONE: Mapping[str, frozenset[str]] = {}


def by_domain(names: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """The names of annotations that have no row in the table, by the domain in front of their slash."""
    others: dict[str, set[str]] = {}
    for name in names:
        domain, slash, _ = name.partition("/")
        if slash and name not in ANNOTATIONS and domain not in FAMILIES:
            others.setdefault(domain, set()).add(name)
    return {domain: frozenset(group) for domain, group in others.items()}


def misspelt(
    annotations: Mapping[str, str], labels: Mapping[str, str], asked: Mapping[str, frozenset[str]] = _NONE
) -> list[str]:
    """Warnings about a pod's annotations and labels of a known family, or nearly of one, whose names are not known.

    `asked` are further annotations, which templates ask for, by domain. Their domains may have others, so that only a
    name near to one of them is warned of.
    """
    return [
        *_warnings("annotation", annotations, ANNOTATIONS, LABELS),
        *_warnings("label", labels, LABELS, ANNOTATIONS),
        *(islice(_near_asked(annotations, asked), _MOST_NAMED) if asked else ()),
    ]


def _near_asked(of_pod: Mapping[str, str], asked: Mapping[str, frozenset[str]]) -> Iterator[str]:
    suspects = (name for name in of_pod if name not in asked.get(name.partition("/")[0], (name,)))
    for name in islice(suspects, _MOST_LOOKED_AT):
        domain, _, tail = name.partition("/")
        absent = sorted(asked[domain] - of_pod.keys())
        meant = nearest(tail, (other.partition("/")[2] for other in absent), _NEAR_NAME)
        if meant:
            yield f'annotation "{name}" is not one that a template asks for; did you mean "{domain}/{meant}"?'


def _warnings(
    word: str, names: Mapping[str, str], known: Mapping[str, Row], elsewhere: Mapping[str, Row]
) -> Iterator[str]:
    unknown = {*_SUSPECT.findall("\n".join(names))} - known.keys()
    left, named = len(unknown), 0
    for name in sorted(unknown)[:_MOST_LOOKED_AT]:
        warning = _misplaced(word, name) if name in elsewhere else _unknown(word, name, known)
        left -= 1
        named += bool(warning)
        if warning:
            yield warning
        if named == _MOST_NAMED:
            break
    if left:
        yield f"{left} more {word}s with unknown names were not looked at"


def _misplaced(word: str, name: str) -> str:
    return f'{word} "{name}" has no effect: make it {"a label" if word == "annotation" else "an annotation"}'


def _unknown(word: str, name: str, known: Mapping[str, Row]) -> str:
    family = _family(name.partition("/")[0])
    if not family:
        return ""
    meant = _nearest(name, family, known)
    warning = f'{word} "{name}" is not known'
    if not meant:
        return warning
    long = f'{warning}; did you mean "{meant}"?'
    return long if len(long) <= LONGEST_WARNING else f'{warning}; did you mean "…/{meant.partition("/")[2]}"?'


def _family(prefix: str) -> str | None:
    if prefix in FAMILIES:
        return prefix
    if prefix.endswith(".istio.io"):
        return nearest(prefix, (each for each in FAMILIES if each.count(".") == prefix.count(".")), _NEAR_FAMILY)
    return nearest(prefix, FAMILIES, _NEAR_FAMILY) if "istio" in prefix else None


def _nearest(name: str, family: str, known: Mapping[str, Row]) -> str | None:
    tail = name.partition("/")[2]
    of_family = {each.partition("/")[2]: each for each in known if each.startswith(f"{family}/")}
    meant = nearest(tail, of_family, _NEAR_NAME)
    if meant:
        return of_family[meant]
    anywhere = {each.partition("/")[2]: each for each in known if "istio.io/" in each}
    meant = nearest(tail, anywhere, _NEAR_FAMILY)
    return anywhere[meant] if meant else None
