"""AuthorizationPolicies → Envoy's RBAC filters, for requests and for connections.

Source: https://istio.io/latest/docs/concepts/security/#authorization: what one policy denies is denied; where there are
policies that allow, one of them has to. On a connection that is only forwarded nothing is known of requests: a rule
that asks for them allows nothing there, and denies as if it did not ask.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network

from injector.core.model import JsonObject
from injector.envoy.messages import extension, typed
from injector.gateway.authentication import JWT_FILTER, PAYLOAD
from injector.gateway.authorization import ALLOW, AUDIT, DENY, KEY_WITH_NAME, Policy

# Audited requests are marked for the access log before they can be denied.
_ACTIONS = {AUDIT: "LOG", DENY: "DENY", ALLOW: "ALLOW"}
_ANYTHING = ".+"
_PORT = r"(:[0-9]+)?"


class _OfRequests(Exception):  # noqa: N818 -- no error: it leads the way out of a rule
    """A condition looks at a request, where there are only connections."""


def request_filters(policies: Sequence[Policy]) -> list[JsonObject]:
    """The HTTP filters that enforce the policies, and those that count what tried ones would do."""
    kind = "filters.http.rbac"
    return [extension(kind, f"{kind}.v3.RBAC", **rules) for rules in _rules(policies, of_requests=True)]


def connection_filters(policies: Sequence[Policy], name: str) -> list[JsonObject]:
    """The network filters that enforce the policies on connections; `name` is for their statistics."""
    kind = "filters.network.rbac"
    found = _rules(policies, of_requests=False)
    return [extension(kind, f"{kind}.v3.RBAC", stat_prefix=f"{name}.", **rules) for rules in found]


def _rules(policies: Sequence[Policy], *, of_requests: bool) -> Iterator[JsonObject]:
    for action, envoy_action in _ACTIONS.items():
        for is_tried, field in ((True, "shadow_rules"), (False, "rules")):
            chosen = [each for each in policies if each.action == action and each.is_tried == is_tried]
            if chosen:
                found = {name: rule for each in chosen for name, rule in _policy(each, of_requests=of_requests)}
                yield {field: {"action": envoy_action, "policies": found}}


def _policy(policy: Policy, *, of_requests: bool) -> Iterator[tuple[str, JsonObject]]:
    for index, rule in enumerate(policy.rules):
        made = _Rule(policy, of_requests=of_requests).envoy_policy(rule)
        if made:
            yield f"{policy.namespace}/{policy.name}/{index}", made


class _Rule:
    """One rule of a policy on its way to Envoy."""

    def __init__(self, policy: Policy, *, of_requests: bool) -> None:
        """Keep what its conditions depend on."""
        self._namespace, self._denies, self._of_requests = policy.namespace, policy.action == DENY, of_requests

    def envoy_policy(self, rule: JsonObject) -> JsonObject | None:
        """Permissions (what is done) and principals (by whom), one of each has to match; None: nothing does."""
        when = rule.get("when") or []
        try:
            about_action = [each for each in when if self._is_about_action(each["key"])]
            about_caller = [each for each in when if not self._is_about_action(each["key"])]
            permissions = [
                self._all("rules", [*self._operation(each["operation"]), *self._conditions(about_action, "rule")])
                for each in rule.get("to") or [{"operation": {}}]
            ]
            principals = [
                self._all("ids", [*self._source(each["source"]), *self._conditions(about_caller, "id")])
                for each in rule.get("from") or [{"source": {}}]
            ]
        except _OfRequests:
            return None
        return {"permissions": permissions, "principals": principals}

    @staticmethod
    def _is_about_action(key: str) -> bool:
        return key.startswith(("destination.", "connection."))

    @staticmethod
    def _all(kind: str, parts: list[JsonObject]) -> JsonObject:
        return {f"and_{kind}": {kind: parts}} if parts else {"any": True}

    def _operation(self, operation: JsonObject) -> Iterator[JsonObject]:
        matchers: dict[str, Callable[[str], JsonObject]] = {
            "hosts": lambda text: {"header": {"name": ":authority", "string_match": _host(text)}},
            "ports": lambda text: {"destination_port": int(text)},
            "methods": lambda text: {"header": {"name": ":method", **_header(text)}},
            "paths": _path,
        }
        for name, matcher in matchers.items():
            yield from self._either(operation, name, matcher, "rule", of_requests=name != "ports")

    def _source(self, source: JsonObject) -> Iterator[JsonObject]:
        matchers: dict[str, Callable[[str], JsonObject]] = {
            "principals": _principal,
            "requestPrincipals": _request_principal,
            "namespaces": _caller_namespace,
            "serviceAccounts": self._service_account,
            "ipBlocks": lambda text: {"direct_remote_ip": _block(text)},
            "remoteIpBlocks": lambda text: {"remote_ip": _block(text)},
        }
        for name, matcher in matchers.items():
            needs_request = name in ("requestPrincipals", "remoteIpBlocks")
            yield from self._either(source, name, matcher, "id", of_requests=needs_request)

    def _conditions(self, conditions: list[JsonObject], part: str) -> Iterator[JsonObject]:
        for condition in conditions:
            key = condition["key"]
            needs_request = key.startswith(("request.", "remote."))
            yield from self._either(condition, "values", self._matcher(key), part, of_requests=needs_request)

    def _matcher(self, key: str) -> Callable[[str], JsonObject]:
        named = KEY_WITH_NAME.fullmatch(key)
        if named:
            names = named["names"][1:-1].split("][")
            if named["key"] == "request.headers":
                return lambda text: {"header": {"name": names[0], **_header(text)}}
            return lambda text: _claim(names, _string(text))
        matchers: dict[str, Callable[[str], JsonObject]] = {
            "source.ip": lambda text: {"direct_remote_ip": _block(text)},
            "remote.ip": lambda text: {"remote_ip": _block(text)},
            "source.namespace": _caller_namespace,
            "source.principal": _principal,
            "source.serviceAccount": self._service_account,
            "request.auth.principal": _request_principal,
            "request.auth.audiences": lambda text: _claim(["aud"], _string(text)),
            "request.auth.presenter": lambda text: _claim(["azp"], _string(text)),
            "destination.ip": lambda text: {"destination_ip": _block(text)},
            "destination.port": lambda text: {"destination_port": int(text)},
            "connection.sni": lambda text: {"requested_server_name": _string(text)},
        }
        return matchers[key]

    def _either(
        self, given: JsonObject, name: str, matcher: Callable[[str], JsonObject], part: str, *, of_requests: bool
    ) -> Iterator[JsonObject]:
        """One of the values of `name`, and none of its negative twin."""
        negative = f"not{name[0].upper()}{name[1:]}"
        for field in (name, negative):
            values = given.get(field)
            if not values:
                continue
            if of_requests and not self._of_requests:
                if self._denies:
                    continue
                raise _OfRequests
            found = {f"or_{part}s": {f"{part}s": [matcher(value) for value in values]}}
            yield found if field == name else {f"not_{part}": found}

    def _service_account(self, text: str) -> JsonObject:
        """A service account of the policy's namespace, or of the one before a slash."""
        namespace, slash, name = text.rpartition("/")
        own = namespace if slash else self._namespace
        return _authenticated({"safe_regex": {"regex": rf".+/ns/{re.escape(own)}/sa/{re.escape(name)}"}})


def _string(text: str) -> JsonObject:
    """A text, or with `*` alone any, at its end a prefix, at its beginning a suffix."""
    if text == "*":
        return {"safe_regex": {"regex": _ANYTHING}}
    if text.endswith("*"):
        return {"prefix": text[:-1]}
    return {"suffix": text[1:]} if text.startswith("*") else {"exact": text}


def _pattern(text: str) -> str:
    """The same as a regular expression."""
    if text == "*":
        return _ANYTHING
    if text.endswith("*"):
        return re.escape(text[:-1]) + ".*"
    return ".*" + re.escape(text[1:]) if text.startswith("*") else re.escape(text)


def _host(text: str) -> JsonObject:
    """A host with any port behind it: nobody gets past a policy by writing the port, which routes do not look at."""
    return {"safe_regex": {"regex": f"(?i){_pattern(text)}{_PORT}"}}


def _header(text: str) -> JsonObject:
    return {"present_match": True} if text == "*" else {"string_match": _string(text)}


def _path(text: str) -> JsonObject:
    if "{" in text:
        template = text.replace("{*}", "*").replace("{**}", "**")
        config = typed("path.match.uri_template.v3.UriTemplateMatchConfig", path_template=template)
        return {"uri_template": {"name": "envoy.path.match.uri_template.uri_template_matcher", "typed_config": config}}
    return {"url_path": {"path": _string(text)}}


def _block(text: str) -> JsonObject:
    network = ip_network(text, strict=False)
    return {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}


def _authenticated(matcher: JsonObject) -> JsonObject:
    return {"authenticated": {"principal_name": matcher}}


def _principal(text: str) -> JsonObject:
    """The identity in a client's certificate, written without its scheme as Istio does."""
    if text == "*":
        return _authenticated(_string(text))
    return _authenticated({"safe_regex": {"regex": f"(spiffe://)?{_pattern(text)}"}})


def _caller_namespace(text: str) -> JsonObject:
    inner = _pattern(text).replace(".*", "[^/]*") if text != "*" else "[^/]+"
    return _authenticated({"safe_regex": {"regex": f".*/ns/{inner}/.*"}})


def _request_principal(text: str) -> JsonObject:
    """`issuer/subject` of a verified token; an issuer may have slashes of its own, a subject has none."""
    issuer, slash, subject = text.strip("*").rpartition("/")
    if text == "*":
        return _token("*", "*")
    if text.endswith("*"):
        # The beginning may end within the issuer, or within the subject.
        options = [_claim(["iss"], _string(text)), *([_token(issuer, f"{subject}*")] if slash else [])]
        return {"or_ids": {"ids": options}}
    if text.startswith("*"):
        return _token(f"*{issuer}", subject) if slash else _claim(["sub"], _string(text))
    return _token(issuer, subject)


def _token(issuer: str, subject: str) -> JsonObject:
    return {"and_ids": {"ids": [_claim(["iss"], _string(issuer)), _claim(["sub"], _string(subject))]}}


def _claim(path: list[str], matcher: JsonObject) -> JsonObject:
    """A claim of a verified token, or one of several where it is a list."""
    one = {"string_match": matcher}
    either = {"or_match": {"value_matchers": [one, {"list_match": {"one_of": one}}]}}
    keys = [{"key": step} for step in (PAYLOAD, *path)]
    return {"sourced_metadata": {"metadata_matcher": {"filter": JWT_FILTER, "path": keys, "value": either}}}
