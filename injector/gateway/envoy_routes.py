"""Route → Envoy's Route: forward, redirect, or answer."""

from typing import Any

from injector.core.duration import SECOND, duration_text, nanoseconds
from injector.core.model import JsonObject
from injector.gateway.envoy_clusters import cluster_name
from injector.gateway.model import Route

# Headers (set, add, remove on request and response) → the fields of the same purpose of a route or a cluster.

_OPERATIONS = (("set", "OVERWRITE_IF_EXISTS_OR_ADD"), ("add", "APPEND_IF_EXISTS_OR_ADD"))
_HOST = "host"


def header_fields(headers: JsonObject | None) -> JsonObject:
    """`request_headers_to_add` and its like, as far as there is something to do. Setting `Host` is not among them."""
    fields: JsonObject = {}
    for direction in ("request", "response"):
        operations = (headers or {}).get(direction) or {}
        added = [
            {"header": {"key": name, "value": value}, "append_action": action}
            for operation, action in _OPERATIONS
            for name, value in (operations.get(operation) or {}).items()
            if name.lower() != _HOST
        ]
        if added:
            fields[f"{direction}_headers_to_add"] = added
        if operations.get("remove"):
            fields[f"{direction}_headers_to_remove"] = operations["remove"]
    return fields


def host_rewrite(headers: JsonObject | None, rewrite: JsonObject | None = None) -> JsonObject:
    """The host of the forwarded request where a rewrite or the request's `Host` header sets one."""
    added = ((headers or {}).get("request") or {}).get("set") or {}
    host = next((value for name, value in added.items() if name.lower() == _HOST), None)
    host = (rewrite or {}).get("authority", host)
    return {} if host is None else {"host_rewrite_literal": host}


# HTTPMatchRequest → RouteMatch.

_PSEUDO_HEADERS = ("scheme", "method", "authority")


def route_match(match: JsonObject) -> JsonObject:
    """The conditions on path, headers and query of one match; none at all is any path."""
    found = _path(match.get("uri"))
    if match.get("ignoreUriCase"):
        found["case_sensitive"] = False
    headers = [*_pseudo_headers(match), *_headers(match)]
    if headers:
        found["headers"] = headers
    if match.get("queryParams"):
        found["query_parameters"] = [_query(name, text) for name, text in match["queryParams"].items()]
    return found


def string_matcher(text: JsonObject) -> JsonObject:
    """A condition on a text: exact, prefix or regex (of the whole text)."""
    ((kind, value),) = text.items()
    return {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}


def _path(uri: JsonObject | None) -> JsonObject:
    if not uri:
        return {"prefix": "/"}
    return {"path": uri["exact"]} if "exact" in uri else string_matcher(uri)


def _pseudo_headers(match: JsonObject) -> list[JsonObject]:
    return [_header(f":{name}", match[name]) for name in _PSEUDO_HEADERS if name in match]


def _headers(match: JsonObject) -> list[JsonObject]:
    wanted = [_header(name, text) for name, text in (match.get("headers") or {}).items()]
    unwanted = [_without(name, text) for name, text in (match.get("withoutHeaders") or {}).items()]
    return [*wanted, *unwanted]


def _header(name: str, text: JsonObject) -> JsonObject:
    return {"name": name, **({"string_match": string_matcher(text)} if text else {"present_match": True})}


def _without(name: str, text: JsonObject) -> JsonObject:
    """A request without the header at all is also one without this value of it."""
    inverted = {**_header(name, text), "invert_match": True}
    return {**inverted, "treat_missing_header_as_empty": True} if text else inverted


def _query(name: str, text: JsonObject) -> JsonObject:
    return {"name": name, **({"string_match": string_matcher(text)} if text else {"present_match": True})}


# The HTTP filters, and what a route sets for them: corsPolicy and fault.

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


# HTTPRetry → RetryPolicy. Source of the defaults: https://istio.io/latest/docs/concepts/traffic-management/#retries
# and .../reference/config/networking/virtual-service/#HTTPRetry: two retries where nothing is said, none with
# `attempts: 0`.

_DEFAULT_ATTEMPTS = 2
_DEFAULT_CONDITIONS = "connect-failure,refused-stream,unavailable,cancelled"
_STATUSES = "retriable-status-codes"
# How often another host is looked for before the same one is tried again.
_HOST_ATTEMPTS = 5
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}


def retry_policy(retries: JsonObject | None) -> JsonObject | None:
    """The policy of a route; None where nothing is to be tried again."""
    given = retries or {}
    attempts = given.get("attempts", _DEFAULT_ATTEMPTS)
    if not attempts:
        return None
    policy = {**_conditions(given.get("retryOn", _DEFAULT_CONDITIONS)), "num_retries": attempts}
    if given.get("retryIgnorePreviousHosts", True):
        policy |= {
            "retry_host_predicate": [_PREVIOUS_HOSTS],
            "host_selection_retry_max_attempts": _HOST_ATTEMPTS,
        }
    if "perTryTimeout" in given:
        policy["per_try_timeout"] = duration_text(nanoseconds(given["perTryTimeout"]))
    if "backoff" in given:
        policy["retry_back_off"] = {"base_interval": duration_text(nanoseconds(given["backoff"]))}
    return policy


def _conditions(text: str) -> JsonObject:
    """Statuses among the conditions are a list of their own."""
    conditions = [condition.strip() for condition in text.split(",")]
    statuses = [int(condition) for condition in conditions if condition.isdigit()]
    named = [condition for condition in conditions if not condition.isdigit()]
    if not statuses:
        return {"retry_on": ",".join(named)}
    return {"retry_on": ",".join(dict.fromkeys((*named, _STATUSES))), "retriable_status_codes": statuses}


_REDIRECT_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def envoy_route(route: Route) -> JsonObject:
    """The whole route; its name is found again in access logs and traces."""
    rule = route.rule
    made = {
        "name": route.name,
        "match": route_match(route.match),
        **_action(rule),
        **header_fields(rule.get("headers")),
    }
    if settings := filter_settings(rule):
        made["typed_per_filter_config"] = settings
    return made


def _action(rule: JsonObject) -> JsonObject:
    if "redirect" in rule:
        return {"redirect": _redirect(rule["redirect"])}
    if "directResponse" in rule:
        return {"direct_response": _direct_response(rule["directResponse"])}
    return {"route": _forward(rule), "decorator": {"operation": _operation(rule), "propagate": False}}


def _operation(rule: JsonObject) -> str:
    first = rule["route"][0]["destination"]
    return f"{first['host']}:{first['port']['number']}/*"


def _forward(rule: JsonObject) -> JsonObject:
    """Without a timeout a request may last for ever, as with Istio and unlike Envoy's own 15 seconds."""
    forward = {
        **_target(rule["route"]),
        "timeout": duration_text(nanoseconds(rule.get("timeout", "0s"))),
        **_path_rewrite(rule.get("rewrite") or {}),
        **host_rewrite(rule.get("headers"), rule.get("rewrite")),
    }
    if policy := retry_policy(rule.get("retries")):
        forward["retry_policy"] = policy
    if mirrors := _mirrors(rule):
        forward["request_mirror_policies"] = mirrors
    return forward


def _target(destinations: list[JsonObject]) -> JsonObject:
    """One destination, or several that share by weight. Only among several has a weight a meaning."""
    if len(destinations) == 1 and "headers" not in destinations[0]:
        return {"cluster": cluster_name(destinations[0]["destination"])}
    default = 1 if len(destinations) == 1 else 0
    return {"weighted_clusters": {"clusters": [_weighted(each, default) for each in destinations]}}


def _weighted(destination: JsonObject, default: int) -> JsonObject:
    return {
        "name": cluster_name(destination["destination"]),
        "weight": destination.get("weight") or default,
        **header_fields(destination.get("headers")),
        **host_rewrite(destination.get("headers")),
    }


def _path_rewrite(rewrite: JsonObject) -> JsonObject:
    """`uri` takes the place of what was matched: of the prefix, or of the whole path."""
    if "uri" in rewrite:
        return {"prefix_rewrite": rewrite["uri"]}
    if "uriRegexRewrite" not in rewrite:
        return {}
    given = rewrite["uriRegexRewrite"]
    return {"regex_rewrite": {"pattern": {"regex": given["match"]}, "substitution": given["rewrite"]}}


def _mirrors(rule: JsonObject) -> list[JsonObject]:
    mirrors = rule.get("mirrors") or []
    if "mirror" in rule:
        mirrors = [{"destination": rule["mirror"], "percentage": rule.get("mirrorPercentage") or {"value": 100}}]
    return [
        {
            "cluster": cluster_name(each["destination"]),
            "runtime_fraction": {"default_value": fraction((each.get("percentage") or {"value": 100})["value"])},
        }
        for each in mirrors
    ]


def _redirect(redirect: JsonObject) -> JsonObject:
    fields = {
        "path_redirect": redirect.get("uri"),
        "host_redirect": redirect.get("authority"),
        "scheme_redirect": redirect.get("scheme"),
        "port_redirect": redirect.get("port"),
        "response_code": _REDIRECT_CODES[redirect.get("redirectCode", 301)],
    }
    return {name: value for name, value in fields.items() if value is not None}


def _direct_response(response: JsonObject) -> JsonObject:
    made: dict[str, Any] = {"status": response["status"]}
    for name, text in (response.get("body") or {}).items():
        made["body"] = {f"inline_{name}": text}
    return made
