"""The sandbox keeps a kubelet's promises, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox import PodFailed, RunningPod, Sandbox, needs_namespaces, python_image
from tests.sandbox.network import PREFIX

pytestmark = needs_namespaces

SHELL = {"shell": python_image("-c", "import os, sys; os.execv('/bin/sh', ['sh', '-c', *sys.argv[1:]])")}
SERVER = "exec python3 -m http.server --bind :: 8080 --directory /proc/sys/net"

# Asks `files.default` over the address family of its argument.
FETCH = """
import http.client, socket, sys
connection = http.client.HTTPConnection("files.default", timeout=30)
address = socket.getaddrinfo("files.default", 80, getattr(socket, sys.argv[1]))[0][4]
connection.sock = socket.create_connection(address[:2], 30)
connection.request("GET", "/")
print(connection.getresponse().read().decode())
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def shell(name: str, script: str, **fields: object) -> dict[str, object]:
    return {"name": name, "image": "shell:1", "args": [script], **fields}


def pod_with(*containers: dict[str, object], **spec: object) -> dict[str, object]:
    return {"metadata": {"name": "shop"}, "spec": {"containers": [*containers], **spec}}


def test_pods_reach_each_other_by_service_name_over_both_families(sandbox: Sandbox) -> None:
    probe = {"httpGet": {"path": "/", "port": "http"}}
    server = shell("server", SERVER, ports=[{"name": "http", "containerPort": 8080}], readinessProbe=probe)
    one, two = (sandbox.run(pod_with(server), SHELL) for _ in range(2))
    client = sandbox.run(pod_with(shell("idle", "sleep 60")), SHELL)
    sandbox.service("files", [one, two], 80, 8080)

    for family in ("AF_INET", "AF_INET6"):
        for _ in range(2):
            assert "ipv4" in client.exec(sys.executable, "-c", FETCH, family).stdout
    with sandbox.on_node(), urllib.request.urlopen(f"http://[{two.address6}]:8080/", timeout=30) as answer:
        assert answer.status == 200


def test_containers_start_in_order_and_end_in_order(sandbox: Sandbox) -> None:
    diary = sandbox.directory / "diary"
    write = f"echo {{}} >> {diary}"
    stays = "trap '{}; exit 0' TERM; touch {}; while :; do sleep 0.05; done"
    up = sandbox.directory / "up"
    sidecar = shell(
        "sidecar",
        f"sleep 0.3; {write.format('sidecar')}; {stays.format(write.format('sidecar-ends'), up)}",
        restartPolicy="Always",
        startupProbe={"exec": {"command": ["test", "-e", str(up)]}},
        lifecycle={"preStop": {"exec": {"command": ["sh", "-c", write.format("drain")]}}},
    )
    app = shell("app", f"{write.format('app')}; {stays.format(write.format('app-ends'), f'{up}2')}")

    pod = sandbox.run(
        pod_with(
            app, initContainers=[shell("first", write.format("first")), sidecar, shell("last", write.format("last"))]
        ),
        SHELL,
    )
    while not Path(f"{up}2").exists():
        time.sleep(0.05)
    pod.stop()

    assert diary.read_text().split() == ["first", "sidecar", "last", "app", "drain", "app-ends", "sidecar-ends"]


def test_users_capabilities_variables_and_read_only_files(sandbox: Sandbox) -> None:
    context = {
        "runAsUser": 1337,
        "runAsGroup": 1338,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
    }
    container: dict[str, object] = {
        "name": "app",
        "image": "sh",
        "command": ["sh", "-c", 'id -u; id -g; grep CapBnd /proc/self/status; touch /x; echo "$IP $(NAME)"'],
        "env": [
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "securityContext": context,
    }
    pod = sandbox.run(pod_with(container), {"sh": python_image()}, wait=False)
    while pod.is_running("app"):
        time.sleep(0.05)

    lines = pod.logs("app").splitlines()
    assert lines[:2] == ["1337", "1338"]
    assert int(lines[2].split()[1], 16) == 0
    assert "Read-only file system" in lines[3]
    assert lines[4].split() == [pod.address, "shop"]


def test_a_failing_init_container_fails_the_pod(sandbox: Sandbox) -> None:
    with pytest.raises(PodFailed, match="prepare: no luck"):
        sandbox.run(pod_with(shell("app", "sleep 9"), initContainers=[shell("prepare", "echo no luck; exit 1")]), SHELL)


def names() -> set[str]:
    return {line.split()[0] for line in subprocess.check_output(["ip", "netns"], text=True).splitlines() if line}


def own_names() -> set[str]:
    """Those that this process has made: others may run sandboxes at the same time."""
    return {name for name in names() if name.startswith(f"{PREFIX}{os.getpid()}-")}


def test_what_a_crash_leaves_is_swept_by_the_next_sandbox() -> None:
    script = "import time\nfrom tests.sandbox import Sandbox\nwith Sandbox(): print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    left = {name for name in names() if name.startswith(f"{PREFIX}{process.pid}-")}
    assert left
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    with Sandbox():
        assert not left & names()


def test_nothing_is_left_at_the_end() -> None:
    before = own_names()
    with Sandbox() as sandbox:
        pod: RunningPod = sandbox.run(pod_with(shell("app", "sleep 60")), SHELL)
        assert pod.is_running("app")
        directory = sandbox.directory

    assert own_names() == before
    assert not directory.exists()
    assert not Path("/etc/netns", pod.network).exists()
