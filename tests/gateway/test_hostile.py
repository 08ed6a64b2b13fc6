"""Whatever stands where in a document: it is rendered or refused, and nothing else happens."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from injector.core.model import JsonObject
from injector.gateway import GatewayFaults, Options, render
from tests.gateway.support import document, gateway, server, service, text_of, to, virtual_service

JUNK: list[Any] = [None, 1, "x", [None], {}, {"a": ["x"]}]
TLS = {"mode": "MUTUAL", "credentialName": "web"}
DOCUMENTS: list[JsonObject] = [
    gateway(server(), server(443, "HTTPS", tls=TLS), server(9000, "TCP")),
    virtual_service(
        {"match": [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "1"}}}], "delegate": {"name": "leaf"}},
        {
            "route": [to("web", subset="v1", weight=1), to("out.example", weight=2)],
            "headers": {"request": {"set": {"x": "1"}}},
            "retries": {"attempts": 1},
            "mirrors": [to("web")],
            "fault": {"abort": {"httpStatus": 500}},
            "corsPolicy": {"allowOrigins": [{"exact": "x"}]},
        },
        tcp=[{"route": [to("web")]}],
        tls=[{"match": [{"sniHosts": ["a.example"]}], "route": [to("web")]}],
        exportTo=["*"],
    ),
    document("VirtualService", "leaf", {"http": [{"route": [to("web")]}]}),
    document(
        "DestinationRule",
        "web",
        {
            "host": "web",
            "exportTo": ["*"],
            "workloadSelector": {"matchLabels": {"app": "edge"}},
            "trafficPolicy": {"outlierDetection": {"interval": "1s"}, "portLevelSettings": [{"port": {"number": 80}}]},
            "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
        },
    ),
    document(
        "ServiceEntry",
        "out",
        {
            "hosts": ["out.example"],
            "exportTo": ["*"],
            "ports": [{"number": 80, "name": "http"}],
            "resolution": "STATIC",
            "endpoints": [{"address": "192.0.2.1", "ports": {"http": 8080}, "labels": {"a": "b"}}],
        },
    ),
    document(
        "AuthorizationPolicy",
        "p",
        {
            "selector": {"matchLabels": {"app": "edge"}},
            "rules": [
                {
                    "from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}],
                    "to": [{"operation": {"paths": ["/a"]}}],
                    "when": [{"key": "source.ip", "values": ["10.0.0.1"]}],
                }
            ],
        },
    ),
    document("RequestAuthentication", "j", {"jwtRules": [{"issuer": "a", "jwks": '{"keys": []}'}]}),
    document("EnvoyFilter", "e", {"workloadSelector": {"labels": {"app": "x"}}, "configPatches": [{"match": {}}]}),
    service("web", {"port": 80, "targetPort": 8080, "name": "http"}),
    service("edge", {"port": 80, "targetPort": 8080}),
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "shop"}, "data": {"tls.crt": "x"}},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "edge"},
        "spec": {"template": {"metadata": {"labels": {"app": "edge"}}}},
    },
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list within, with each of its keys or indexes."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


def number_of_places(one: JsonObject) -> int:
    return sum(1 for _ in places(one))


@pytest.mark.parametrize("index", range(len(DOCUMENTS)), ids=lambda index: DOCUMENTS[index]["kind"])
def test_junk_anywhere_is_rendered_or_refused(index: int) -> None:
    for place in range(number_of_places(DOCUMENTS[index])):
        for junk in JUNK:
            documents = copy.deepcopy(DOCUMENTS)
            holder, key = list(places(documents[index]))[place]
            holder[key] = junk
            with suppress(GatewayFaults):
                render([("input.yaml", text_of(*documents))], Options())
