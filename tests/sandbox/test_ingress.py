"""Gateways as the template makes them, replaced one by another under load: no request is lost."""

import http.client
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from injector.config.loader import sample_files
from injector.core.model import JsonObject, Pod
from injector.core.yaml.writer import write
from injector.manifests.files import workloads
from injector.manifests.workloads import created_pod
from tests.gateway.running import application
from tests.gateway.support import gateway, rendered, to, virtual_service
from tests.sandbox import GATEWAY, RunningPod, Sandbox, needs_namespaces, until
from tests.support import default_setup, injected

pytestmark = needs_namespaces

(SAMPLE,) = sample_files("bookinfo-gateway")
_CONFIGURATION = "/etc/gateway/configuration"


def gateway_pod(name: str, configuration: Path) -> Pod:
    """The sample's pod, injected; it reads its configuration where the sandbox has it."""
    ((document_of_sample, _),) = workloads(SAMPLE.read_text(encoding="utf-8"), SAMPLE.name)
    pod = created_pod(document_of_sample)
    pod["metadata"] = {**pod["metadata"], "name": name, "namespace": "bookinfo"}
    pod["spec"]["terminationGracePeriodSeconds"] = 20
    found = injected(pod, default_setup())
    (container,) = found["spec"]["containers"]
    container["args"] = [each.replace(_CONFIGURATION, str(configuration)) for each in container["args"]]
    return found


@dataclass
class Clients:
    """Requests without a pause, from several threads, to the gateways that `endpoints` lists at the time."""

    sandbox: Sandbox
    endpoints: list[str]
    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_over: bool = False

    def run(self, number: int, *, stays: bool) -> None:
        with self.sandbox.on_node():
            connection: http.client.HTTPConnection | None = None
            while not self.is_over:
                endpoint = self.endpoints[number % len(self.endpoints)]
                try:
                    connection = connection or http.client.HTTPConnection(endpoint, 80, timeout=30)
                    connection.request("GET", "/", headers={"Host": "shop.example"})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        self.versions.append(answer.headers["x-version"])
                    else:
                        self.failures.append(f"{endpoint}: {answer.status}")
                    if answer.will_close or not stays:
                        connection.close()
                        connection = None
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(f"{endpoint}: {error!r}")
                    connection = None


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


def start(sandbox: Sandbox, directory: Path, version: str, *documents: JsonObject) -> RunningPod:
    configuration = directory / version
    configuration.mkdir(mode=0o755)
    found = rendered(*documents, directory=str(configuration))
    for name, content in found.files.items():
        (configuration / name).write_text(write(content), encoding="utf-8")
    images = {"docker.io/envoyproxy/envoy": sandbox.envoy()}
    return sandbox.run(gateway_pod(version, configuration), images)


def test_a_new_configuration_replaces_the_old_one_under_load_without_a_failed_request(sandbox: Sandbox) -> None:
    with sandbox.on_node(), application("shop", address=GATEWAY, delay=0.05) as shop:

        def documents(version: str) -> list[JsonObject]:
            headers = {"response": {"set": {"x-version": version}}}
            return [gateway(), virtual_service({"headers": headers, "route": [to(GATEWAY, shop.port)]})]

        old = start(sandbox, sandbox.directory, "one", *documents("one"))
        clients = Clients(sandbox, [old.address])
        threads = [
            threading.Thread(target=clients.run, args=(number,), kwargs={"stays": number % 2 == 0})
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(clients.versions) > 50, 60, "requests are answered")
        new = start(sandbox, sandbox.directory, "two", *documents("two"))
        clients.endpoints = [old.address, new.address]
        until(lambda: "two" in clients.versions, 60, "the new gateway answers")
        stopping = threading.Thread(target=old.stop)
        stopping.start()
        # Whoever sends requests to the gateways learns a moment later that one of them leaves.
        time.sleep(1)
        clients.endpoints = [new.address]
        stopping.join()
        answered = len(clients.versions)
        until(lambda: len(clients.versions) > answered + 50, 60, "requests are answered")
        clients.is_over = True
        for thread in threads:
            thread.join()
    assert clients.failures == []
    assert set(clients.versions[answered:]) == {"two"}
    assert not old.is_running("envoy-gateway")


def test_a_gateway_that_leaves_says_so_and_ends_connections_after_their_response(sandbox: Sandbox) -> None:
    with sandbox.on_node(), application("shop", address=GATEWAY) as shop:
        documents = [gateway(), virtual_service({"route": [to(GATEWAY, shop.port)]})]
        pod = start(sandbox, sandbox.directory, "one", *documents)
        connection = http.client.HTTPConnection(pod.address, 80, timeout=30)

        def closes() -> bool:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            return answer.will_close

        assert not closes()
        stopping = threading.Thread(target=pod.stop)
        stopping.start()
        until(lambda: not pod.probe("envoy-gateway"), 60, "the gateway is not ready")
        assert closes()
        stopping.join()
        assert not pod.is_running("envoy-gateway")
