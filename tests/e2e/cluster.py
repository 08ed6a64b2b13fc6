"""A real Kubernetes control plane on loopback: etcd, API server, controller manager, and kubectl to talk to it."""

import base64
import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import httpx
import trustme

from injector.config.loader import sample_files
from tests.ports import free_port

TOKEN = "e2e-administrator"  # noqa: S105 -- of a cluster that lives for a minute on loopback
START_SECONDS = 60
# Its place among the processes: etcd is the first.
_API_SERVER = 1


def applicable_sample() -> list[Path]:
    """The files of the Bookinfo sample that a cluster without Istio's own resources takes."""
    return [file for file in sample_files("bookinfo") if file.name != "gateway.yaml"]


def wait_until(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> Any:
    """What `condition` gives as soon as that is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"after {seconds} s: {what}")
        time.sleep(0.1)


@dataclass
class Cluster:
    """A control plane whose programs are in `programs` and whose files are in `directory`.

    `api_server_flags` come after those that every cluster of the tests has. `controllers` run; with `service_accounts`
    each pod gets the token of its account, as in most clusters.
    """

    programs: Path
    directory: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    etcd: int = 0
    api_server_flags: Sequence[str] = ()
    controllers: Sequence[str] = ("deployment", "replicaset", "namespace", "resourcequota")
    service_accounts: bool = False

    @property
    def kubeconfig(self) -> Path:
        """How clients reach it."""
        return self.directory / "kubeconfig"

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start everything and wait until the API server is ready."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.directory / "ca.crt")
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        certificate.private_key_pem.write_to_path(self.directory / "server.key")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(self.directory / "server.crt", append=True)
        self._write_private("token.csv", f'{TOKEN},admin,admin,"system:masters"\n')
        self._write_private("kubeconfig", json.dumps(self._kubeconfig()))
        trustme.CA().private_key_pem.write_to_path(self.directory / "accounts.key")
        self.etcd, peer = free_port(), free_port()
        self._run("etcd", *self._etcd_flags(self.etcd, peer))
        self._run("kube-apiserver", *self._api_server_flags(self.etcd))
        wait_until(self._is_ready, "the API server is not ready")
        self._run("kube-controller-manager", *self._controller_manager_flags())

    def stop(self) -> None:
        """Stop everything, last started first."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def stop_api_server(self) -> None:
        """End the API server, which cuts every watch off."""
        self.processes[_API_SERVER].kill()
        self.processes[_API_SERVER].wait()

    def start_api_server(self) -> None:
        """Start it again, on the same data, and wait until it is ready."""
        self._run("kube-apiserver", *self._api_server_flags(self.etcd))
        self.processes[_API_SERVER] = self.processes.pop()
        wait_until(self._is_ready, "the API server is not ready again")

    def compact(self) -> None:
        """Let etcd forget every revision before the present one, as it does by itself after minutes."""
        url = f"http://127.0.0.1:{self.etcd}/v3/kv"
        key = base64.b64encode(b"/").decode()
        revision = httpx.post(f"{url}/range", json={"key": key}).json()["header"]["revision"]
        httpx.post(f"{url}/compaction", json={"revision": revision, "physical": True}).raise_for_status()

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """What kubectl prints; where it fails and `check` is set, so does the test."""
        done = subprocess.run(
            [self.programs / "kubectl", "--kubeconfig", self.kubeconfig, *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    def apply(self, *objects: Any) -> str:
        """Apply objects with kubectl."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.kubectl("apply", "-f", "-", given=json.dumps(listed))

    def items(self, kind: str, namespace: str) -> list[Any]:
        """All objects of a kind in a namespace."""
        found: list[Any] = json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json"))["items"]
        return found

    def _run(self, program: str, *flags: str) -> None:
        log = (self.directory / f"{program}.log").open("wb")
        self.processes.append(
            subprocess.Popen([self.programs / program, *flags], stdout=log, stderr=log, cwd=self.directory)
        )

    def _is_ready(self) -> bool:
        ended = [process.args for process in self.processes if process.poll() is not None]
        assert not ended, f"ended early: {ended}; the logs are in {self.directory}"
        context = ssl.create_default_context(cafile=self.directory / "ca.crt")
        try:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            return httpx.get(f"{self.url}/readyz", verify=context, headers=headers).status_code == 200
        except httpx.TransportError:
            return False

    def _etcd_flags(self, port: int, peer: int) -> Sequence[str]:
        return (
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{port}",
            f"--advertise-client-urls=http://127.0.0.1:{port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        )

    def _api_server_flags(self, etcd: int) -> Sequence[str]:
        return (
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={self.directory / 'server.crt'}",
            f"--tls-private-key-file={self.directory / 'server.key'}",
            f"--token-auth-file={self.directory / 'token.csv'}",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-account-issuer=https://e2e.invalid",
            f"--service-account-key-file={self.directory / 'accounts.key'}",
            f"--service-account-signing-key-file={self.directory / 'accounts.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            *(() if self.service_accounts else ("--disable-admission-plugins=ServiceAccount",)),
            *self.api_server_flags,
        )

    def _controller_manager_flags(self) -> Sequence[str]:
        return (
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            f"--controllers={','.join(self.controllers)}",
            "--secure-port=0",
        )

    def _kubeconfig(self) -> Any:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "clusters": [
                {
                    "name": "e2e",
                    "cluster": {"server": self.url, "certificate-authority": str(self.directory / "ca.crt")},
                }
            ],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "admin"}}],
        }

    def _write_private(self, name: str, text: str) -> None:
        file = self.directory / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")


@contextmanager
def control_plane(directory: Path, missing: Callable[[str], NoReturn], **options: Any) -> Iterator[Cluster]:
    """A control plane with its files in `directory` while the block runs; `options` are fields of `Cluster`.

    Where its programs are not there, `missing` is told so, which is `pytest.skip` or `sys.exit`.
    """
    # As envtest names the folder.
    programs = os.environ.get("KUBEBUILDER_ASSETS")
    if not programs:
        missing("KUBEBUILDER_ASSETS is not set: get the programs with setup-envtest, or see the README, End to end")
    cluster = Cluster(Path(programs), directory, **options)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
