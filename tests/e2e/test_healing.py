"""Drills: what is deleted, emptied, overwritten or killed heals by itself. Each prints the seconds that it took."""

import base64
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509

from injector.cluster.api import NAMESPACES, ClusterError
from injector.cluster.client import connect
from tests.e2e.cluster import Cluster, wait_until
from tests.e2e.injecting import CONFIGURATION, LEASE, NAMESPACE, SECRET, Injector, injectors, registration, timed
from tests.ports import free_port

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def replicas(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Injector]]:
    """Two replicas that start at once where nothing is there yet but their registration, which calls the first."""
    ports = [free_port(), free_port()]
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for kind, name in (("secret", SECRET), ("lease", LEASE)):
        cluster.kubectl("delete", kind, name, "-n", NAMESPACE, "--ignore-not-found")
    cluster.apply(registration(ports[0]))
    with injectors(cluster, tmp_path_factory.mktemp("healing"), *ports) as started:
        yield started
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION, check=False)


def told(name: str, seconds: float) -> None:
    print(f"\n{name}: healed after {seconds:.1f} s")  # noqa: T201 -- what the drill is for


def secret(cluster: Cluster) -> dict[str, str]:
    found = json.loads(
        cluster.kubectl("get", "secret", SECRET, "-n", NAMESPACE, "-o", "json", "--ignore-not-found") or "{}"
    )
    data: dict[str, str] = found.get("data") or {}
    return data


def bundles(cluster: Cluster) -> set[str]:
    text = cluster.kubectl("get", "mutatingwebhookconfiguration", CONFIGURATION, "-o", "json", "--ignore-not-found")
    entries = json.loads(text)["webhooks"] if text else []
    return {each["clientConfig"].get("caBundle", "") for each in entries}


def is_healed(cluster: Cluster) -> Callable[[], bool]:
    """Every entry has exactly the bundle that the Secret holds."""
    return lambda: bool(secret(cluster)) and bundles(cluster) == {secret(cluster)["ca.crt"]}


def patched(cluster: Cluster, value: Any) -> None:
    entries = json.loads(cluster.kubectl("get", "mutatingwebhookconfiguration", CONFIGURATION, "-o", "json"))[
        "webhooks"
    ]
    changes = [
        {"op": "replace", "path": f"/webhooks/{index}/clientConfig/caBundle", "value": value}
        for index in range(len(entries))
    ]
    cluster.kubectl("patch", "mutatingwebhookconfiguration", CONFIGURATION, "--type=json", "-p", json.dumps(changes))


def holder(replicas: list[Injector]) -> Injector:
    found = [each for each in replicas if each.ready()["certificates"]["holder"]]
    assert len(found) == 1
    return found[0]


def test_two_replicas_that_start_at_once_share_one_authority(cluster: Cluster, replicas: list[Injector]) -> None:
    told("two replicas on an empty cluster", timed(is_healed(cluster), "no CA bundle"))
    wait_until(lambda: sum(each.ready()["certificates"]["holder"] for each in replicas) == 1, "not one holder")
    assert base64.b64decode(secret(cluster)["ca.crt"]).count(b"BEGIN CERTIFICATE") == 1


def authorities_shown(replicas: list[Injector], bundle: bytes) -> set[bytes]:
    """The key identifiers of the authorities whose certificates clients that trust `bundle` are shown."""
    found = set()
    for each in replicas:
        context = ssl.create_default_context(cadata=bundle.decode())
        with (
            socket.create_connection(("127.0.0.1", each.port), timeout=10) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as tls,
        ):
            shown = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
        identifier = shown.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        found.add(identifier or b"")
    return found


def key_identifier(bundle: bytes) -> bytes:
    certificate = x509.load_pem_x509_certificate(bundle)
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_both_replicas_show_certificates_of_the_authority_that_is_registered(
    cluster: Cluster, replicas: list[Injector]
) -> None:
    wait_until(is_healed(cluster), "not healed before")
    bundle = base64.b64decode(secret(cluster)["ca.crt"])
    assert authorities_shown(replicas, bundle) == {key_identifier(bundle)}


def test_an_authority_changes_on_both_replicas_and_clients_trust_each_at_every_moment(
    cluster: Cluster, replicas: list[Injector]
) -> None:
    wait_until(is_healed(cluster), "not healed before")
    before = secret(cluster)["authority.crt"]
    run_certs("rotate", "--authority", "--secret", f"{NAMESPACE}/{SECRET}", "--kubeconfig", str(cluster.kubeconfig))

    def is_done() -> bool:
        (registered,) = bundles(cluster)
        shown = authorities_shown(replicas, base64.b64decode(registered))
        kept = secret(cluster)
        is_over = kept["authority.crt"] != before and not {"upcoming.crt", "retiring.crt"} & kept.keys()
        return is_over and shown == {key_identifier(base64.b64decode(kept["authority.crt"]))}

    told("authority rotated on both replicas", timed(is_done, "the authority does not change", 90))
    wait_until(is_healed(cluster), "the old authority stays")


@pytest.mark.parametrize("value", ["", base64.b64encode(b"-").decode()], ids=["emptied", "overwritten"])
def test_a_ca_bundle_that_somebody_changed_is_written_again(
    cluster: Cluster, replicas: list[Injector], value: str
) -> None:
    wait_until(is_healed(cluster), "not healed before")
    before = writes(replicas)
    patched(cluster, value)
    told(f"CA bundle set to {value!r}", timed(is_healed(cluster), "the CA bundle is not written again"))
    wait_until(lambda: writes(replicas) > before, "it is not told that the bundle was written")


def writes(replicas: list[Injector]) -> int:
    """How often the CA bundle was written until now."""
    return sum(len(each.lines("CA bundle written")) for each in replicas)


def test_a_registration_replaced_in_place_without_bundle_gets_it_again(
    cluster: Cluster, replicas: list[Injector]
) -> None:
    wait_until(is_healed(cluster), "not healed before")
    before = writes(replicas)
    cluster.kubectl("replace", "-f", "-", given=json.dumps(registration(replicas[0].port)))
    told("registration replaced in place", timed(is_healed(cluster), "the CA bundle is not written again"))
    wait_until(lambda: writes(replicas) > before, "it is not told that the bundle was written")


@pytest.mark.parametrize("how", [(), ("--server-side", "--force-conflicts")], ids=["client", "server"])
def test_a_registration_applied_in_place_without_bundle_keeps_it(
    cluster: Cluster, replicas: list[Injector], how: tuple[str, ...]
) -> None:
    """Whoever applies it never owned the bundle, so there is nothing to heal, and no moment without."""
    wait_until(is_healed(cluster), "not healed before")
    before = writes(replicas)
    document = registration(replicas[0].port)
    for entry in document["webhooks"]:
        entry["timeoutSeconds"] = 6
    cluster.kubectl("apply", *how, "-f", "-", given=json.dumps(document))
    assert is_healed(cluster)()
    assert writes(replicas) == before


def test_a_corrupt_pair_in_the_secret_is_read_refused_and_never_served(
    cluster: Cluster, replicas: list[Injector]
) -> None:
    wait_until(is_healed(cluster), "not healed before")
    good, keeper = secret(cluster), holder(replicas)
    data = {"data": {"tls.key": base64.b64encode(b"no key").decode()}}
    cluster.kubectl("patch", "secret", SECRET, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(data))
    bundle = base64.b64decode(good["ca.crt"])

    def is_refused() -> bool:
        assert authorities_shown(replicas, bundle) == {key_identifier(bundle)}
        return bool(keeper.lines("certificate refused, the last good one stays"))

    seconds = timed(is_refused, "the corrupt pair is not read")
    assert "no private key in PEM form" in keeper.lines("certificate refused, the last good one stays")[0]["fault"]
    seconds += timed(lambda: secret(cluster) == good, "the good pair is not put back")
    told("corrupt pair in the Secret", seconds)
    assert authorities_shown(replicas, bundle) == {key_identifier(bundle)}


def test_a_registration_applied_anew_without_bundle_gets_it_again(cluster: Cluster, replicas: list[Injector]) -> None:
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION)
    wait_until(lambda: any(CONFIGURATION in json.dumps(each.ready()) for each in replicas), "its absence is not told")
    cluster.apply(registration(replicas[0].port))
    told("registration deleted and applied anew", timed(is_healed(cluster), "the CA bundle is not written again"))


def test_a_deleted_secret_comes_back_with_the_same_authority(cluster: Cluster, replicas: list[Injector]) -> None:
    assert replicas
    before = secret(cluster)["ca.crt"]
    cluster.kubectl("delete", "secret", SECRET, "-n", NAMESPACE)
    told("Secret deleted", timed(lambda: bool(secret(cluster)), "the Secret does not come back"))
    assert secret(cluster)["ca.crt"] == before
    wait_until(is_healed(cluster), "registration and Secret differ")


def test_when_the_lease_holder_is_killed_the_other_one_heals(cluster: Cluster, replicas: list[Injector]) -> None:
    first = holder(replicas)
    (other,) = (each for each in replicas if each is not first)
    first.kill()
    patched(cluster, base64.b64encode(b"-").decode())
    told("lease holder killed, CA bundle overwritten", timed(is_healed(cluster), "nobody took over", 40))
    assert other.ready()["certificates"]["holder"]
    first.start()
    first.wait()


def answers(injector: Injector) -> bool:
    return injector.ready()["ready"] is True


def test_while_the_api_server_is_away_the_last_snapshot_serves(cluster: Cluster, replicas: list[Injector]) -> None:
    cluster.stop_api_server()
    wait_until(lambda: not replicas[0].ready()["cluster"]["connected"], "it does not tell that the API server is away")
    assert answers(replicas[0])
    metrics = replicas[0].metrics()
    assert re.search(r'sidecar_injector_cluster_connected{resource="\w+"} 0.0', metrics)
    cluster.start_api_server()
    told(
        "API server restarted", timed(lambda: replicas[0].ready()["cluster"]["connected"], "it does not reconnect", 60)
    )


def restart(cluster: Cluster) -> None:
    cluster.stop_api_server()
    cluster.start_api_server()


def test_after_a_watch_has_expired_everything_is_read_anew(cluster: Cluster, replicas: list[Injector]) -> None:
    """What it goes on from is no longer kept: it was stopped while the cluster changed and etcd was compacted."""
    before = replicas[1].ready()["namespaces"]
    assert replicas[1].process is not None
    os.kill(replicas[1].process.pid, signal.SIGSTOP)
    server = connect(cluster.kubeconfig)
    version = next(server.pages(NAMESPACES)).version
    # Nothing of the change waits in a connection for it to wake up.
    restart(cluster)
    for name in ("expired-a", "expired-b"):
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.compact()
    restart(cluster)
    with pytest.raises(ClusterError) as raised:
        list(server.watch(NAMESPACES, version=version, seconds=1))
    assert raised.value.is_expired
    os.kill(replicas[1].process.pid, signal.SIGCONT)
    told("watch expired", timed(lambda: replicas[1].ready()["namespaces"] >= before + 2, "namespaces are not seen", 60))


def test_the_bootstrapper_works_on_a_secret_as_on_a_directory(cluster: Cluster, replicas: list[Injector]) -> None:
    assert replicas
    where = ("--secret", f"{NAMESPACE}/by-hand", "--kubeconfig", str(cluster.kubeconfig))
    told_before = run_certs("bootstrap", *where)
    assert run_certs("status", *where) == told_before
    before = by_hand(cluster)
    run_certs("rotate", *where)
    after = by_hand(cluster)
    assert (before["tls.crt"] != after["tls.crt"], before["ca.crt"] == after["ca.crt"]) == (True, True)
    assert run_certs("rotate", "--authority", *where).count("until") == 3
    assert run_certs("rotate", "--authority", *where).count("upcoming") == 1, "only the running injector goes on"


def by_hand(cluster: Cluster) -> dict[str, str]:
    text = cluster.kubectl("get", "secret", "by-hand", "-n", NAMESPACE, "-o", "json")
    data: dict[str, str] = json.loads(text)["data"]
    return data


def run_certs(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "certs", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
