"""The order of containers (reference 11.7)."""

import pytest

from injector.core.model import Pod
from injector.core.ordering import order_containers


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
