"""Route → Envoy's Route: forward, redirect, or answer. What a route sets for HTTP filters is in `envoy_filters`."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from injector.core.duration import duration_text, nanoseconds
from injector.core.model import JsonObject
from injector.envoy.messages import extension
from injector.envoy.peers import HEADER, introduction
from injector.gateway.envoy_filters import filter_settings, fraction
from injector.gateway.model import Mirror, Route, Target
from injector.gateway.virtual_services import CLAIM_PREFIX, REDIRECT_CODES

# Headers (set, add, remove on request and response) → the fields of the same purpose of a route or a cluster.

_OPERATIONS = (("set", "OVERWRITE_IF_EXISTS_OR_ADD"), ("add", "APPEND_IF_EXISTS_OR_ADD"))
_HOST = "host"


def _header_fields(headers: JsonObject | None) -> JsonObject:
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


def _host_rewrite(headers: JsonObject | None, rewrite: JsonObject | None = None) -> JsonObject:
    """The host of the forwarded request where a rewrite or the request's `Host` header sets one."""
    added = ((headers or {}).get("request") or {}).get("set") or {}
    host = next((value for name, value in added.items() if name.lower() == _HOST), None)
    host = (rewrite or {}).get("authority", host)
    return {} if host is None else {"host_rewrite_literal": host}


# HTTPMatchRequest → RouteMatch.

_PSEUDO_HEADERS = ("scheme", "method", "authority")
_PRESENT = ("", "*")
_BRACKETS = re.compile(r"\[([^\[\]]+)\]")


def route_match(match: JsonObject) -> JsonObject:
    """The conditions of one match; none at all is any path."""
    found = _path(match.get("uri"))
    if match.get("ignoreUriCase"):
        found["case_sensitive"] = False
    headers = [_header(f":{name}", match[name]) for name in _PSEUDO_HEADERS if name in match]
    claims: list[JsonObject] = []
    for name, text in (match.get("headers") or {}).items():
        (claims if name.startswith("@") else headers).append(_condition(name, text))
    for name, text in (match.get("withoutHeaders") or {}).items():
        (claims if name.startswith("@") else headers).append(_exclusion(name, text))
    if headers:
        found["headers"] = headers
    if claims:
        found["dynamic_metadata"] = claims
    if match.get("queryParams"):
        found["query_parameters"] = [{"name": name, **_text(text)} for name, text in match["queryParams"].items()]
    return found


def string_matcher(text: JsonObject) -> JsonObject:
    """A condition on a text: exact, prefix or regex (of the whole text)."""
    ((kind, value),) = text.items()
    return {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}


def _path(uri: JsonObject | None) -> JsonObject:
    if not uri:
        return {"prefix": "/"}
    return {"path": uri["exact"]} if "exact" in uri else string_matcher(uri)


def _is_presence(text: JsonObject) -> bool:
    """Whether any value will do, in one of the ways in which Istio lets that be said."""
    return all(value in _PRESENT[: 2 if kind == "regex" else 1] for kind, value in text.items())


def _text(text: JsonObject) -> JsonObject:
    return {"present_match": True} if _is_presence(text) else {"string_match": string_matcher(text)}


def _header(name: str, text: JsonObject) -> JsonObject:
    return {"name": name, **_text(text)}


def _condition(name: str, text: JsonObject) -> JsonObject:
    return _claim(name, text) if name.startswith("@") else _header(name, text)


def _exclusion(name: str, text: JsonObject) -> JsonObject:
    """A request without the header at all is also one without this value of it."""
    if name.startswith("@"):
        return {**_claim(name, text), "invert": True}
    inverted = {**_header(name, text), "invert_match": True}
    return inverted if _is_presence(text) else {**inverted, "treat_missing_header_as_empty": True}


def _claim(name: str, text: JsonObject) -> JsonObject:
    """A condition on a claim of the token that the filter jwt_authn has verified. A list has to hold the value."""
    claims = name.removeprefix(CLAIM_PREFIX)
    steps = _BRACKETS.findall(claims) or claims.strip(".").split(".")
    if _is_presence(text):
        value: JsonObject = {"present_match": True}
    else:
        one: JsonObject = {"string_match": string_matcher(text)}
        value = {"or_match": {"value_matchers": [one, {"list_match": {"one_of": one}}]}}
    keys = [{"key": step} for step in ("payload", *steps)]
    return {"filter": "envoy.filters.http.jwt_authn", "path": keys, "value": value}


# HTTPRetry → RetryPolicy. Source of the defaults: https://istio.io/latest/docs/concepts/traffic-management/#retries
# and .../reference/config/networking/virtual-service/#HTTPRetry: two retries where nothing is said, none with
# `attempts: 0`.

_DEFAULT_ATTEMPTS = 2
_DEFAULT_CONDITIONS = "connect-failure,refused-stream,unavailable,cancelled"
_STATUSES = "retriable-status-codes"
# How often another host is looked for before the same one is tried again.
_HOST_ATTEMPTS = 5


def _retry_policy(retries: JsonObject | None) -> JsonObject | None:
    """The policy of a route; None where nothing is to be tried again."""
    given: JsonObject = {"attempts": _DEFAULT_ATTEMPTS} if retries is None else retries
    attempts = given.get("attempts", 0)
    if not attempts:
        return None
    policy = {**_retry_conditions(given.get("retryOn") or _DEFAULT_CONDITIONS), "num_retries": attempts}
    if given.get("retryIgnorePreviousHosts", True):
        kind = "retry.host.previous_hosts.v3.PreviousHostsPredicate"
        policy |= {
            "retry_host_predicate": [extension("retry_host_predicates.previous_hosts", kind)],
            "host_selection_retry_max_attempts": _HOST_ATTEMPTS,
        }
    if nanoseconds(given.get("perTryTimeout", "0s")):
        policy["per_try_timeout"] = _length(given["perTryTimeout"])
    if "backoff" in given:
        policy["retry_back_off"] = {"base_interval": _length(given["backoff"])}
    return policy


def _retry_conditions(text: str) -> JsonObject:
    """Statuses among the conditions are a list of their own."""
    conditions = [condition.strip() for condition in text.split(",") if condition.strip()]
    statuses = [int(condition) for condition in conditions if condition.isdigit()]
    named = [condition for condition in conditions if not condition.isdigit()]
    if not statuses:
        return {"retry_on": ",".join(named)}
    return {"retry_on": ",".join(dict.fromkeys((*named, _STATUSES))), "retriable_status_codes": statuses}


def _length(text: str) -> str:
    return duration_text(nanoseconds(text))


# consistentHash of the destinations' policies → what of a request is hashed.


def hash_policies(targets: Sequence[Target]) -> Iterator[JsonObject]:
    """What is hashed to choose among the pods of each target, as far as its policy says so."""
    for target in targets:
        balancer = target.upstream.policy.get("loadBalancer") or {}
        given = balancer.get("consistentHash") or {}
        if "httpHeaderName" in given:
            yield {"header": {"header_name": given["httpHeaderName"]}}
        elif cookie := given.get("httpCookie"):
            hashed = {"name": cookie["name"], "path": cookie.get("path", "")}
            yield {"cookie": {**hashed, "ttl": _length(cookie["ttl"])} if "ttl" in cookie else hashed}
        elif "httpQueryParameterName" in given:
            yield {"query_parameter": {"name": given["httpQueryParameterName"]}}
        elif given.get("useSourceIp"):
            yield {"connection_properties": {"source_ip": True}}


# The routes themselves.

_IN_CLUSTER = ".svc."


def envoy_route(route: Route, claim: str) -> JsonObject:
    """The route of a virtual host. `claim` says to Services who the gateway is; nobody else is told."""
    made = {
        "name": route.name,
        "match": route_match(route.match),
        **_action(route),
        **_header_fields(route.rule.get("headers")),
    }
    if route.targets and all(_IN_CLUSTER in target.upstream.host for target in route.targets):
        made["request_headers_to_add"] = [*made.get("request_headers_to_add", ()), introduction(claim)]
    elif route.targets:
        made["request_headers_to_remove"] = [*made.get("request_headers_to_remove", ()), HEADER]
    if settings := filter_settings(route.rule):
        made["typed_per_filter_config"] = settings
    if prefix := route.match.get("statPrefix"):
        made["stat_prefix"] = prefix.replace(".", "_")
    return made


def _action(route: Route) -> JsonObject:
    if "redirect" in route.rule:
        return {"redirect": _redirect(route.rule["redirect"], route.port)}
    if "directResponse" in route.rule:
        return {"direct_response": _direct_response(route.rule["directResponse"])}
    first = route.targets[0].upstream
    operation = f"{first.host}:{first.endpoints[0].port if first.endpoints else route.port}/*"
    return {"route": _forward(route), "decorator": {"operation": operation, "propagate": False}}


def _forward(route: Route) -> JsonObject:
    """Without a timeout a request may last for ever, as with Istio and unlike Envoy's own 15 seconds."""
    rule = route.rule
    forward = {
        **target_clusters(route.targets),
        "timeout": _length(rule.get("timeout", "0s")),
        **_path_rewrite(rule.get("rewrite") or {}),
        **_host_rewrite(rule.get("headers"), rule.get("rewrite")),
    }
    if policy := _retry_policy(rule.get("retries")):
        forward["retry_policy"] = policy
    if route.mirrors:
        forward["request_mirror_policies"] = [_mirror(each) for each in route.mirrors]
    if hashed := list(hash_policies(route.targets)):
        forward["hash_policy"] = hashed
    return forward


def target_clusters(targets: Sequence[Target]) -> JsonObject:
    """One cluster, or several that share by weight: for the action of a route and for TCP alike."""
    if len(targets) == 1 and not targets[0].headers:
        return {"cluster": targets[0].upstream.name}
    return {"weighted_clusters": {"clusters": [_weighted(each) for each in targets]}}


def _weighted(target: Target) -> JsonObject:
    return {
        "name": target.upstream.name,
        "weight": target.weight,
        **_header_fields(target.headers),
        **_host_rewrite(target.headers),
    }


def _path_rewrite(rewrite: JsonObject) -> JsonObject:
    """`uri` takes the place of what was matched: of the prefix, or of the whole path."""
    if "uri" in rewrite:
        return {"prefix_rewrite": rewrite["uri"]}
    if "uriRegexRewrite" not in rewrite:
        return {}
    given = rewrite["uriRegexRewrite"]
    return {"regex_rewrite": {"pattern": {"regex": given["match"]}, "substitution": given["rewrite"]}}


def _mirror(mirror: Mirror) -> JsonObject:
    return {
        "cluster": mirror.upstream.name,
        "runtime_fraction": {"default_value": fraction(mirror.percentage)},
    }


def _redirect(redirect: JsonObject, port: int) -> JsonObject:
    """What is not given stays as it is in the request."""
    derived = port if redirect.get("derivePort") == "FROM_REQUEST_PORT" else None
    fields = {
        "path_redirect": redirect.get("uri"),
        "host_redirect": redirect.get("authority"),
        "scheme_redirect": redirect.get("scheme"),
        "port_redirect": redirect.get("port", derived),
        "response_code": REDIRECT_CODES[redirect.get("redirectCode", 301)],
    }
    return {name: value for name, value in fields.items() if value is not None}


def _direct_response(response: JsonObject) -> JsonObject:
    made: dict[str, Any] = {"status": response["status"]}
    for name, text in (response.get("body") or {}).items():
        made["body"] = {f"inline_{name}": text}
    return made
