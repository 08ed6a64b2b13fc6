"""AuthorizationPolicies and RequestAuthentications at a real Envoy: who gets in, and who does not."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from injector.core.model import JsonObject
from tests.gateway.running import LOOPBACK, Answer, RunningEnvoy, application, ask, running
from tests.gateway.support import (
    accepted,
    configuration,
    document,
    faults,
    gateway,
    managers,
    routes,
    server,
    to,
    virtual_service,
    warnings,
)
from tests.ports import free_port
from tests.sandbox.probes import until

BOUND = virtual_service({"route": [to("a")]})
OWN = {"selector": {"matchLabels": {"app": "edge"}}}


def policy(name: str = "policy", namespace: str = "shop", **spec: object) -> JsonObject:
    return document("AuthorizationPolicy", name, {**OWN, **spec}, namespace)


def filters(*documents: JsonObject, **options: object) -> list[JsonObject]:
    """The RBAC filters of the only listener."""
    manager = next(managers(configuration(gateway(), BOUND, *documents, **options)))
    return [each["typed_config"] for each in manager["http_filters"] if each["name"] == "envoy.filters.http.rbac"]


@pytest.mark.parametrize(
    ("selector", "namespace", "is_about"),
    [
        ({"matchLabels": {"app": "edge"}}, "shop", True),
        ({"matchLabels": {"app": "edge"}}, "istio-system", True),
        ({"matchLabels": {"app": "edge"}}, "else", True),
        ({"matchLabels": {"app": "web"}}, "shop", False),
        (None, "shop", True),
        (None, "istio-system", True),
        (None, "else", False),
    ],
)
def test_a_policy_is_about_the_gateway_or_left_out_with_a_line(
    selector: JsonObject | None, namespace: str, is_about: bool
) -> None:
    found = document("AuthorizationPolicy", "p", {"selector": selector, "rules": [{}]}, namespace)
    assert bool(filters(found)) == is_about
    assert bool(warnings(gateway(), BOUND, found)) != is_about


def test_where_the_gateway_s_namespace_is_known_policies_of_others_do_not_count() -> None:
    assert filters(policy(namespace="else"), gateway_namespace="edge") == []
    assert len(filters(policy(namespace="edge"), gateway_namespace="edge")) == 1


def test_the_labels_of_istio_s_own_gateways_are_known() -> None:
    own = document("Gateway", "edge", {"selector": {"istio": "ingressgateway"}, "servers": [server()]})
    found = document("AuthorizationPolicy", "p", {"selector": {"matchLabels": {"app": "istio-ingressgateway"}}})
    assert warnings(own, BOUND, found) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"action": "CUSTOM", "provider": {"name": "x"}}, "spec.action"),
        ({"rules": [{"from": [{"source": {}}]}]}, "says nothing"),
        ({"rules": [{"from": []}]}, "rules[0].from"),
        ({"rules": [{"from": [{"source": {"ipBlocks": ["10.0.0.0/99"]}}]}]}, "ipBlocks[0]"),
        ({"rules": [{"to": [{"operation": {"ports": ["http"]}}]}]}, "ports[0]"),
        ({"rules": [{"to": [{"operation": {"paths": ["/a/{b}"]}}]}]}, "paths[0]"),
        ({"rules": [{"when": [{"key": "request.time", "values": ["noon"]}]}]}, "when[0].key"),
        ({"rules": [{"when": [{"key": "source.ip"}]}]}, "when[0].values"),
        ({"rules": [{"when": [{"key": "source.ip", "values": ["here"]}]}]}, "when[0].values[0]"),
        ({"rule": []}, "did you mean 'rules'"),
    ],
)
def test_a_policy_that_cannot_be_honoured_is_refused(spec: JsonObject, message: str) -> None:
    assert message in faults(gateway(), BOUND, policy(**spec))


def test_a_policy_that_is_tried_is_only_counted() -> None:
    found = policy(action="DENY", rules=[{}])
    found["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    (one,) = filters(found)
    assert "shadow_rules" in one
    assert "rules" not in one


EVERYTHING = [
    {
        "from": [
            {
                "source": {
                    "principals": ["cluster.local/ns/a/sa/b", "*/sa/c", "x/*", "*"],
                    "notNamespaces": ["other", "dev-*"],
                    "serviceAccounts": ["a/b", "c"],
                    "ipBlocks": ["10.0.0.0/8", "::1"],
                    "notRemoteIpBlocks": ["192.0.2.1"],
                    "requestPrincipals": ["https://issuer.example/me", "issuer*", "*/me", "*"],
                }
            }
        ],
        "to": [
            {
                "operation": {
                    "hosts": ["a.example", "*.b.example"],
                    "ports": ["80"],
                    "notMethods": ["DELETE"],
                    "paths": ["/a", "/b*", "*/c", "/d/{*}/e/{**}", "*"],
                }
            }
        ],
        "when": [
            {"key": "request.headers[X-Version]", "values": ["v1", "v2*"]},
            {"key": "request.auth.claims[groups][inner]", "notValues": ["none"]},
            {"key": "request.auth.audiences", "values": ["me"]},
            {"key": "request.auth.presenter", "values": ["*"]},
            {"key": "request.auth.principal", "values": ["*"]},
            {"key": "source.namespace", "values": ["default"]},
            {"key": "source.serviceAccount", "values": ["a/b"]},
            {"key": "destination.ip", "values": ["10.0.0.1"]},
            {"key": "destination.port", "values": ["80"]},
            {"key": "connection.sni", "values": ["a.example"]},
            {"key": "remote.ip", "values": ["192.0.2.0/24"]},
        ],
    }
]


def test_envoy_takes_every_kind_of_rule_without_a_warning(tmp_path: Path) -> None:
    tcp = server(9000, "TCP")
    routed = virtual_service({"route": [to("a")]}, tcp=[{"route": [to("a")]}])
    policies = [policy(f"p-{action.lower()}", action=action, rules=EVERYTHING) for action in ("ALLOW", "DENY", "AUDIT")]
    accepted(configuration(gateway(server(), tcp), routed, *policies), tmp_path)


def test_on_connections_a_rule_that_asks_for_requests_allows_nothing_and_denies_without_asking() -> None:
    def rules(action: str) -> JsonObject:
        found = policy(action=action, rules=[{"to": [{"operation": {"paths": ["/a"], "ports": ["9000"]}}]}])
        listeners = configuration(gateway(server(9000, "TCP")), virtual_service(tcp=[{"route": [to("a")]}]), found)[
            "static_resources"
        ]["listeners"]
        made: JsonObject = listeners[0]["filter_chains"][0]["filters"][0]["typed_config"]["rules"]
        return made

    assert rules("ALLOW")["policies"] == {}
    (denied,) = rules("DENY")["policies"].values()
    assert "url_path" not in str(denied)
    assert "9000" in str(denied)


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def keys() -> str:
    public = KEY.public_key().public_numbers()
    return json.dumps({"keys": [{"kty": "RSA", "kid": "k", "n": number(public.n), "e": number(public.e)}]})


def token(issuer: str, subject: str, **claims: object) -> str:
    parts = [{"alg": "RS256", "kid": "k"}, {"iss": issuer, "sub": subject, "exp": 4102444800, **claims}]
    signed = ".".join(encoded(json.dumps(each).encode()) for each in parts)
    signature = KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"Bearer {signed}.{encoded(signature)}"


@dataclass(frozen=True)
class World:
    """The port of a gateway behind which everything answers, were it not for policies."""

    port: int
    envoy: RunningEnvoy

    def ask(self, path: str, host: str = "a.example", **headers: str) -> Answer:
        return ask(self.port, path, Host=host, **headers)


ISSUER, OTHER = "https://issuer.example", "other"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    jwt = {
        "jwtRules": [
            {
                "issuer": ISSUER,
                "jwks": keys(),
                "outputPayloadToHeader": "x-payload",
                "outputClaimToHeaders": [{"header": "x-team", "claim": "team"}],
            },
            {"issuer": OTHER, "jwks": keys(), "forwardOriginalToken": True, "fromHeaders": [{"name": "x-token"}]},
        ]
    }

    def paths(*names: str) -> list[JsonObject]:
        return [{"operation": {"paths": list(names)}}]

    allowed = [
        {"to": paths("/open*", "/denied/{*}/x", "/claims")},
        {"to": paths("/mine"), "from": [{"source": {"requestPrincipals": [f"{ISSUER}/me"]}}]},
        {"to": paths("/anyone"), "from": [{"source": {"requestPrincipals": ["*"]}}]},
        {"to": paths("/admins"), "when": [{"key": "request.auth.claims[groups]", "values": ["admin"]}]},
        {"to": paths("/here"), "from": [{"source": {"remoteIpBlocks": ["192.0.2.0/24"]}}]},
    ]
    denied = [{"to": paths("/denied/{*}/x")}, {"to": [{"operation": {"hosts": ["closed.example"]}}]}]
    with application("one") as one, application("two") as two:
        routed = virtual_service(
            {
                "match": [{"uri": {"exact": "/claims"}, "headers": {"@request.auth.claims.team": {"exact": "blue"}}}],
                "route": [to(LOOPBACK, two.port)],
            },
            {"route": [to(LOOPBACK, one.port)]},
        )
        documents = [
            gateway(server(port)),
            routed,
            document("RequestAuthentication", "jwt", {**OWN, **jwt}),
            policy("allow", rules=allowed),
            policy("deny", action="DENY", rules=denied),
            policy("audit", action="AUDIT", rules=[{"to": paths("/open")}]),
        ]
        found = configuration(*documents, address=LOOPBACK)
        with running(found, tmp_path_factory.mktemp("policies")) as envoy:
            yield World(port, envoy)


def test_what_no_policy_allows_is_refused_and_what_one_denies_too(world: World) -> None:
    statuses = [world.ask(path).status for path in ("/open", "/opened", "/else", "/denied/a/x")]
    assert statuses == [200, 200, 403, 403]


def test_what_is_audited_is_marked_in_the_access_log(world: World) -> None:
    for path in ("/open?audited", "/opened?not"):
        world.ask(path)

    def marks() -> dict[str, bool]:
        entries = (json.loads(line) for line in world.envoy.log().splitlines() if line.startswith("{"))
        return {entry["path"]: entry["audited"] for entry in entries}

    until(lambda: {"/open?audited", "/opened?not"} <= marks().keys(), 60, "both requests are logged")
    assert marks()["/open?audited"] is True
    assert marks()["/opened?not"] is False


def test_a_denied_host_is_denied_with_any_port_and_in_any_case(world: World) -> None:
    hosts = ("closed.example", "closed.example:80", "CLOSED.example", "open.example")
    assert [world.ask("/open", host).status for host in hosts] == [403, 403, 403, 200]


def test_a_token_says_who_asks(world: World) -> None:
    mine, other = token(ISSUER, "me"), token(ISSUER, "you")
    assert [world.ask("/mine", Authorization=each).status for each in (mine, other)] == [200, 403]
    assert world.ask("/mine").status == 403
    assert world.ask("/anyone", x_token=token(OTHER, "x").removeprefix("Bearer ")).status == 200


def test_a_token_that_is_not_valid_is_refused_even_where_none_is_needed(world: World) -> None:
    assert world.ask("/open", Authorization="Bearer x.y.z").status == 401
    assert world.ask("/open", Authorization=token("unknown", "me")).status == 401
    assert world.ask("/open", Authorization=token(ISSUER, "me", exp=1)).status == 401


def test_claims_are_conditions_for_policies_and_routes(world: World) -> None:
    admin = token(ISSUER, "me", groups=["dev", "admin"], team="blue")
    assert world.ask("/admins", Authorization=admin).status == 200
    assert world.ask("/admins", Authorization=token(ISSUER, "me", groups=["dev"])).status == 403
    assert world.ask("/claims", Authorization=admin).seen["name"] == "two"
    assert world.ask("/claims").seen["name"] == "one"


def test_claims_reach_the_application_as_headers_and_the_token_only_if_asked_for(world: World) -> None:
    seen = world.ask("/open", Authorization=token(ISSUER, "me", team="blue")).seen["headers"]
    assert (seen["x-team"], "authorization" in seen, "x-payload" in seen) == ("blue", False, True)
    forwarded = token(OTHER, "x").removeprefix("Bearer ")
    assert world.ask("/open", x_token=forwarded).seen["headers"]["x-token"] == forwarded


def test_an_address_that_a_client_only_claims_does_not_count(world: World) -> None:
    """Without trusted proxies in front, X-Forwarded-For is anybody's word."""
    assert world.ask("/here", X_Forwarded_For="192.0.2.1").status == 403


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"issuer": "a"}, "jwksUri"),
        ({"issuer": "a", "jwksUri": "ftp://a"}, "jwtRules[0].jwksUri"),
        ({"issuer": "a", "jwks": "{}"}, "jwtRules[0].jwks"),
        ({"issuer": "a", "jwks": keys(), "fromHeader": []}, "did you mean 'fromHeaders'"),
    ],
)
def test_tokens_that_cannot_be_verified_are_refused(rule: JsonObject, message: str) -> None:
    found = document("RequestAuthentication", "jwt", {**OWN, "jwtRules": [rule]})
    assert message in faults(gateway(), BOUND, found)


def test_keys_are_fetched_from_where_the_rule_says(tmp_path: Path) -> None:
    rule = {"issuer": "a", "jwksUri": "https://keys.example/jwks.json", "audiences": ["me"], "fromParams": ["t"]}
    found = document("RequestAuthentication", "jwt", {**OWN, "jwtRules": [rule]}, "istio-system")
    made = configuration(gateway(), BOUND, found)
    assert "keys|443||keys.example" in {each["name"] for each in made["static_resources"]["clusters"]}
    accepted(made, tmp_path)
    assert len(routes(made)) == 1
