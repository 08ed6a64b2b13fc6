"""`injector serve` as a process: it makes its own authority, follows its files, and drains before it stops."""

import os
import signal
from pathlib import Path
from typing import Any

import httpx

from tests.cli.serving import Start
from tests.support import pod_of, review_of
from tests.waiting import wait_until

JSON = {"Content-Type": "application/json"}


def templates_of(client: httpx.Client) -> list[str]:
    answer = client.post("/inject", content=review_of(pod_of()), headers=JSON).json()["response"]
    return list(answer["auditAnnotations"]["templates"].split(","))


def test_it_serves_with_an_authority_of_its_own(start: Start) -> None:
    server = start()
    with server.client() as client:
        assert client.get("/readyz").json()["ready"]
        assert templates_of(client) == ["sidecar"]


def test_a_changed_file_is_in_force_and_a_broken_one_is_not(start: Start, tmp_path: Path) -> None:
    """The file is swapped as the kubelet swaps a mounted ConfigMap: through the link `..data`."""
    mounted = tmp_path / "mounted"

    def publish(number: int, text: str) -> None:
        version = mounted / f"..{number}"
        version.mkdir(parents=True)
        (version / "config.yaml").write_text(text, encoding="utf-8")
        (mounted / "..next").symlink_to(version.name)
        (mounted / "..next").replace(mounted / "..data")

    publish(1, "defaultTemplates: [sidecar]")
    (mounted / "config.yaml").symlink_to("..data/config.yaml")
    server = start("-c", str(mounted / "config.yaml"))
    with server.client() as client:
        publish(2, "defaultTemplates: [gateway]")
        wait_until(lambda: templates_of(client) == ["gateway"])
        publish(3, "defaultTemplates: [nope]")
        wait_until(lambda: client.get("/readyz").json()["configuration"] == "last good one")
        assert "nope" in client.get("/readyz").json()["fault"]
        assert templates_of(client) == ["gateway"]
        assert "sidecar_injector_configuration_current 0.0" in client.get("/metrics").text
        publish(4, "defaultTemplates: [grpc-simple]")
        wait_until(lambda: templates_of(client) == ["grpc-simple"])
        assert client.get("/readyz").json()["configuration"] == "current"


def test_it_drains_before_it_stops(start: Start) -> None:
    """For as long as it is told to, here longer than any machine takes for a request."""
    server = start("--drain-seconds", "600")
    with server.client() as client:
        client.get("/healthz")
        os.kill(server.process.pid, signal.SIGTERM)
        wait_until(lambda: client.get("/readyz").status_code == 503)
        response = client.post("/inject", content=review_of(pod_of()), headers=JSON)
        assert response.json()["response"]["allowed"]
        assert response.headers["connection"] == "close"
    assert server.process.poll() is None


def test_when_it_has_drained_it_stops(start: Start) -> None:
    server = start("--drain-seconds", "0.1")
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


def test_a_second_signal_stops_at_once(start: Start) -> None:
    server = start("--drain-seconds", "600")
    os.kill(server.process.pid, signal.SIGTERM)
    with server.client() as client:
        wait_until(lambda: client.get("/readyz").status_code == 503)
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


def test_the_preview_is_served_beside_the_webhook_or_apart_on_loopback(start: Start) -> None:
    pod = "{kind: Pod, spec: {containers: [{name: app}]}}"
    yaml = {"Content-Type": "text/yaml"}
    server = start("--preview-port", "0", "--drain-seconds", "0.1")
    with server.client() as client:
        assert client.post("/preview", content=pod, headers=yaml).status_code == 404
        assert client.get("/").status_code == 404
        apart = server.wait_for_line("serving preview")["address"]
        answer = client.post(f"{apart}/preview", content=pod, headers=yaml)
        assert [item["decision"]["inject"] for item in answer.json()] == [True]
        assert client.get(f"{apart}/").status_code == 200
        assert client.post(f"{apart}/inject").status_code == 404
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


def test_a_preview_apart_has_a_process_of_its_own_and_tries_configurations(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "injector.yaml"
    file.write_text("policy: enabled", encoding="utf-8")
    server = start("--preview-port", "0", "-c", str(file))
    asked = {
        "workloads": "{kind: Pod, spec: {containers: [{name: app}]}}",
        "configuration": "defaultTemplates: [envoy]",
    }
    with server.client() as client:
        apart = server.wait_for_line("serving preview")["address"]

        def item() -> dict[str, Any]:
            answer = client.post(f"{apart}/preview/configuration", json=asked).json()
            return dict(answer["items"][0])

        assert item()["templates"] == ["envoy"]
        assert 'data-configuration="on"' in client.get(f"{apart}/").text
        assert item()["before"]["decision"]["inject"] is True
        file.write_text("policy: disabled", encoding="utf-8")
        wait_until(lambda: item()["before"]["decision"]["inject"] is False)
    forked = descendants(server.process.pid)
    os.kill(server.process.pid, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in forked))


def test_a_preview_whose_process_dies_is_started_again(start: Start, tmp_path: Path) -> None:
    """It serves on the same port, from the configuration that is in force by then."""
    file = tmp_path / "injector.yaml"
    file.write_text("policy: enabled", encoding="utf-8")
    server = start("--preview-port", "0", "-c", str(file), "--drain-seconds", "0.1")
    pod = "{kind: Pod, spec: {containers: [{name: app}]}}"
    with server.client() as client:
        apart = server.wait_for_line("serving preview")["address"]

        def injects() -> bool | None:
            try:
                answer = client.post(f"{apart}/preview", content=pod, headers={"Content-Type": "text/yaml"})
            except httpx.TransportError:
                return None
            return bool(answer.json()[0]["decision"]["inject"])

        assert injects() is True
        before = descendants(server.process.pid)
        os.kill(before[-1], signal.SIGKILL)
        file.write_text("policy: disabled", encoding="utf-8")
        wait_until(lambda: injects() is False)
        assert client.get("/readyz").json()["ready"]
        forked = [*before, *descendants(server.process.pid)]
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in forked))


def descendants(process: int) -> list[int]:
    """The processes that `process` has forked, and those that they have."""
    children = [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text("utf-8").split()]
    return [*children, *(each for child in children for each in descendants(child))]


def test_a_preview_beside_the_webhook_tries_no_configuration(start: Start) -> None:
    with start().client() as client:
        assert 'data-configuration="off"' in client.get("/").text
        assert client.post("/preview/configuration", json={}).status_code == 404
