"""The HTTP filters of a gateway, in their order, and what a route sets for them: corsPolicy and fault."""

from collections.abc import Iterable
from typing import Any

from injector.core.duration import SECOND, duration_text, nanoseconds
from injector.core.model import JsonObject
from injector.envoy.messages import extension, typed
from injector.gateway.virtual_services import GRPC_STATUSES

_CORS, _FAULT = "filters.http.cors", "filters.http.fault"
_ANY_ORIGIN = {"safe_regex": {"regex": ".*"}}


def http_filters(peers: JsonObject, security: Iterable[JsonObject], *, grpc_web: bool) -> list[JsonObject]:
    """The filters in their order: `peers` sees requests first. CORS and faults do nothing without a route's settings.

    CORS comes first: a browser's preflight carries no credentials, and has to read the headers of a refusal as well.
    """
    web = [extension("filters.http.grpc_web", "filters.http.grpc_web.v3.GrpcWeb")] if grpc_web else []
    return [
        peers,
        *web,
        extension(_CORS, f"{_CORS}.v3.Cors"),
        *security,
        extension(_FAULT, f"{_FAULT}.v3.HTTPFault"),
        router(),
    ]


def router() -> JsonObject:
    """The last filter."""
    return extension("filters.http.router", "filters.http.router.v3.Router")


def filter_settings(rule: JsonObject) -> JsonObject:
    """Filter to its settings for one route."""
    settings: JsonObject = {}
    if "corsPolicy" in rule:
        settings[f"envoy.{_CORS}"] = typed(f"{_CORS}.v3.CorsPolicy", **_cors_policy(rule["corsPolicy"]))
    if fault := _fault(rule.get("fault") or {}):
        settings[f"envoy.{_FAULT}"] = typed(f"{_FAULT}.v3.HTTPFault", **fault)
    return settings


def fraction(percentage: float) -> JsonObject:
    """A percentage as parts of a million."""
    return {"numerator": round(percentage * 10_000), "denominator": "MILLION"}


def _cors_policy(policy: JsonObject) -> JsonObject:
    origins = [_origin(each) for each in policy.get("allowOrigins", ())]
    origins += [_ANY_ORIGIN if each == "*" else {"exact": each} for each in policy.get("allowOrigin", ())]
    fields: dict[str, Any] = {
        "allow_origin_string_match": origins,
        "allow_methods": ",".join(policy.get("allowMethods", ())),
        "allow_headers": ",".join(policy.get("allowHeaders", ())),
        "expose_headers": ",".join(policy.get("exposeHeaders", ())),
        "max_age": str(nanoseconds(policy["maxAge"]) // SECOND) if "maxAge" in policy else "",
    }
    found = {name: value for name, value in fields.items() if value}
    if "allowCredentials" in policy:
        found["allow_credentials"] = policy["allowCredentials"]
    if policy.get("unmatchedPreflights", "UNSPECIFIED") != "UNSPECIFIED":
        found["forward_not_matching_preflights"] = policy["unmatchedPreflights"] == "FORWARD"
    return found


def _origin(condition: JsonObject) -> JsonObject:
    ((kind, value),) = condition.items()
    if condition == {"exact": "*"}:
        return _ANY_ORIGIN
    return {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}


def _fault(fault: JsonObject) -> JsonObject:
    """A share that is not given is all requests; an abort without a status is none."""
    found: JsonObject = {}
    if delay := fault.get("delay"):
        found["delay"] = {"fixed_delay": duration_text(nanoseconds(delay["fixedDelay"])), "percentage": _share(delay)}
    abort = fault.get("abort") or {}
    if "httpStatus" in abort:
        found["abort"] = {"http_status": abort["httpStatus"], "percentage": _share(abort)}
    elif "grpcStatus" in abort:
        status = abort["grpcStatus"]
        number = GRPC_STATUSES.index(status) if status in GRPC_STATUSES else int(status)
        found["abort"] = {"grpc_status": number, "percentage": _share(abort)}
    return found


def _share(given: JsonObject) -> JsonObject:
    percentage = given.get("percentage") or {"value": given.get("percent", 100)}
    return fraction(percentage.get("value", 0))
