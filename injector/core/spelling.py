"""Annotations and labels that look like the injector's but are not: a warning with the nearest known name."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from injector.core.catalogue import ANNOTATIONS, LABELS, Entry
from injector.core.model import Pod
from injector.core.pods import annotations, labels

# Families of which every name is known here; in other families of istio.io nobody can tell.
FAMILIES = frozenset(
    "sidecar.istio.io traffic.sidecar.istio.io status.sidecar.istio.io readiness.status.sidecar.istio.io "
    "proxy.istio.io inject.istio.io prometheus.istio.io istio.io".split()
)
_NEAR_FAMILY, _NEAR_NAME = 0.85, 0.6


def misspelt(pod: Pod) -> list[str]:
    """One warning for each annotation or label of a known family, or nearly of one, whose name is not known."""
    return [
        *_warnings("annotation", annotations(pod), ANNOTATIONS, LABELS),
        *_warnings("label", labels(pod), LABELS, ANNOTATIONS),
    ]


def _warnings(
    word: str, names: Mapping[str, str], known: Mapping[str, Entry], elsewhere: Mapping[str, Entry]
) -> Iterator[str]:
    other = "label" if word == "annotation" else "annotation"
    for name in names:
        if name in known or "/" not in name or "io/" not in name:
            continue
        if name in elsewhere:
            yield f'{word} "{name}" has no effect: make it {"a label" if other == "label" else "an annotation"}'
            continue
        family = _family(name.partition("/")[0])
        if family:
            nearest = _nearest(name, family, known)
            yield f'{word} "{name}" is not known' + (f'; did you mean "{nearest}"?' if nearest else "")


def _family(prefix: str) -> str | None:
    if prefix in FAMILIES:
        return prefix
    if prefix.endswith(".istio.io"):
        near = [family for family in FAMILIES if family.count(".") == prefix.count(".")]
        return next(iter(get_close_matches(prefix, near, 1, _NEAR_FAMILY)), None)
    return next(iter(get_close_matches(prefix, FAMILIES, 1, _NEAR_FAMILY)), None) if "istio" in prefix else None


def _nearest(name: str, family: str, known: Mapping[str, Entry]) -> str | None:
    tail = name.partition("/")[2].lower()
    of_family = {each.partition("/")[2].lower(): each for each in known if each.startswith(f"{family}/")}
    close = get_close_matches(tail, of_family, 1, _NEAR_NAME)
    if close:
        return of_family[close[0]]
    anywhere = {each.partition("/")[2].lower(): each for each in known if "istio.io/" in each}
    close = get_close_matches(tail, anywhere, 1, _NEAR_FAMILY)
    return anywhere[close[0]] if close else None
