"""Route → Envoy's Route: forward, redirect, or answer."""

from typing import Any

from injector.core.model import JsonObject
from injector.core.proxy_config.parse import duration_text, nanoseconds
from injector.gateway.envoy.clusters import cluster_name
from injector.gateway.envoy.filters import filter_settings, fraction
from injector.gateway.envoy.headers import header_fields, host_rewrite
from injector.gateway.envoy.match import route_match
from injector.gateway.envoy.retries import retry_policy
from injector.gateway.model import Route

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
