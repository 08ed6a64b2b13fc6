"""Templates, their merging, the order of what comes out, and injected metadata (reference 1.2, 9.3, 11.5, 11.7)."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.injection import native_by_default
from injector.core.model import JsonObject, Pod, Snapshot
from tests.bench.instructions import counted
from tests.support import admitted, container_of, env_of, injected, pod_of, setup_of, setup_with

TEMPLATES = "inject.istio.io/templates"
NATIVE = "nativeSidecars=enabled"


def made(pod: Pod, *sets: str) -> Pod:
    return injected(pod, setup_with(*sets))


def names(pod: Pod, which: str = "containers") -> list[str]:
    return [each["name"] for each in pod["spec"].get(which, ())]


OWN = """
templates:
  first: |
    metadata: {labels: {by: first, only: "1"}}
    spec: {containers: [{name: side, image: "1", env: [{name: A, value: first}]}]}
  second: |
    metadata: {labels: {by: second}}
    spec: {containers: [{name: side, env: [{name: A, value: second}, {name: B, value: "{{ workload.name }}"}]}]}
aliases:
  both: [first, second]
"""


def test_templates_are_merged_in_the_order_named(tmp_path: Path) -> None:
    """Reference 1.2, steps 12 and 13: blanks around a name do not count, an alias stands for its list."""
    for asked in ("first, second", "both"):
        pod = injected(pod_of(annotations={TEMPLATES: asked}), setup_of(tmp_path, OWN))
        assert (pod["metadata"]["labels"]["by"], pod["metadata"]["labels"]["only"]) == ("second", "1")
        assert env_of(container_of(pod, "side")) == {"A": "second", "B": "shop"}
    pod = injected(pod_of(annotations={TEMPLATES: "second,first"}), setup_of(tmp_path, OWN))
    assert pod["metadata"]["labels"]["by"] == "first"


@pytest.mark.parametrize("templates", ["templates", "goTemplates"])
def test_scraping_is_left_alone_where_no_agent_is(tmp_path: Path, templates: str) -> None:
    text = f"defaultTemplates: [audit]\n{templates}: {{audit: 'spec: {{containers: [{{name: audit, image: a}}]}}'}}"
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "15020", "prometheus.io/path": "/m"}
    setup = setup_of(tmp_path, text)
    once = injected(pod_of(annotations=scraped), setup)
    assert once["metadata"]["annotations"].items() >= scraped.items()
    assert names(once) == ["audit", "app"]
    assert admitted(once, setup).patch == ()


def test_an_unknown_template_is_refused_with_those_there_are(tmp_path: Path) -> None:
    admission = admitted(pod_of(annotations={TEMPLATES: "first,third"}), setup_of(tmp_path, OWN))
    assert admission.message == (
        "failed to run injection template: "
        'requested template "third" not found; have envoy, envoy-gateway, first, gateway, grpc-agent, grpc-simple, '
        "second, sidecar; see annotation 'inject.istio.io/templates'"
    )


def test_the_default_templates_are_for_pods_that_name_none(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, f"{OWN}\ndefaultTemplates: [sidecar, both]")
    assert set(names(injected(pod_of(), setup))) == {"app", "istio-proxy", "side"}
    assert names(injected(pod_of(annotations={TEMPLATES: "first"}), setup)) == ["side", "app"]


def test_new_items_stand_before_the_user_s() -> None:
    """Reference 8.2, step 3."""
    found = made(pod_of(volumes=[{"name": "data", "emptyDir": {}}]))
    assert [each["name"] for each in found["spec"]["volumes"]][-1] == "data"


@pytest.mark.parametrize(
    ("init", "sets", "wanted"),
    [
        (["a", "b"], (), ["a", "b", "istio-init"]),
        (["a"], ("values.pilot.cni.enabled=true",), ["istio-validation", "a"]),
        (["enable-core-dump", "a"], (), ["a", "istio-init", "enable-core-dump"]),
        (["a", "enable-core-dump"], (NATIVE,), ["istio-init", "istio-proxy", "enable-core-dump", "a"]),
        (["a"], (NATIVE, "values.pilot.cni.enabled=true"), ["istio-validation", "istio-proxy", "a"]),
    ],
)
def test_the_order_of_init_containers(init: list[str], sets: tuple[str, ...], wanted: list[str]) -> None:
    """Reference 11.7."""
    pod = made(pod_of(initContainers=[{"name": name, "image": "i"} for name in init]), *sets)
    assert names(pod, "initContainers") == wanted


def test_the_proxy_is_last_or_first_where_the_application_waits_for_it() -> None:
    """Reference 11.7."""
    pod = pod_of()
    pod["spec"]["containers"].append({"name": "second", "image": "s"})
    assert names(made(pod)) == ["app", "second", "istio-proxy"]
    hold = "values.global.proxy.holdApplicationUntilProxyStarts=true"
    assert names(made(pod, hold)) == ["istio-proxy", "app", "second"]
    pod["metadata"]["annotations"] = {"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"}
    assert names(made(pod)) == ["istio-proxy", "app", "second"]


def test_a_second_template_may_make_a_second_proxy() -> None:
    """Reference 9.3: it has only the second template's fields and stays."""
    found = made(pod_of(annotations={TEMPLATES: "sidecar,grpc-agent"}), NATIVE)
    assert "istio-proxy" in names(found)
    assert "istio-proxy" in names(found, "initContainers")


def bare_proxy(init: str) -> str:
    """A configuration whose template has nothing of its own for the proxy, and the init container `init`."""
    return f"""
    defaultTemplates: [own]
    templates:
      own: |
        spec:
          initContainers: [{init}]
          containers: [{{name: istio-proxy, image: p}}]
    """


def test_where_addresses_are_kept_the_proxy_runs_as_root_whatever_its_template_says(tmp_path: Path) -> None:
    """Reference 9.5, for a proxy without a security context of its own."""
    text = bare_proxy('{name: istio-init, image: i, args: [-u, "1337"]}')
    pod = pod_of(annotations={"sidecar.istio.io/interceptionMode": "TPROXY"})
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", "securityContext": {"runAsUser": 7}})
    made = injected(pod, setup_of(tmp_path, text))
    assert container_of(made, "istio-proxy")["securityContext"] == {"runAsUser": 0}
    assert made["spec"]["initContainers"][0]["args"] == ["-u", "7"]


def test_without_ids_of_the_user_the_validation_stays_as_its_template_has_it(tmp_path: Path) -> None:
    text = bare_proxy("{name: istio-validation, image: i}")
    pod = pod_of()
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", "securityContext": {"privileged": False}})
    assert injected(pod, setup_of(tmp_path, text))["spec"]["initContainers"] == [
        {"name": "istio-validation", "image": "i"}
    ]


def test_injected_annotations_overwrite_what_is_there() -> None:
    """Reference 11.5."""
    sets = (r"injectedAnnotations.istio\.io/rev=mine", "injectedAnnotations.note=n")
    found = made(pod_of(annotations={"note": "user"}), *sets)["metadata"]["annotations"]
    assert (found["istio.io/rev"], found["note"]) == ("mine", "n")


def test_the_revision_annotation_is_overwritten() -> None:
    """Reference 12.1, last row."""
    found = made(pod_of(annotations={"istio.io/rev": "user"}), "revision=canary")
    assert found["metadata"]["annotations"]["istio.io/rev"] == "canary"


def test_an_opted_out_pod_with_wrong_annotations_is_allowed() -> None:
    """Reference 13.3, last line."""
    wrong = {"sidecar.istio.io/interceptionMode": "x", "proxy.istio.io/config": "{"}
    pod = pod_of(annotations=wrong, labels={"sidecar.istio.io/inject": "false"})
    admission = admitted(pod, setup_with())
    assert (admission.allowed, admission.patch) == (True, ())


def test_every_wrong_annotation_is_told() -> None:
    """Reference 13.1."""
    wrong = {"sidecar.istio.io/interceptionMode": "x", "status.sidecar.istio.io/port": "y"}
    message = admitted(pod_of(annotations=wrong), setup_with()).message
    assert message.startswith("failed to run injection template: 2 errors occurred:")
    assert message.count("\n\t* invalid value ") == 2


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("containers: [{image: a}]", "merged by 'name' has none"),
        ("volumes: [{emptyDir: {}}]", "merged by 'name' has none"),
        ("containers: [{name: istio-proxy, env: [{value: a}]}]", ""),
    ],
)
def test_what_a_template_gives_without_a_name_is_told_or_left_to_the_api_server(
    tmp_path: Path, spec: str, told: str
) -> None:
    setup = setup_of(tmp_path, f"templates: {{t: 'spec: {{{spec}}}'}}\ndefaultTemplates: [t]")
    admission = admitted(pod_of(), setup)
    assert (admission.allowed, told in admission.message) == (not told, True)


# When sidecars are native ones (reference 3.7).


def node(version: Any, name: str = "n") -> JsonObject:
    return {"metadata": {"name": name}, "status": {"nodeInfo": {"kubeletVersion": version}}}


NEW, OLD = node("v1.33.0", "new"), node("v1.32.9", "old")

VERSIONS = [
    ("v1.33.0", True),
    ("v1.34.1-gke.100", True),
    ("1.33", True),
    ("v1.33.0+k3s1", True),
    ("v2.33.0", True),
    ("v2.1.0", False),
    ("v1.32.12", False),
    ("", False),
    (None, False),
    ("latest", False),
    ("v1", False),
    ("v1.x", False),
]


@pytest.mark.parametrize(("version", "native"), VERSIONS)
def test_only_the_minor_version_counts_and_it_has_to_be_readable(version: Any, native: bool) -> None:
    assert Snapshot({}, (node(version),)).runs_native_sidecars is native


@pytest.mark.parametrize(
    ("mode", "nodes", "node_name", "native"),
    [
        ("enabled", None, "", True),
        ("enabled", (OLD,), "old", True),
        ("disabled", (NEW,), "", False),
        ("auto", None, "", False),
        ("auto", (), "", True),
        ("auto", (NEW, NEW), "", True),
        ("auto", (NEW, OLD), "", False),
        ("auto", (NEW, OLD), "new", True),
        ("auto", (NEW, OLD), "old", False),
        ("auto", (NEW, OLD), "unknown", False),
        ("auto", ({},), "", False),
    ],
)
def test_the_mode_and_in_it_the_nodes_decide(mode: str, nodes: Any, node_name: str, native: bool) -> None:
    pod = pod_of()
    pod["spec"]["nodeName"] = node_name
    assert native_by_default(pod, mode, Snapshot({}, nodes)) is native


def test_a_thousand_nodes_cost_no_more_than_one() -> None:
    """Every review asks."""
    one, many = Snapshot({}, (NEW,)), Snapshot({}, (NEW,) * 1_000)
    assert counted(lambda: native_by_default({}, "auto", many)) <= counted(lambda: native_by_default({}, "auto", one))
