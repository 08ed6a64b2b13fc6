"""`injector check` on an installed release: each prepared fault is named, and nothing is said of a healthy cluster."""

import base64
import json
import os
import re
import shlex
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
import trustme

from certs.authority import describe
from certs.model import Holding
from certs.secret import holding_in
from injector.cluster.findings import Severity, problems
from injector.config import load
from injector.config.loader import ConfigText
from injector.policy import policies
from injector.runtime.cluster_check import Place, cluster_sections
from injector.runtime.config_sources import Connection
from tests.chart.rendering import CLUSTER_NAME, NAMESPACE, RELEASE, only
from tests.cli.running import run
from tests.e2e.charted import command
from tests.e2e.cluster import control_plane, wait_until
from tests.e2e.installed import API_SERVER_FLAGS, Installed, endpoints, installed, own_address, running
from tests.support import REPOSITORY

pytestmark = pytest.mark.e2e

SHOP = "shop"
TEMPLATE = """
spec:
  containers:
    - name: istio-proxy
      image: proxy
  volumes:
    - name: needed
      configMap: {name: needed}
    - name: token
      secret: {secretName: token}
"""
VALUES = {"config": {"templates": {"own": TEMPLATE}, "defaultTemplates": ["own"]}}


def namespace(name: str, **labels: str) -> Any:
    named = {key.replace("_", "-").replace("rev", "istio.io/rev"): value for key, value in labels.items()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": named}}


def needed(kind: str, name: str) -> Any:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": SHOP}}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """An installed release, on a control plane of its own, and a namespace that opted in."""
    directory = tmp_path_factory.mktemp("check")
    with control_plane(directory, pytest.skip, api_server_flags=API_SERVER_FLAGS) as cluster:
        cluster.apply(
            namespace(SHOP, istio_injection="enabled"), needed("ConfigMap", "needed"), needed("Secret", "token")
        )
        with installed(cluster, tmp_path_factory.mktemp("server"), VALUES) as made:
            yield made


def checked(release: Installed) -> tuple[int, str]:
    """Exit status and findings of the command, told of the cluster by nothing but $KUBECONFIG."""
    done = run("check", "-o", "json", environment={"KUBECONFIG": str(release.cluster.kubeconfig)})
    assert done.stderr == ""
    return done.returncode, "\n".join(f"{each['subject']}: {each['message']}" for each in json.loads(done.stdout))


def test_nothing_is_said_of_a_healthy_cluster(release: Installed) -> None:
    assert checked(release) == (0, "")


def test_every_section_says_what_was_looked_at(release: Installed) -> None:
    done = run("check", "--kubeconfig", release.cluster.kubeconfig)
    assert done.returncode == 0, done.stdout
    for words in (
        f"namespace.sidecar-injector.istio.io: a pod in {SHOP} gets istio-proxy (dry run)",
        f"Service {NAMESPACE}/{RELEASE}: 1 endpoints are ready",
        "holds the lease",
        "permissions that its options need",
        f"Secret {NAMESPACE}/{RELEASE}-certificates: authority until",
        "nobody else claims its namespaces",
        "2 ConfigMaps, Secrets and ServiceAccounts are there",
        "all is well",
    ):
        assert words in done.stdout


POLICY = """
templates: {own: "spec: {containers: [{name: audit, image: audit}]}"}
defaultTemplates: [own]
revision: other
"""


def test_a_template_that_a_policy_injects_too_is_named_with_what_helps(release: Installed) -> None:
    """Its policy answers to another revision: here it injects nothing."""
    (policy,) = policies(load([ConfigText("other.yaml", POLICY)]).config)
    release.cluster.apply(*policy.documents())
    try:
        status, found = checked(release)
        assert status == 1
        assert f"MutatingAdmissionPolicy {policy.name}: it injects template 'own', and so does the webhook" in found
    finally:
        for document in policy.documents():
            release.cluster.kubectl("delete", document["kind"].lower(), policy.name)
    assert checked(release) == (0, "")


Fault = Callable[[Installed], AbstractContextManager[None]]
REGISTRATION = ("mutatingwebhookconfiguration", CLUSTER_NAME)


def patched(*changes: tuple[str, str, Any], back: Any) -> Fault:
    """The registration changed by a JSON Patch of `changes`, and changed back."""

    @contextmanager
    def fault(release: Installed) -> Iterator[None]:
        patch = [{"op": op, "path": path, "value": value} for op, path, value in changes]
        release.cluster.kubectl("patch", *REGISTRATION, "--type=json", "-p", json.dumps(patch))
        try:
            yield
        finally:
            release.cluster.kubectl("patch", *REGISTRATION, "--type=json", "-p", json.dumps(back))
            wait_until(release.has_bundle, "no CA bundle")

    return fault


def replaced(path: str, value: Any, before: Any) -> Fault:
    """One field of the registration changed."""
    return patched(("replace", path, value), back=[{"op": "replace", "path": path, "value": before}])


def applied(*documents: Any) -> Fault:
    """Objects that were not there before."""

    @contextmanager
    def fault(release: Installed) -> Iterator[None]:
        release.cluster.apply(*documents)
        try:
            yield
        finally:
            listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
            release.cluster.kubectl("delete", "--force", "-f", "-", given=json.dumps(listed))

    return fault


def deleted(document: Any) -> Fault:
    """An object that is no longer there."""

    @contextmanager
    def fault(release: Installed) -> Iterator[None]:
        release.cluster.kubectl("delete", "-f", "-", given=json.dumps(document))
        try:
            yield
        finally:
            release.cluster.apply(document)

    return fault


def of_release(kind: str, name: str = RELEASE) -> Fault:
    """An object of the chart that somebody deleted."""

    @contextmanager
    def fault(release: Installed) -> Iterator[None]:
        with deleted(only(release.documents, kind, name))(release):
            yield
        wait_until(lambda: not checked(release)[1], "it does not recover", 60)

    return fault


@contextmanager
def killed(release: Installed) -> Iterator[None]:
    release.stop()
    try:
        yield
    finally:
        release.start()


@contextmanager
def ignored(release: Installed) -> Iterator[None]:
    with replaced("/webhooks/2/failurePolicy", "Ignore", "Fail")(release), killed(release):
        yield


@contextmanager
def no_endpoint_ready(release: Installed) -> Iterator[None]:
    release.cluster.apply(endpoints(own_address(), release.port, ready=False))
    try:
        yield
    finally:
        release.cluster.apply(endpoints(own_address(), release.port))


@contextmanager
def faulty_file(release: Installed) -> Iterator[None]:
    """As a replica sees it that could not load the ConfigMap."""
    file = release.directory / "config.yaml"
    good = file.read_text(encoding="utf-8")
    file.write_text(f"{good}polcy: enabled\n", encoding="utf-8")
    try:
        wait_until(lambda: "polcy" in checked(release)[1], "the change is not seen")
        yield
    finally:
        file.write_text(good, encoding="utf-8")
        wait_until(lambda: not checked(release)[1], "it does not recover")


@contextmanager
def faulty_config_map(release: Installed) -> Iterator[None]:
    good = only(release.documents, "ConfigMap")
    release.cluster.apply({**good, "data": {"config.yaml": f"{good['data']['config.yaml']}polcy: enabled\n"}})
    try:
        yield
    finally:
        release.cluster.apply(good)


@contextmanager
def crashing_pod(release: Installed) -> Iterator[None]:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
    state = {"name": "injector", "image": "i", "imageID": "i", "ready": False, "restartCount": 3, "state": waiting}
    release.report({"containerStatuses": [state]})
    try:
        yield
    finally:
        release.report(running(own_address()))


@contextmanager
def foreign_bundle(release: Installed) -> Iterator[None]:
    """Somebody put in another CA bundle, and the server may no longer write its own."""
    role = only(release.documents, "ClusterRole", CLUSTER_NAME)
    rules = [{**each, "verbs": [verb for verb in each["verbs"] if verb != "patch"]} for each in role["rules"]]
    bundle = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    release.cluster.apply({**role, "rules": rules})
    patch = [{"op": "replace", "path": f"/webhooks/{at}/clientConfig/caBundle", "value": bundle} for at in range(4)]
    try:
        wait_until(lambda: "may not patch" in checked(release)[1], "the right is still there")
        release.cluster.kubectl("patch", *REGISTRATION, "--type=json", "-p", json.dumps(patch))
        yield
    finally:
        release.cluster.apply(role)
        wait_until(lambda: not checked(release)[1], "it does not recover", 60)


def webhook(name: str, entry: str, service: str, *, only_injection: bool = False) -> Any:
    """A registration of somebody else, for every pod or for those of opted-in namespaces."""
    opted_in = {"matchLabels": {"istio-injection": "enabled"}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": entry,
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "timeoutSeconds": 1,
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "clientConfig": {"service": {"name": service, "namespace": "elsewhere"}},
                **({"namespaceSelector": opted_in} if only_injection else {}),
            }
        ],
    }


@contextmanager
def not_called_again(release: Installed) -> Iterator[None]:
    policies = [("replace", f"/webhooks/{at}/reinvocationPolicy", "Never") for at in range(4)]
    back = [{"op": op, "path": path, "value": "IfNeeded"} for op, path, _ in policies]
    with applied(webhook("zzz", "zzz.example.com", "zzz"))(release), patched(*policies, back=back)(release):
        yield


LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "none", "namespace": SHOP},
    "spec": {"limits": [{"type": "Container", "min": {"memory": "1Gi"}}]},
}
INJECTOR_ENTRY = "namespace.sidecar-injector.istio.io"

FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "the server is dead": (
        killed,
        ("connection refused; likely cause: nothing listens there", "/readyz does not answer"),
    ),
    "no endpoint is ready": (no_endpoint_ready, ("no endpoints available", "no endpoint is ready")),
    "the Service is gone": (of_release("Service"), ("and it does not exist",)),
    "a foreign CA bundle": (
        foreign_bundle,
        ("signed by unknown authority", "may not patch mutatingwebhookconfigurations", "is not that of Secret"),
    ),
    "permissions deleted": (
        of_release("ClusterRoleBinding", CLUSTER_NAME),
        ("may not list namespaces, which the server needs to decide who is injected",),
    ),
    "the wrong path": (
        replaced("/webhooks/2/clientConfig/service/path", "/injct", "/inject"),
        ("the path of the webhook is not one that the server has",),
    ),
    "admitted without a sidecar": (ignored, ("is admitted without a sidecar, though it should get one",)),
    "a row is missing": (
        replaced(
            "/webhooks/2/objectSelector",
            {},
            {"matchExpressions": [{"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}]},
        ),
        ("no entry calls the injector where the namespace's label istio-injection=enabled opts in",),
    ),
    "called for updates": (
        replaced("/webhooks/2/rules/0/operations", ["CREATE", "UPDATE"], ["CREATE"]),
        ("it is called for CREATE, UPDATE; valid: CREATE only",),
    ),
    "a revision that nobody serves": (
        applied(namespace("lost", rev="nobody")),
        ("Namespace lost: label istio.io/rev=nobody names a revision that is not served; valid: default",),
    ),
    "a misspelt label": (applied(namespace("yes", istio_injection="yes")), ("istio-injection=yes injects nothing",)),
    "labelled and not selected": (
        applied(namespace("local-path-storage", istio_injection="enabled")),
        ("Namespace local-path-storage: is labelled for injection, and its pods are not injected",),
    ),
    "selected and not injected": (
        applied(webhook("injector-more", INJECTOR_ENTRY, RELEASE)),
        ("which skips them",),
    ),
    "two releases": (
        applied(webhook("other", INJECTOR_ENTRY, "other", only_injection=True)),
        (f"other/{INJECTOR_ENTRY} of another release is called for the same pods, as in {SHOP}",),
    ),
    "Istio too": (
        applied(webhook("istio-sidecar-injector", INJECTOR_ENTRY, "istiod", only_injection=True)),
        (f"istio-sidecar-injector/{INJECTOR_ENTRY} of Istio is called for the same pods, as in {SHOP}",),
    ),
    "not called again": (not_called_again, ("zzz is called after it, and reinvocationPolicy of", "is Never")),
    "a faulty configuration in a replica": (faulty_file, ("works with the last good one", "polcy")),
    "a faulty ConfigMap": (faulty_config_map, ("configuration: ", "unknown key 'polcy'")),
    "a crashing replica": (crashing_pod, ("container injector: CrashLoopBackOff, back-off 40s",)),
    "a missing ConfigMap": (
        deleted(needed("ConfigMap", "needed")),
        (f"Namespace {SHOP}: its injected pods do not start: ConfigMap needed is missing there",),
    ),
    "a missing Secret": (deleted(needed("Secret", "token")), ("do not start: Secret token is missing there",)),
    "no room for a sidecar": (applied(LIMITS), ("minimum memory usage per Container", "has no room for the sidecar")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(release: Installed, name: str) -> None:
    fault, expected = FAULTS[name]
    with fault(release):
        status, found = checked(release)
    assert status == 1 or name in ("selected and not injected", "not called again", "no room for a sidecar")
    for words in expected:
        assert words in found


def test_afterwards_nothing_is_said_again(release: Installed) -> None:
    wait_until(lambda: checked(release) == (0, ""), f"not healthy: {checked(release)}")


def keys(found: Any, before: str = "") -> Iterator[str]:
    """The paths of all keys in JSON; names of resources and webhooks are one."""
    if isinstance(found, dict):
        is_named = before.endswith((".resources", ".registrations"))
        for key, value in found.items():
            path = f"{before}.NAME" if is_named else f"{before}.{key}".lstrip(".")
            yield path
            yield from keys(value, path)


def test_every_field_of_readyz_has_its_row(release: Installed) -> None:
    page = (REPOSITORY / "docs" / "availability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*) \|", page[page.index("## What /readyz says") :], re.MULTILINE)
    described = {name.rpartition(".")[2] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    found = httpx.get(f"https://127.0.0.1:{release.port}/readyz", verify=False).json()  # noqa: S501 -- read only
    last = {path.rpartition(".")[2] for path in keys(found)}
    # Two that only hold names.
    assert last - described <= {"resources", "registrations"}


def commands(heading: str) -> list[list[str]]:
    """The commands in the first block of docs/operations.md under a heading, as arguments."""
    page = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    block = page[page.index(f"\n{heading}\n") :].split("```")[1]
    return [shlex.split(line, comments=True) for line in block.strip().splitlines()]


def test_the_emergency_brake_lets_pods_start_and_comes_off_again(release: Installed) -> None:
    (brake,) = commands("## The emergency brake")
    with killed(release):
        wait_until(lambda: "connection refused" in release.created(SHOP), "pods are still let through")
        release.cluster.kubectl(*brake[1:])
        assert "dry run" in release.created(SHOP)
        release.cluster.apply(*(each for each in release.documents if each["kind"] == "MutatingWebhookConfiguration"))
    assert checked(release) == (0, "")


def test_readyz_is_read_as_the_page_says(release: Installed) -> None:
    ((_, *arguments),) = commands("## What /readyz says")
    placed = [each.replace(":POD:15017", f":{release.pods()[0]}:{release.port}") for each in arguments]
    assert json.loads(release.cluster.kubectl(*placed))["ready"] is True


def test_drift_goes_by_the_configuration_of_the_release(release: Installed) -> None:
    cluster, source = release.cluster, f"ConfigMap {NAMESPACE}/{RELEASE}, config.yaml"
    drift = ("drift", "--kubeconfig", cluster.kubeconfig, "-n", SHOP)
    cluster.kubectl("create", "deployment", "app", "--image=app", "-n", SHOP)
    # No pod ever becomes ready here, for which another strategy would wait.
    recreate = json.dumps({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    cluster.kubectl("patch", "deployment", "app", "-n", SHOP, "-p", recreate)
    wait_until(lambda: "istio-proxy" in json.dumps(cluster.items("pods", SHOP)), "no pod is injected")
    done = run(*drift)
    assert (done.returncode, "No drift: 1 pods" in done.stdout) == (0, True), done.stdout
    assert done.stderr == f"configuration: {source} (release {CLUSTER_NAME}, revision default)\n"
    good = only(release.documents, "ConfigMap")
    newer = {"config.yaml": good["data"]["config.yaml"].replace("image: proxy", "image: newer")}
    cluster.apply({**good, "data": newer})
    try:
        found = run(*drift, "-o", "names")
        assert (found.returncode, found.stdout) == (1, f"deployment/app --namespace={SHOP}\n")
        (release.directory / "config.yaml").write_text(newer["config.yaml"], encoding="utf-8")
        wait_until(lambda: "newer" in release.created(SHOP, "-o", "json"), "the server has the former configuration")
        cluster.kubectl("rollout", "restart", *found.stdout.split())
        wait_until(lambda: run(*drift).returncode == 0, "the new pods are not as they should be", 60)
    finally:
        (release.directory / "config.yaml").write_text(good["data"]["config.yaml"], encoding="utf-8")
        cluster.apply(good)
        cluster.kubectl("delete", "deployment", "app", "-n", SHOP)


def secret(release: Installed) -> Holding:
    found = json.loads(
        release.cluster.kubectl("get", "secret", f"{RELEASE}-certificates", "-n", NAMESPACE, "-o", "json")
    )
    held = holding_in(found["data"])
    assert held is not None
    return held


def shown_serial(release: Installed) -> int:
    """The serial number of the certificate that new connections are shown."""
    return describe(ssl.get_server_certificate(("127.0.0.1", release.port)).encode()).serial


def test_certificates_are_rotated_on_demand(release: Installed) -> None:
    before = secret(release)
    done = run("rotate", environment={"KUBECONFIG": str(release.cluster.kubeconfig)})
    assert (done.returncode, done.stderr) == (0, "")
    after = secret(release)
    assert (after.authority == before.authority, after.serving == before.serving) == (True, False)
    wait_until(lambda: shown_serial(release) == describe(after.serving.certificate).serial, "the new one is not shown")
    assert checked(release) == (0, "")


def test_the_authority_is_rotated_on_demand(release: Installed) -> None:
    before = secret(release)
    done = run("rotate", "--authority", "--kubeconfig", release.cluster.kubeconfig)
    assert done.returncode == 0, done.stderr
    assert "a rotation of the authority is under way" in run("check", "--kubeconfig", release.cluster.kubeconfig).stdout

    def is_over() -> bool:
        held = secret(release)
        return held.authority != before.authority and not (held.upcoming or held.retiring)

    wait_until(is_over, "the authority is not replaced", 60)
    wait_until(lambda: checked(release) == (0, ""), "it does not settle")


def test_the_readme_s_bookinfo_is_applied_to_an_empty_cluster(release: Installed) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (loop,) = (line for line in readme.splitlines() if line.startswith("for file in samples/bookinfo"))
    environment = {
        **os.environ,
        "KUBECONFIG": str(release.cluster.kubeconfig),
        "PATH": f"{release.cluster.programs}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-ec", loop], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: "istio-proxy" in json.dumps(release.cluster.items("pods", "bookinfo")), "no pod is injected")
    release.cluster.kubectl("delete", "namespace", "bookinfo", "--wait=false")


def test_beside_the_server_its_own_rights_and_files_are_enough(
    release: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with kubectl exec: the account may not list webhooks, read Services, or create pods."""
    assert release.process is not None
    arguments = tuple(map(str, command(release.documents, release.directory, release.directory / "kubeconfig")))
    monkeypatch.setattr("injector.runtime.cluster_check.server_arguments", lambda: arguments)
    sections = cluster_sections(Place(Connection(release.directory / "kubeconfig")), None)
    found = problems(sections)
    assert [each.message for _, each in found if each.severity is Severity.FAULT] == []
    looked_at = {section.title: [each.severity for each in section.findings] for section in sections}
    for title in ("configuration", "registration", "certificates", "permissions"):
        assert set(looked_at[title]) == {Severity.OK}, title
