"""VirtualService: every kind of rule as Envoy takes it, and what is said of those that cannot be honoured."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.model import JsonObject
from tests.gateway.support import accepted, configuration, faults, gateway, routes, to, virtual_service

RULES: list[JsonObject] = [
    {
        "route": [
            to("a", weight=90),
            to("b", weight=10, headers={"request": {"set": {"Host": "b.example", "x-b": "1"}}}),
        ]
    },
    {
        "match": [
            {"uri": {"regex": "/v[0-9]+/.*"}, "method": {"exact": "GET"}, "headers": {"x-user": {"prefix": "a"}}},
            {"uri": {"prefix": "/p"}, "queryParams": {"debug": {"exact": "1"}, "any": {}}, "ignoreUriCase": True},
            {"withoutHeaders": {"x-no": {}, "x-not": {"exact": "1"}}, "scheme": {"exact": "http"}, "statPrefix": "p.q"},
            {"headers": {"x-there": {}, "x-any": {"regex": "*"}, "x-some": {"exact": ""}}, "name": "named"},
            {"headers": {"@request.auth.claims.groups": {"exact": "admin"}, "@request.auth.claims[a.b][c]": {}}},
            {"uri": {"prefix": ""}, "headers": {":authority": {"exact": "a.example"}, ":path": {"prefix": "/x"}}},
            {"withoutHeaders": {"@request.auth.claims.sub": {"prefix": "x"}}, "authority": {"regex": ".*"}},
        ],
        "route": [to("a")],
    },
    {"match": [{"uri": {"prefix": "/old"}}], "rewrite": {"uri": "/new", "authority": "x.example"}, "route": [to("a")]},
    {"rewrite": {"uriRegexRewrite": {"match": "^/x/(.*)", "rewrite": r"/y/\1"}}, "route": [to("a")]},
    {"redirect": {"uri": "/else", "authority": "other.example", "redirectCode": 302}},
    {"redirect": {"scheme": "https", "port": 8443, "redirectCode": 308}},
    {"redirect": {"authority": "x.example", "derivePort": "FROM_REQUEST_PORT"}},
    {"directResponse": {"status": 418, "body": {"string": "tea"}}},
    {"directResponse": {"status": 200, "body": {"bytes": "dGVh"}}},
    {"directResponse": {"status": 200, "body": {"string": "x" * 100_000}}},
    {
        "timeout": "3s",
        "retries": {
            "attempts": 4,
            "perTryTimeout": "500ms",
            "retryOn": "5xx,reset,503",
            "backoff": "10ms",
            "retryIgnorePreviousHosts": False,
        },
        "route": [to("a")],
    },
    {"retries": {"attempts": 0}, "route": [to("a")]},
    {
        "headers": {
            "request": {"set": {"x-a": "%START_TIME%", "host": "h.example"}, "add": {"x-b": "50%%"}, "remove": ["x-c"]},
            "response": {"add": {"content-security-policy": "default-src 'none'; a"}, "remove": ["server"]},
        },
        "route": [to("a")],
    },
    {"mirror": {"host": "b", "port": {"number": 80}}, "mirrorPercentage": {"value": 0.5}, "route": [to("a")]},
    {"mirror": {"host": "b", "port": {"number": 80}}, "mirrorPercent": 10, "route": [to("a")]},
    {"mirrors": [to("b", percentage={"value": 5.0}), to("c")], "route": [to("a")]},
    {
        "fault": {
            "delay": {"fixedDelay": "5s", "percentage": {"value": 0.1}},
            "abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 1}},
        },
        "route": [to("a")],
    },
    {"fault": {"delay": {"fixedDelay": "1s", "percent": 5}, "abort": {"httpStatus": 500}}, "route": [to("a")]},
    {
        "corsPolicy": {
            "allowOrigins": [{"exact": "https://a.example"}, {"regex": r"https://.*\.b\.example"}],
            "allowMethods": ["GET", "POST"],
            "allowHeaders": ["*"],
            "exposeHeaders": ["x-a"],
            "maxAge": "24h",
            "allowCredentials": True,
            "unmatchedPreflights": "IGNORE",
        },
        "route": [to("a")],
    },
    {"corsPolicy": {"allowOrigin": ["*"]}, "route": [to("a")]},
]


def test_envoy_takes_every_kind_of_rule_without_a_warning(tmp_path: Path) -> None:
    services = [virtual_service(rule, hosts=(f"r{n}.example",), name=f"r{n}") for n, rule in enumerate(RULES)]
    accepted(configuration(gateway(), *services), tmp_path)


def action(rule: JsonObject) -> Any:
    (route,) = routes(configuration(gateway(), virtual_service(rule)))
    return route["route"]


def test_weights_and_times_are_those_of_the_rule() -> None:
    found = action({**RULES[10], "route": [to("a", weight=90), to("b", weight=10)]})
    shares = {each["name"]: each["weight"] for each in found["weighted_clusters"]["clusters"]}
    assert shares == {"outbound|80||a.shop.svc.cluster.local": 90, "outbound|80||b.shop.svc.cluster.local": 10}
    assert (found["timeout"], found["retry_policy"]["num_retries"]) == ("3s", 4)
    assert found["retry_policy"]["retriable_status_codes"] == [503]


def test_without_a_word_on_retries_there_are_two_and_with_zero_attempts_none() -> None:
    assert action({"route": [to("a")]})["retry_policy"]["num_retries"] == 2
    assert "retry_policy" not in action(RULES[11])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"match": [{"uri": {"regex": "(?=a)"}}], "route": [to("a")]}, "http[0].match[0].uri.regex"),
        ({"route": [to("a")], "timeout": "soon"}, "http[0].timeout"),
        ({"rout": [to("a")]}, "did you mean 'route'"),
        ({"route": [to("a")], "redirect": {"uri": "/b"}}, "cannot be set beside 'route'"),
        ({"redirect": {"redirectCode": 302}}, "leads nowhere"),
        ({"redirect": {"uri": "/b"}, "timeout": "1s"}, "has no effect beside 'redirect'"),
        ({"route": [to("a"), to("b")]}, "several destinations of weight 0"),
        ({"route": [to("web.$(namespace).svc")]}, "route[0].destination.host"),
        ({"route": [to("a")], "headers": {"request": {"remove": ["Host"]}}}, "cannot be added or removed"),
        ({"route": [to("a")], "headers": {"request": {"set": {"x": "%nonsense%"}}}}, "headers.request.set.x"),
        ({"route": [to("a")], "retries": {"attempts": 1, "retryOn": "sometimes"}}, "retries.retryOn"),
        ({"route": [to("a")], "rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "\\x"}}}, "rewrite.uriRegexR"),
        ({"match": [{"headers": {"uri": {"exact": "/"}}}], "route": [to("a")]}, "valid: the field 'uri'"),
        ({"match": [{"uri": {}}], "route": [to("a")]}, "matches nothing"),
        ({"match": [{"uri": {"regex": "a"}, "ignoreUriCase": True}], "route": [to("a")]}, "ignoreUriCase"),
        ({"directResponse": {"status": 200, "body": {"bytes": "§"}}}, "directResponse.body.bytes"),
        ({"fault": {"delay": {"exponentialDelay": "1s", "fixedDelay": "1s"}}, "route": [to("a")]}, "exponentialDelay"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_file_line_and_field(rule: JsonObject, message: str) -> None:
    text = faults(gateway(), virtual_service(rule))
    file, line, rest = text.split(":", 2)
    assert (file, line.isdigit()) == ("input.yaml", True)
    assert message in rest


def test_every_fault_is_reported_at_once() -> None:
    wrong = {"route": [to("a")], "timeout": "soon", "retries": {"attempts": -1}}
    assert len(faults(gateway(), virtual_service(wrong)).splitlines()) == 2
