"""The HTTP filters, and what a route sets for them: corsPolicy and fault."""

from injector.core.model import JsonObject
from injector.core.proxy_config.parse import SECOND, duration_text, nanoseconds
from injector.gateway.envoy.match import string_matcher

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.http"
_CORS, _FAULT, _ROUTER = (f"envoy.filters.http.{name}" for name in ("cors", "fault", "router"))


def http_filters() -> list[JsonObject]:
    """The filters in their order; without a route's settings the first two do nothing."""
    return [
        {"name": _CORS, "typed_config": {"@type": f"{_EXTENSIONS}.cors.v3.Cors"}},
        {"name": _FAULT, "typed_config": {"@type": f"{_EXTENSIONS}.fault.v3.HTTPFault"}},
        router(),
    ]


def router() -> JsonObject:
    """The last filter."""
    return {"name": _ROUTER, "typed_config": {"@type": f"{_EXTENSIONS}.router.v3.Router"}}


def filter_settings(rule: JsonObject) -> JsonObject:
    """Filter to its settings for one route."""
    settings: JsonObject = {}
    if "corsPolicy" in rule:
        settings[_CORS] = {"@type": f"{_EXTENSIONS}.cors.v3.CorsPolicy", **_cors_policy(rule["corsPolicy"])}
    if "fault" in rule:
        settings[_FAULT] = {"@type": f"{_EXTENSIONS}.fault.v3.HTTPFault", **_fault(rule["fault"])}
    return settings


def fraction(percentage: float) -> JsonObject:
    """A percentage as parts of a million."""
    return {"numerator": round(percentage * 10_000), "denominator": "MILLION"}


def _cors_policy(policy: JsonObject) -> JsonObject:
    fields = {
        "allow_origin_string_match": [string_matcher(origin) for origin in policy.get("allowOrigins", ())],
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


def _fault(fault: JsonObject) -> JsonObject:
    """A share that is not given is all requests."""
    found: JsonObject = {}
    if delay := fault.get("delay"):
        found["delay"] = {"fixed_delay": duration_text(nanoseconds(delay["fixedDelay"])), "percentage": _share(delay)}
    if abort := fault.get("abort"):
        found["abort"] = {"http_status": abort["httpStatus"], "percentage": _share(abort)}
    return found


def _share(given: JsonObject) -> JsonObject:
    return fraction((given.get("percentage") or {"value": 100})["value"])
