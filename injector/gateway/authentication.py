"""RequestAuthentication: which tokens a gateway verifies, as Envoy's filter jwt_authn.

Source: https://istio.io/latest/docs/reference/config/security/request_authentication/. A request without a token
passes, one with a token that no rule accepts does not: asking for a token is the business of an AuthorizationPolicy.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from injector.core.duration import duration_text, nanoseconds
from injector.core.errors import Path
from injector.core.model import JsonObject
from injector.core.validation import BOOLEAN, FILLED_STRING, STRING, Listed, Message, Parsed
from injector.envoy.messages import extension
from injector.gateway.documents import Resources, validated
from injector.gateway.fields import HEADER_NAME, LENGTH, SCOPE_OF_POLICY
from injector.gateway.model import Endpoint, Report, Upstream
from injector.gateway.workload import GatewayPods, policies_about

JWT_FILTER = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"
_FETCH_TIMEOUT = "5s"
_CACHE_DURATION = "1200s"
_PORTS = {"https": 443, "http": 80}
_URL = re.compile(r"https?://[^\s]+")


def _check_url(url: str) -> None:
    try:
        valid = _URL.fullmatch(url) and urlsplit(url).hostname and urlsplit(url).port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("a URL such as https://example.com/keys.json")


def _check_keys(text: str) -> None:
    try:
        valid = isinstance(json.loads(text).get("keys"), list)
    except (ValueError, AttributeError, RecursionError):
        valid = False
    if not valid:
        raise ValueError('a JSON Web Key Set, such as {"keys": […]}')


def _keys_are_known(rule: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if not rule.keys() & {"jwksUri", "jwks"}:
        yield ("jwksUri",), "is missing; valid: the URL of the issuer's keys, or jwks, for no OpenID discovery is made"


_PLACE_IN_HEADER = Message({"name": HEADER_NAME, "prefix": STRING}, required=("name",))
_JWT_RULE = Message(
    {
        "issuer": FILLED_STRING,
        "audiences": Listed(FILLED_STRING),
        "jwksUri": Parsed(_check_url),
        "jwks": Parsed(_check_keys),
        "fromHeaders": Listed(_PLACE_IN_HEADER),
        "fromParams": Listed(FILLED_STRING),
        "fromCookies": Listed(FILLED_STRING),
        "outputPayloadToHeader": HEADER_NAME,
        "forwardOriginalToken": BOOLEAN,
        "outputClaimToHeaders": Listed(
            Message({"header": HEADER_NAME, "claim": FILLED_STRING}, required=("header", "claim"))
        ),
        "timeout": LENGTH,
    },
    required=("issuer",),
    choices=(("jwksUri", "jwks"),),
    rules=(_keys_are_known,),
    # The one name that the resource definition has in two spellings.
    spelling=lambda name: "jwksUri" if name == "jwks_uri" else name,
)
REQUEST_AUTHENTICATION = Message({**SCOPE_OF_POLICY, "jwtRules": Listed(_JWT_RULE)})


def jwt_rules(resources: Resources, pods: GatewayPods, report: Report) -> list[JsonObject]:
    """The rules of every RequestAuthentication that is about the gateway's pods."""
    found = policies_about(pods, resources.of("RequestAuthentication"), report)
    policies = (validated(each, REQUEST_AUTHENTICATION, report) for each in found)
    return [rule for policy in policies if policy for rule in policy.body.get("jwtRules") or ()]


def jwt_filter(rules: Sequence[JsonObject]) -> JsonObject | None:
    """The filter that verifies tokens; None where there is no rule."""
    if not rules:
        return None
    providers = {f"issuer-{index}": _provider(rule) for index, rule in enumerate(rules)}
    names: list[JsonObject] = [{"provider_name": name} for name in providers]
    requirement = {"requires_any": {"requirements": [*names, {"allow_missing": {}}]}}
    return extension(
        "filters.http.jwt_authn",
        "filters.http.jwt_authn.v3.JwtAuthentication",
        providers=providers,
        rules=[{"match": {"prefix": "/"}, "requires": requirement}],
        bypass_cors_preflight=True,
    )


def key_servers(rules: Sequence[JsonObject]) -> list[Upstream]:
    """The servers that keys are fetched from, as clusters of their own."""
    found = {}
    for rule in rules:
        if "jwksUri" in rule:
            url = urlsplit(rule["jwksUri"])
            host, port = str(url.hostname), url.port or _PORTS[url.scheme]
            tls = {"mode": "SIMPLE", "sni": host} if url.scheme == "https" else {"mode": "DISABLE"}
            name = _cluster(rule["jwksUri"])
            found[name] = Upstream(name, host, "STRICT_DNS", (Endpoint(host, port),), http2=False, policy={"tls": tls})
    return list(found.values())


def _cluster(url: str) -> str:
    parts = urlsplit(url)
    return f"keys|{parts.port or _PORTS[parts.scheme]}||{parts.hostname}"


def _provider(rule: JsonObject) -> JsonObject:
    provider: JsonObject = {
        "issuer": rule["issuer"],
        "payload_in_metadata": PAYLOAD,
        "forward": bool(rule.get("forwardOriginalToken")),
        # Routes may depend on claims: they are looked up again once these are known.
        "clear_route_cache": True,
    }
    if "jwks" in rule:
        provider["local_jwks"] = {"inline_string": rule["jwks"]}
    else:
        uri = {
            "uri": rule["jwksUri"],
            "cluster": _cluster(rule["jwksUri"]),
            "timeout": duration_text(nanoseconds(rule.get("timeout", _FETCH_TIMEOUT))),
        }
        provider["remote_jwks"] = {
            "http_uri": uri,
            "cache_duration": _CACHE_DURATION,
        }
    if "audiences" in rule:
        provider["audiences"] = rule["audiences"]
    if "fromHeaders" in rule:
        provider["from_headers"] = [_header(each) for each in rule["fromHeaders"]]
    for field, name in (("fromParams", "from_params"), ("fromCookies", "from_cookies")):
        if field in rule:
            provider[name] = rule[field]
    if "outputPayloadToHeader" in rule:
        provider["forward_payload_header"] = rule["outputPayloadToHeader"]
    if "outputClaimToHeaders" in rule:
        provider["claim_to_headers"] = [
            {"header_name": each["header"], "claim_name": each["claim"]} for each in rule["outputClaimToHeaders"]
        ]
    return provider


def _header(place: JsonObject) -> JsonObject:
    return {"name": place["name"], **({"value_prefix": place["prefix"]} if "prefix" in place else {})}
