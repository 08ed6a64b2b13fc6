"""How the layers of a pod's ProxyConfig come together (reference 3.4)."""

from typing import Any

import pytest

from injector.core.model import InjectionError
from injector.core.proxy_config import DEFAULTS, effective, merge, parse_text, without_zero_values

ROOT = "istio-system"


def resource(namespace: str, name: str = "r", created: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {"kind": "ProxyConfig", "metadata": metadata, "spec": spec}


def environment(**pairs: str) -> dict[str, Any]:
    return {"environmentVariables": pairs}


def layered(mesh: str, *resources: Any, annotation: str | None = None, namespace: str = "shop") -> dict[str, Any]:
    own = None if annotation is None else parse_text(annotation)
    found = effective(merge(DEFAULTS, parse_text(mesh)), resources, own, {"app": "shop"}, (ROOT, namespace))
    return {key: value for key, value in found.items() if DEFAULTS.get(key) != value}


MERGES: list[tuple[str, str, dict[str, Any]]] = [
    ("concurrency: 1", "concurrency: 2", {"concurrency": 2}),
    ("tracing: {sampling: 1, zipkin: {address: a:1}}", "tracing: {sampling: 2}", {"tracing": {"sampling": 2.0}}),
    ("extraStatTags: [a]", "extraStatTags: [b]", {"extraStatTags": ["b"]}),
    ("proxyMetadata: {A: '1', B: '2'}", "proxyMetadata: {B: '3'}", {"proxyMetadata": {"A": "1", "B": "3"}}),
    ("runtimeValues: {a: b}", "runtimeValues: {c: d}", {"runtimeValues": {"c": "d"}}),
    ("concurrency: 1", "concurrency: null", {"concurrency": 1}),
    ("serviceCluster: x", "tracingServiceName: CANONICAL_NAME_ONLY", {"tracingServiceName": "CANONICAL_NAME_ONLY"}),
    ("tracingServiceName: CANONICAL_NAME_ONLY", "serviceCluster: x", {"serviceCluster": "x"}),
    (
        "proxyHeaders: {requestId: {disabled: true}, server: {value: a}, xForwardedHost: {enabled: true}}",
        "proxyHeaders: {server: {value: b}}",
        {"proxyHeaders": {"requestId": {"disabled": True}, "server": {"value": "b"}}},
    ),
    ("interceptionMode: TPROXY", "interceptionMode: REDIRECT", {"interceptionMode": "REDIRECT"}),
]


@pytest.mark.parametrize(("base", "layer", "expected"), MERGES)
def test_the_proxy_merge(base: str, layer: str, expected: dict[str, Any]) -> None:
    assert merge(parse_text(base), parse_text(layer)) == expected


@pytest.mark.parametrize(
    ("layer", "kept"),
    [
        ("interceptionMode: REDIRECT", False),
        ("controlPlaneAuthPolicy: NONE", False),
        ("statNameLength: 0", False),
        ("meshId: ''", False),
        ("extraStatTags: []", False),
        ("runtimeValues: {}", False),
        ("concurrency: 0", True),
        ("holdApplicationUntilProxyStarts: false", True),
        ("drainDuration: 0s", True),
        ("tracing: {}", True),
        ("tracingServiceName: APP_LABEL_AND_NAMESPACE", True),
        ("serviceCluster: ''", True),
    ],
)
def test_only_what_has_presence_overrides_at_zero_in_the_webhook(layer: str, kept: bool) -> None:
    assert bool(without_zero_values(parse_text(layer))) is kept


def test_the_layers_from_lowest_to_highest() -> None:
    layers = [
        resource(ROOT, **environment(B="root", C="root", D="root", E="root")),
        resource("shop", **environment(C="namespace", D="namespace", E="namespace")),
        resource("shop", selector={"matchLabels": {"app": "shop"}}, **environment(E="workload")),
    ]
    mesh = "proxyMetadata: {A: mesh, B: mesh, C: mesh, D: mesh, E: mesh}"
    found = layered(mesh, *layers, annotation="proxyMetadata: {D: annotation, E: annotation}")
    expected = {"A": "mesh", "B": "root", "C": "namespace", "D": "annotation", "E": "workload"}
    assert found == {"proxyMetadata": expected}


RESOURCES: list[tuple[str, list[dict[str, Any]], str, Any]] = [
    ("another namespace", [resource("other", concurrency=3)], "shop", None),
    (
        "the oldest one",
        [resource("shop", "a", "2026-02", concurrency=3), resource("shop", "b", "2026-01", concurrency=4)],
        "shop",
        4,
    ),
    (
        "of one age the first by name",
        [resource("shop", "b", concurrency=4), resource("shop", "a", concurrency=3)],
        "shop",
        3,
    ),
    ("in the root namespace once", [resource(ROOT, concurrency=3)], ROOT, 3),
    ("an empty selector is none", [resource("shop", selector={}, concurrency=3)], "shop", 3),
    (
        "a selector that matches",
        [resource("shop", selector={"matchLabels": {"app": "shop"}}, concurrency=3)],
        "shop",
        3,
    ),
    ("one that does not", [resource("shop", selector={"matchLabels": {"app": "x"}}, concurrency=3)], "shop", None),
    (
        "with a selector only at home",
        [resource(ROOT, selector={"matchLabels": {"app": "shop"}}, concurrency=3)],
        "shop",
        None,
    ),
    ("zero is a number", [resource("shop", concurrency=0)], "shop", 0),
]


@pytest.mark.parametrize(
    ("resources", "namespace", "concurrency"), [row[1:] for row in RESOURCES], ids=[row[0] for row in RESOURCES]
)
def test_which_resource_counts(resources: list[dict[str, Any]], namespace: str, concurrency: int | None) -> None:
    assert layered("", *resources, namespace=namespace).get("concurrency") == concurrency


def test_a_resource_contributes_three_fields_and_no_others() -> None:
    given = resource("shop", concurrency=2, image={"imageType": "debug"}, statusPort=1, **environment(A="b"))
    expected = {"concurrency": 2, "image": {"imageType": "debug"}, "proxyMetadata": {"A": "b"}}
    assert layered("", given) == expected


@pytest.mark.parametrize("spec", [{"concurrency": "x"}, {"selector": {"matchLabels": {"app": 1}}}, {"selector": "x"}])
def test_a_resource_that_cannot_be_read_is_named(spec: dict[str, Any]) -> None:
    with pytest.raises(InjectionError, match=r"^ProxyConfig shop/r: "):
        layered("", resource("shop", **spec))


def test_a_mesh_wide_mode_cannot_be_undone_by_an_annotation_in_the_webhook() -> None:
    assert layered("interceptionMode: TPROXY", annotation="interceptionMode: REDIRECT")["interceptionMode"] == "TPROXY"
