"""What several fields of a message have to be together; each rule sees a message whose fields alone are valid."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from injector.core.errors import Path

Findings: TypeAlias = Iterator[tuple[Path, str]]

_STATUS = re.compile(r"[1-5]\d\d")
_ANSWERS = ("route", "redirect", "directResponse")
# Istio keeps these names of headers for the fields of the same name.
_SPECIAL_HEADERS = ("uri", "scheme", "method", "authority")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
RETRY_CONDITIONS = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "refused-stream",
    "retriable-4xx",
    "retriable-status-codes",
    "envoy-ratelimited",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
# What only a forwarded request has.
_OF_FORWARDING = ("rewrite", "timeout", "retries", "mirror", "mirrors", "fault")


def server_security(server: Mapping[str, Any]) -> Findings:
    """HTTPS needs a certificate; the other protocols have nothing but the redirect to HTTPS."""
    tls = {name: value for name, value in (server.get("tls") or {}).items() if value is not None}
    if server["port"]["protocol"].upper() != "HTTPS":
        for name in tls:
            if name != "httpsRedirect":
                yield (
                    ("tls", name),
                    f"belongs to protocol HTTPS, not {server['port']['protocol']}; valid: httpsRedirect",
                )
        return
    if tls.get("httpsRedirect"):
        yield ("tls", "httpsRedirect"), "belongs to a server of protocol HTTP, not HTTPS"
    if tls.get("mode") != "SIMPLE":
        yield ("tls", "mode"), "is missing; protocol HTTPS needs mode SIMPLE"
    yield from _certificate(tls)


def _certificate(tls: Mapping[str, Any]) -> Findings:
    files = [name for name in ("serverCertificate", "privateKey") if name in tls]
    if "credentialName" in tls:
        for name in files:
            yield ("tls", name), "cannot stand beside 'credentialName'; valid: one way to name the certificate"
    elif len(files) < 2:  # noqa: PLR2004 -- certificate and key
        yield ("tls", "credentialName"), "is missing; valid: the name of a Secret, or serverCertificate and privateKey"


def one_way_to_answer(route: Mapping[str, Any]) -> Findings:
    """A route forwards, redirects or answers; what belongs to forwarding stands nowhere else."""
    answers = [name for name in _ANSWERS if name in route]
    if not answers or route.get("route") == []:
        yield ("route",), f"is missing; valid: one of {', '.join(_ANSWERS)}"
    for name in answers[1:]:
        yield (name,), f"cannot stand beside {answers[0]!r}; valid: one of {', '.join(_ANSWERS)}"
    if "route" in route or not answers:
        return
    for name in _OF_FORWARDING:
        if name in route:
            yield (name,), f"has no effect beside {answers[0]!r}; valid: together with 'route'"


def weights(route: Mapping[str, Any]) -> Findings:
    """Several destinations share by weight, one at least with a weight above zero."""
    destinations = route.get("route") or []
    if len(destinations) > 1 and not sum(each.get("weight") or 0 for each in destinations):
        yield ("route",), "has several destinations of weight 0; valid: weights of which one at least is above 0"


def redirect_target(redirect: Mapping[str, Any]) -> Findings:
    """A redirect changes something, or the client would come back for ever."""
    if not any(name in redirect for name in ("uri", "authority", "scheme", "port")):
        yield (), "leads nowhere; valid: one at least of uri, authority, scheme, port"


def match_conditions(match: Mapping[str, Any]) -> Findings:
    """Conditions that Istio would ignore."""
    for field in ("headers", "withoutHeaders"):
        for name in match.get(field) or {}:
            if name in _SPECIAL_HEADERS:
                yield (field, name), f"is not a header; valid: the field {name!r} of the match"
    uri = match.get("uri") or {}
    if match.get("ignoreUriCase") and "regex" in uri:
        yield ("ignoreUriCase",), "has no effect on a regex; valid: (?i) at its beginning"


def something_to_match(match: Mapping[str, Any]) -> Findings:
    """Only the presence of a header or a query parameter is a condition without a text."""
    if not match:
        yield (), "matches nothing; valid: one of exact, prefix, regex"


def header_names(operations: Mapping[str, Any]) -> Findings:
    """The host of a request is no header that could be added or removed."""
    fields: Iterable[tuple[str, Any]] = (("add", operations.get("add")), ("remove", operations.get("remove")))
    for field, names in fields:
        for index, name in enumerate(names or ()):
            if name.lower() == "host":
                step = name if field == "add" else index
                yield (field, step), "cannot be added or removed; valid: 'set', or rewrite.authority"


def check_retry_conditions(text: str) -> None:
    """Raises ValueError where `text` is no list of conditions and statuses, separated by commas."""
    for condition in text.split(","):
        if condition.strip() not in RETRY_CONDITIONS and not _STATUS.fullmatch(condition.strip()):
            raise ValueError(f"a list of statuses and of {', '.join(RETRY_CONDITIONS)}")
