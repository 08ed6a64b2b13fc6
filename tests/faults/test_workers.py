"""Several workers: one port, one sum of metrics, and nothing lost that need not be lost."""

import io
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from injector.server import workers
from injector.server.telemetry import Telemetry
from tests.cli.running import INJECTOR
from tests.cli.serving import Server, Start
from tests.faults.load import BODY, JSON, Load
from tests.waiting import wait_until


def pids(server: Server) -> dict[int, int]:
    """The process in each worker's place."""
    return {line["worker"]: line["pid"] for line in server.lines() if line["event"] == "worker started"}


def both_serve(server: Server) -> None:
    wait_until(lambda: sum(line["event"] == "serving" for line in server.lines()) >= 2)


def requests_counted(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("sidecar_injection_requests_total"))


def test_whoever_is_asked_gives_the_sum_of_all_workers(start: Start) -> None:
    server = start("--workers", "2")
    both_serve(server)
    for _ in range(20):
        with server.client() as client:
            assert client.post("/inject", content=BODY, headers=JSON).json()["response"]["allowed"]
    for _ in range(4):
        with server.client() as client:
            wait_until(lambda: requests_counted(client) == 20)


def test_a_worker_that_dies_under_load_is_replaced_and_what_it_counted_stays(start: Start) -> None:
    """Lost is at most what the dead worker had in hand: one request a connection."""
    server = start("--workers", "2")
    both_serve(server)
    victim = pids(server)[0]
    with Load(server).running(8) as load:
        wait_until(lambda: load.outcomes["200"] > 200)
        with server.client() as client:
            before = requests_counted(client)
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: pids(server)[0] != victim)
        answered = load.outcomes["200"]
        wait_until(lambda: load.outcomes["200"] > answered + 200)
        with server.client() as client:
            assert requests_counted(client) >= before
    assert load.outcomes["lost"] <= 8
    assert load.outcomes.keys() <= {"200", "lost", "no connection"}
    assert {"worker": 0, "pid": victim, "status": -9}.items() <= server.wait_for_line("worker died").items()


def test_while_a_single_worker_is_replaced_connections_wait(start: Start) -> None:
    server = start("--supervise")
    victim = pids(server)[0]
    with Load(server).running(4) as load:
        wait_until(lambda: load.outcomes["200"] > 100)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: pids(server)[0] != victim)
        answered = load.outcomes["200"]
        wait_until(lambda: load.outcomes["200"] > answered + 100)
    assert load.outcomes["lost"] <= 4
    assert load.outcomes.keys() <= {"200", "lost"}


def test_a_frozen_worker_is_replaced(start: Start) -> None:
    server = start("--supervise")
    victim = pids(server)[0]
    with server.client() as client:
        client.post("/inject", content=BODY, headers=JSON)
    os.kill(victim, signal.SIGSTOP)
    assert {"worker": 0, "pid": victim}.items() <= server.wait_for_line("worker hangs").items()
    wait_until(lambda: pids(server)[0] != victim)
    with server.client() as client:
        assert client.post("/inject", content=BODY, headers=JSON).json()["response"]["allowed"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_under_load_loses_no_request(start: Start, workers: str) -> None:
    # A busy machine may keep a request waiting for longer than a server usually lets it.
    server = start("--workers", workers, "--drain-seconds", "1", "--limit", "waitingSeconds=30")
    with Load(server).running(8) as load:
        wait_until(lambda: load.outcomes["200"] > 100)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=60) == 0
    assert load.outcomes["lost"] == 0
    assert load.outcomes.keys() <= {"200", "no connection"}, load.outcomes


def test_the_workers_end_when_their_parent_is_killed(start: Start) -> None:
    server = start("--workers", "2", "--drain-seconds", "0")
    both_serve(server)
    server.process.kill()
    wait_until(lambda: not any(alive(pid) for pid in pids(server).values()))


def test_what_keeps_the_first_worker_from_serving_ends_the_program(tmp_path: Path) -> None:
    command = [INJECTOR, "serve", "--port", "0", "--workers", "3", "--cert-dir", tmp_path, "--set", "policy=nope"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("--set policy=nope") == 1


def test_workers_replaced_while_the_configuration_is_broken_serve_the_last_good_one(
    start: Start, tmp_path: Path
) -> None:
    """Also one that was not there at the start: what the last reload put in force."""
    file = tmp_path / "config.yaml"

    def publish(template: str) -> None:
        """All at once: half a file would be another configuration."""
        new = tmp_path / "new.yaml"
        new.write_text(f"defaultTemplates: [{template}]", encoding="utf-8")
        new.replace(file)

    publish("sidecar")
    server = start("-c", str(file), "--workers", "2")
    both_serve(server)

    def seen() -> tuple[str, str]:
        """What a new connection meets: which configuration is in force, and the template that it leads to."""
        with server.client() as client:
            response = client.post("/inject", content=BODY, headers=JSON).json()["response"]
            return client.get("/readyz").json()["configuration"], response["auditAnnotations"]["templates"]

    def told(event: str) -> int:
        return sum(line["event"] == event for line in server.lines())

    in_force, refused = "configuration in force", "configuration refused, the last good one stays"
    publish("grpc-simple")
    wait_until(lambda: told(in_force) >= 4)
    publish("nope")
    wait_until(lambda: told(refused) >= 2)
    for place, victim in list(pids(server).items()):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: pids(server)[place] != victim)  # noqa: B023 -- called here
    wait_until(lambda: told("serving") == 4)
    for _ in range(10):
        assert seen() == ("last good one", "grpc-simple")
    assert told("worker died") == 2
    publish("gateway")
    wait_until(lambda: told(in_force) >= 6)
    for _ in range(10):
        assert seen() == ("current", "gateway")


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(start: Start) -> None:
    server = start("--workers", "2")
    both_serve(server)
    victim = pids(server)[1]
    os.kill(victim, signal.SIGSTOP)
    wait_until(lambda: pids(server)[1] != victim, seconds=60)
    server.wait_for_line("worker hangs")


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for a parent to notice does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 -- no file of ours
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_first_worker_that_never_serves_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started the program starts it again."""
    monkeypatch.setattr(workers, "_START_SECONDS", 0.2)
    with socket.socket() as bound:
        parent = os.fork()
        if parent == 0:
            try:
                workers.Supervisor(bound, 1, Telemetry(io.BytesIO()).log).forked()
                time.sleep(60)
            except SystemExit as ended:
                os._exit(int(ended.code or 0) % 256)
            os._exit(0)
        _, status = os.waitpid(parent, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL % 256
