"""Disks that are full or cannot be written do not stop the server."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from certs.directory import DirectoryStore
from certs.model import Holding, Settings
from certs.rotation import ensure, renewed_serving
from tests.cli.running import INJECTOR
from tests.cli.serving import Server
from tests.faults.load import BODY, JSON
from tests.ports import free_port
from tests.waiting import wait_until

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"),
    reason="needs root and unshare: run as root, apt install util-linux",
)


SETTINGS = Settings(names=("localhost", "127.0.0.1"))


@contextmanager
def serving(
    stderr: int, store: DirectoryStore, before: Sequence[str] = (), arguments: Sequence[str] = ()
) -> Iterator[httpx.Client]:
    """A server whose log goes to `stderr`, started by the command `before`; gives a client when it answers."""
    port = free_port()
    files = ["--tls-cert", str(store.certificate), "--tls-key", str(store.key)]
    command = [*before, str(INJECTOR), "serve", "--host", "127.0.0.1", "--port", str(port), *files, *arguments]
    process = subprocess.Popen(command, stderr=stderr)
    trust = ssl.create_default_context(cafile=store.bundle)
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trust, timeout=60) as client:
        try:
            wait_until(lambda: answers(client))
            yield client
        finally:
            process.kill()
            process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    made = DirectoryStore(tmp_path / "certs")
    ensure(made, SETTINGS, datetime.now(UTC))
    return made


def lines_lost(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("sidecar_injector_log_lines_lost_total"))


def reviews_are_answered(client: httpx.Client, count: int) -> None:
    """All on one connection: a log that fails must not cost the client its connection."""
    for _ in range(count):
        response = client.post("/inject", content=BODY, headers=JSON)
        assert response.json()["response"]["allowed"]
        assert "connection" not in response.headers


def test_a_log_on_a_full_disk(store: DirectoryStore) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with serving(full, store) as client:
            reviews_are_answered(client, 50)
            assert lines_lost(client) >= 50
    finally:
        os.close(full)


def test_a_log_that_nobody_reads(store: DirectoryStore) -> None:
    """A pipe takes 64 KiB; then its writer would wait for ever."""
    reading, writing = os.pipe()
    try:
        with serving(writing, store) as client:
            reviews_are_answered(client, 1000)
            assert lines_lost(client) > 0
    finally:
        os.close(reading)
        os.close(writing)


@needs_root
def test_a_full_certificate_directory(tmp_path: Path) -> None:
    """An authority is made while there is room. Then there is none: no renewal, but serving, after a new start too."""
    place = tmp_path / "certs"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=True)
    try:
        for _ in range(2):
            server = Server(tmp_path, "--drain-seconds", "0")
            with server.client() as client:
                fill(place / "filler")
                with pytest.raises(OSError, match="No space left"):
                    server.store.update(renewed)
                reviews_are_answered(client, 20)
            server.process.kill()
            server.process.wait()
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@needs_root
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_read_only_file_system(store: DirectoryStore, workers: str) -> None:
    """Everything mounted read-only in a mount namespace of its own, as with `readOnlyRootFilesystem`."""
    script = 'mount -o remount,bind,ro / && exec "$@"'
    read_only = ["unshare", "--mount", "sh", "-c", script, "sh"]
    with serving(subprocess.DEVNULL, store, read_only, ["--workers", workers]) as client:
        reviews_are_answered(client, 20)


def renewed(held: Holding | None) -> Holding:
    assert held is not None
    return renewed_serving(held, SETTINGS, datetime.now(UTC))


def fill(file: Path) -> None:
    """Leave no room on the file system of `file`."""
    with file.open("wb", buffering=0) as filler:
        try:
            while filler.write(b"\0" * 1024):
                pass
        except OSError:
            return
