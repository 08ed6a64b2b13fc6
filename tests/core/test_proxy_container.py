"""The environment that configuration, path and pod force on the proxy (reference 1.2 step 5, 11.1, 11.5, 11.6)."""

from typing import Any

import pytest

from injector.config import load
from injector.core.admission import Subject, admit
from injector.core.model import EMPTY_SNAPSHOT, Pod, Workload
from injector.core.proxy_container import order_containers
from injector.core.setup import set_up
from tests.support import container_of, env_of, pod_of

CLUSTER, NETWORK = "ISTIO_META_CLUSTER_ID", "ISTIO_META_NETWORK"


def forced(pod: Pod, *sets: str, parameters: tuple[tuple[str, str], ...] = ()) -> Pod:
    workload = Workload("shop", "default", "Pod", "v1")
    subject = Subject(pod=pod, namespace="default", workload=workload, parameters=parameters)
    admission = admit(subject, set_up(load(sets=sets).config), EMPTY_SNAPSHOT)
    assert admission.allowed, admission.message
    return admission.pod


def env_names(pod: Pod) -> list[str]:
    return [entry["name"] for entry in container_of(pod, "istio-proxy")["env"]]


SETS = ("values.global.multiCluster.clusterName=c", "values.global.network=n")


@pytest.mark.parametrize(
    ("sets", "parameters", "label", "cluster", "network"),
    [
        ((), (), None, "Kubernetes", None),
        (SETS, (), None, "c", "n"),
        (SETS, ((CLUSTER, "c2"), (NETWORK, "n2")), None, "c2", "n2"),
        (SETS, ((NETWORK, "n2"),), "n3", "c", "n3"),
        ((), (), "n3", "Kubernetes", "n3"),
        (SETS, (), "", "c", "n"),
        (SETS, ((CLUSTER, ""),), None, "c", "n"),
    ],
)
def test_path_over_values_and_the_pod_s_label_over_both(
    sets: tuple[str, ...], parameters: Any, label: str | None, cluster: str, network: str | None
) -> None:
    labels = {"app": "shop", **({} if label is None else {"topology.istio.io/network": label})}
    pod = forced(pod_of(labels=labels), *sets, parameters=parameters)
    env = env_of(container_of(pod, "istio-proxy"))
    assert (env[CLUSTER], env.get(NETWORK)) == (cluster, network)


def test_forced_entries_stand_behind_all_others_sorted_and_only_once() -> None:
    pod = pod_of()
    own = {
        "name": "istio-proxy",
        "image": "auto",
        "env": [{"name": "FOO", "value": "mine"}, {"name": "ZZ", "value": "z"}],
    }
    pod["spec"]["containers"].append(own)
    found = forced(pod, *SETS, parameters=(("FOO", "path"), ("BAR", "")))
    names = env_names(found)
    assert names[-4:] == ["BAR", "FOO", CLUSTER, NETWORK]
    assert len(set(names)) == len(names)
    assert env_of(container_of(found, "istio-proxy"))["FOO"] == "path"


def test_what_later_steps_append_stands_behind_them() -> None:
    """Reference 11.6."""
    probe = {"readinessProbe": {"httpGet": {"path": "/", "port": 80}}}
    pod = pod_of(annotations={"prometheus.io/port": "80"}, container=probe)
    later = ["ISTIO_PROMETHEUS_ANNOTATIONS", "ISTIO_KUBE_APP_PROBERS"]
    assert env_names(forced(pod, *SETS))[-4:] == [CLUSTER, NETWORK, *later]


def test_the_network_becomes_a_label() -> None:
    """Reference 11.5."""
    assert forced(pod_of(), *SETS)["metadata"]["labels"]["topology.istio.io/network"] == "n"
    assert "topology.istio.io/network" not in forced(pod_of())["metadata"]["labels"]


def test_a_pod_without_a_proxy_gets_the_label_only() -> None:
    pod = pod_of(annotations={"inject.istio.io/templates": "grpc-simple"})
    found = forced(pod, *SETS, parameters=(("FOO", "x"),))
    assert found["metadata"]["labels"]["topology.istio.io/network"] == "n"
    assert "FOO" not in env_of(container_of(found, "app"))


# The order of containers (reference 11.7).


def pod(init: str, application: str) -> Pod:
    lists = {"initContainers": init.split(), "containers": application.split()}
    return {"spec": {which: [{"name": name} for name in names] for which, names in lists.items()}}


PROXY, INIT, VALIDATION, DUMP = "istio-proxy", "istio-init", "istio-validation", "enable-core-dump"

APPLICATION = [
    (f"{PROXY} app", False, f"app {PROXY}"),
    (f"{PROXY} app", True, f"{PROXY} app"),
    (f"a {PROXY} b", False, f"a b {PROXY}"),
    (f"a {PROXY} b", True, f"{PROXY} a b"),
    ("a b", True, "a b"),
]
INITIAL = [
    (f"{INIT} a b", f"a b {INIT}"),
    (f"a {VALIDATION} b", f"{VALIDATION} a b"),
    (f"{DUMP} {INIT} a {VALIDATION}", f"{VALIDATION} a {INIT} {DUMP}"),
    (f"a {DUMP} {PROXY} b {INIT}", f"{INIT} {PROXY} {DUMP} a b"),
    (f"a {PROXY} {VALIDATION}", f"{VALIDATION} {PROXY} a"),
    (f"{PROXY} {VALIDATION} {INIT}", f"{INIT} {VALIDATION} {PROXY}"),
    ("a b", "a b"),
]


@pytest.mark.parametrize(("before", "hold", "after"), APPLICATION)
def test_the_proxy_goes_behind_the_application_or_before_it_where_that_waits(
    before: str, hold: bool, after: str
) -> None:
    assert order_containers(pod("", before), hold=hold) == pod("", after)


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize(("before", "after"), INITIAL)
def test_redirection_goes_where_it_works(before: str, after: str, hold: bool) -> None:
    assert order_containers(pod(before, "app"), hold=hold) == pod(after, "app")


def test_a_pod_in_order_stays_the_same_object() -> None:
    given = pod(f"a {INIT}", f"app {PROXY}")
    assert order_containers(given, hold=False) is given


def test_duplicates_collapse_to_the_last_one() -> None:
    given = {"spec": {"containers": [{"name": PROXY, "image": "1"}, {"name": "a"}, {"name": PROXY, "image": "2"}]}}
    ordered = order_containers(given, hold=False)
    assert ordered["spec"]["containers"] == [{"name": "a"}, {"name": PROXY, "image": "2"}]
