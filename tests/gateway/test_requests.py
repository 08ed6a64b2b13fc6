"""A real Envoy with a rendered gateway, and requests: each rule does what Istio's documentation says."""

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from injector.core.model import JsonObject
from tests.gateway.running import LOOPBACK, Answer, application, ask, running
from tests.gateway.support import configuration, document, gateway, server, virtual_service
from tests.ports import free_port


@dataclass(frozen=True)
class World:
    """The port of the gateway, and what each application has seen."""

    port: int
    seen: dict[str, list[tuple[str, str]]]

    def ask(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> Answer:
        return ask(self.port, path, method, Host=f"{host}.example", **headers)


def rules(leading_to: Callable[..., JsonObject]) -> dict[str, list[JsonObject]]:
    """The rules of each host; `leading_to` names an application."""
    return {
        "canary": [
            {"match": [{"headers": {"x-canary": {"exact": "true"}}}], "route": [leading_to("two")]},
            {"route": [leading_to("one", weight=100), leading_to("two", weight=0)]},
        ],
        "rewrite": [
            {"match": [{"uri": {"prefix": "/old"}}], "rewrite": {"uri": "/new"}, "route": [leading_to("one")]},
            {
                "rewrite": {
                    "uriRegexRewrite": {"match": "^/u/([0-9]+)$", "rewrite": r"/users?id=\1"},
                    "authority": "inner.example",
                },
                "route": [leading_to("one")],
            },
        ],
        "answer": [
            {"match": [{"uri": {"exact": "/tea"}}], "directResponse": {"status": 418, "body": {"string": "tea"}}},
            {"match": [{"uri": {"prefix": "/go"}}], "redirect": {"uri": "/there", "redirectCode": 307}},
            {"match": [{"uri": {"prefix": "/away"}}], "redirect": {"authority": "x.example", "scheme": "https"}},
        ],
        "headers": [
            {
                "headers": {
                    "request": {"set": {"x-set": "1"}, "add": {"x-add": "2"}, "remove": ["x-gone"]},
                    "response": {"set": {"x-told": "3"}, "remove": ["x-backend"]},
                },
                "route": [leading_to("one")],
            }
        ],
        "retry": [{"retries": {"attempts": 3, "retryOn": "503", "backoff": "1ms"}, "route": [leading_to("broken")]}],
        "mirror": [{"mirrors": [leading_to("two")], "route": [leading_to("one")]}],
        "fault": [
            {
                "match": [{"headers": {"x-fail": {}}}],
                "fault": {"abort": {"httpStatus": 555}},
                "route": [leading_to("one")],
            },
            {"route": [leading_to("one")]},
        ],
        "cors": [
            {
                "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["PUT"]},
                "route": [leading_to("one")],
            }
        ],
        "apart": [
            {"corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["PUT"]}},
            {"match": [{"uri": {"prefix": "/"}}], "route": [leading_to("one")]},
        ],
        "legacy": [{"corsPolicy": {"allowOrigin": ["*"], "allowMethods": ["PUT"]}, "route": [leading_to("one")]}],
        "absent": [
            {"match": [{"withoutHeaders": {"x-old": {"exact": "yes"}}}], "route": [leading_to("two")]},
            {"route": [leading_to("one")]},
        ],
        "query": [
            {"match": [{"queryParams": {"v": {"exact": "2"}, "any": {}}}], "route": [leading_to("two")]},
            {"route": [leading_to("one")]},
        ],
        "case": [{"match": [{"uri": {"exact": "/Name"}, "ignoreUriCase": True}], "route": [leading_to("one")]}],
        "nothing": [{"corsPolicy": {"allowOrigin": ["*"]}}, {"route": [leading_to("one")]}],
        "root": [
            {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "leaf"}},
            {"match": [{"uri": {"prefix": "/a/hidden"}}], "route": [leading_to("two")]},
        ],
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with application("one") as one, application("two") as two, application("broken", 503) as broken:

        def to(name: str, **more: object) -> JsonObject:
            ports = {"one": one.port, "two": two.port, "broken": broken.port}
            return {"destination": {"host": LOOPBACK, "port": {"number": ports[name]}}, **more}

        services = [virtual_service(*found, hosts=(f"{name}.example",), name=name) for name, found in rules(to).items()]
        leaf = document(
            "VirtualService",
            "leaf",
            {
                "http": [
                    {"match": [{"uri": {"prefix": "/a/b"}}], "route": [to("two")]},
                    {"match": [{"uri": {"prefix": "/elsewhere"}}], "route": [to("two")]},
                    {"route": [to("one")]},
                ]
            },
        )
        found = configuration(gateway(server(port)), *services, leaf, address=LOOPBACK)
        with running(found, tmp_path_factory.mktemp("requests")):
            yield World(port, {"one": one.seen, "two": two.seen, "broken": broken.seen})


def name(answer: Answer) -> str:
    return str(answer.seen["name"])


def test_a_header_and_weights_choose_the_destination(world: World) -> None:
    assert {name(world.ask("canary")) for _ in range(10)} == {"one"}
    assert name(world.ask("canary", x_canary="true")) == "two"


def test_a_path_is_rewritten_by_its_prefix_or_by_a_regex(world: World) -> None:
    assert world.ask("rewrite", "/old/page").seen["path"] == "/new/page"
    seen = world.ask("rewrite", "/u/17").seen
    assert (seen["path"], seen["headers"]["host"]) == ("/users?id=17", "inner.example")


def test_redirects_and_answers_come_from_the_gateway(world: World) -> None:
    tea, go, away = (world.ask("answer", path) for path in ("/tea", "/go/on", "/away/x"))
    assert (tea.status, tea.text) == (418, "tea")
    assert go.status == 307
    assert go.headers["location"].endswith(".example/there") or go.headers["location"].endswith("/there")
    assert (away.status, away.headers["location"]) == (301, "https://x.example/away/x")
    assert world.ask("answer", "/else").status == 404


def test_headers_are_set_added_and_removed_both_ways(world: World) -> None:
    answer = world.ask("headers", x_gone="1", x_add="1", x_set="0")
    seen = answer.seen["headers"]
    assert (seen["x-set"], seen["x-add"], "x-gone" in seen) == ("1", "2", False)
    assert answer.headers["x-told"] == "3"
    assert "x-backend" not in answer.headers


def test_a_failed_request_is_tried_again_as_often_as_the_rule_says(world: World) -> None:
    before = len(world.seen["broken"])
    assert world.ask("retry").status == 503
    assert len(world.seen["broken"]) - before == 4


def test_mirrored_requests_reach_both(world: World) -> None:
    before = len(world.seen["two"])
    assert name(world.ask("mirror", "/copied")) == "one"
    for _ in range(100):
        if len(world.seen["two"]) > before:
            break
        world.ask("canary")
    assert ("GET", "/copied") in world.seen["two"][before:]


def test_a_fault_is_injected_where_the_rule_matches_and_nowhere_else(world: World) -> None:
    assert world.ask("fault", x_fail="1").status == 555
    assert world.ask("fault").status == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [("cors", "https://a.example"), ("apart", "https://a.example"), ("legacy", "https://whoever.example")],
)
def test_a_preflight_is_answered_for_origins_that_are_allowed(world: World, host: str, origin: str) -> None:
    headers = {"Origin": origin, "Access_Control_Request_Method": "PUT"}
    answer = world.ask(host, method="OPTIONS", **headers)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert answer.headers["access-control-allow-methods"] == "PUT"


def test_a_header_that_must_not_be_there_counts_when_it_is_missing_too(world: World) -> None:
    assert [name(world.ask("absent", **each)) for each in ({}, {"x_old": "no"}, {"x_old": "yes"})] == [
        "two",
        "two",
        "one",
    ]


def test_query_parameters_and_the_case_of_paths_are_matched(world: World) -> None:
    assert [name(world.ask("query", path)) for path in ("/?v=2&any=", "/?v=2", "/?any=1")] == ["two", "one", "one"]
    assert [world.ask("case", path).status for path in ("/name", "/NAME", "/names")] == [200, 200, 404]


def test_a_rule_without_an_answer_takes_no_requests(world: World) -> None:
    assert name(world.ask("nothing")) == "one"


def test_a_delegate_takes_over_what_is_delegated_and_no_more(world: World) -> None:
    assert [name(world.ask("root", path)) for path in ("/a/b/c", "/a/x")] == ["two", "one"]
    assert world.ask("root", "/elsewhere").status == 404


def test_the_port_in_the_host_header_does_not_matter(world: World) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, world.port, timeout=20)
    connection.request("GET", "/", headers={"Host": f"canary.example:{world.port}"})
    assert connection.getresponse().status == 200
    connection.close()
