"""The proxy's user and group on OpenShift (reference 16)."""

from typing import Any

import pytest

from injector.core.platform import GROUP_RANGES, USER_RANGE, proxy_ids, without_range_user

RANGES = [
    ({USER_RANGE: "1000620000/10000", GROUP_RANGES: "1000700000/10000"}, 1000629999, 1000709999),
    ({USER_RANGE: "1000620000/10000"}, 1000629999, 1000629999),
    ({USER_RANGE: "1000-1999"}, 1999, 1999),
    ({USER_RANGE: "1/10", GROUP_RANGES: "5/10,100/10"}, 10, 14),
    ({USER_RANGE: "1/10", GROUP_RANGES: "5/10,what"}, 10, 1337),
    ({USER_RANGE: "1/10", GROUP_RANGES: ""}, 10, 1337),
    ({GROUP_RANGES: "5/10"}, 1337, 14),
    ({USER_RANGE: "what"}, 1337, 1337),
    ({USER_RANGE: "4294967295/2"}, 1337, 1337),
    ({USER_RANGE: ""}, 1337, 1337),
    ({USER_RANGE: "1/10,5/10"}, 1337, 10),
    ({USER_RANGE: "0-0"}, 0, 0),
    ({USER_RANGE: "1 / 10"}, 1337, 1337),
    ({}, 1337, 1337),
]


@pytest.mark.parametrize(("annotations", "user", "group"), RANGES)
def test_ids_are_the_ends_of_the_namespace_s_ranges(annotations: dict[str, str], user: int, group: int) -> None:
    namespace = {"metadata": {"annotations": annotations}}
    assert proxy_ids(namespace) == (user, group)


def container(name: str, user: int | None = None, group: int | None = None) -> dict[str, Any]:
    ids = {"runAsUser": user, "runAsGroup": group}
    return {"name": name, "securityContext": {key: value for key, value in ids.items() if value is not None}}


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), "initContainers": list(init)}}


@pytest.mark.parametrize(
    ("given", "is_reset"),
    [
        (pod(container("app", 5), container("istio-proxy", 5, 6)), True),
        (pod(container("app", 5), container("istio-proxy", 7, 6)), False),
        (pod(container("app"), container("istio-proxy", None, 6)), True),
        (pod(container("app"), container("istio-proxy", 0, 6)), True),
        (pod(container("a", 1), container("b", 5), container("istio-proxy", 5, 6)), True),
        (pod(container("a", 5), container("b", 1), container("istio-proxy", 5, 6)), False),
        (pod(container("a", 1), container("istio-proxy", 5, 6), init=(container("i", 5),)), True),
        (pod(container("a", 1), container("istio-proxy", 5, 6), init=(container("istio-init", 5),)), False),
        (pod(container("a", 1), init=(container("istio-proxy", 1, 2),)), True),
    ],
)
def test_a_user_that_is_only_the_namespace_s_is_dropped(given: dict[str, Any], is_reset: bool) -> None:
    result = without_range_user(given)
    assert (result is not given) is is_reset
    every = [*result["spec"]["containers"], *result["spec"]["initContainers"]]
    context = next(each["securityContext"] for each in every if each["name"] == "istio-proxy")
    assert ("runAsGroup" in context) is not is_reset


def test_a_proxy_without_security_context_is_left_alone() -> None:
    given = pod({"name": "app"}, {"name": "istio-proxy"})
    assert without_range_user(given) is given
