"""The whole path of one pod: what refuses it, in which words (reference 13.3), and that nothing breaks instead."""

from pathlib import Path

import pytest

from injector.core.admission import admit_request
from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.core.review import parse_path, parse_review
from injector.core.setup import Setup
from tests.support import admitted, container_of, default_setup, env_of, injected, pod_of, review_of, setup_of

PREFIX = "failed to run injection template: "

REFUSED = [
    ({"inject.istio.io/templates": "x"}, 'requested template "x" not found; have envoy, '),
    ({"inject.istio.io/templates": ""}, 'requested template "" not found; have '),
    ({"inject.istio.io/templates": "sidecar,"}, 'requested template "" not found; have '),
    ({"inject.istio.io/templates": "_proxy"}, 'requested template "_proxy" not found; have '),
    ({"proxy.istio.io/overrides": "{"}, "for annotation 'proxy.istio.io/overrides'"),
    ({"proxy.istio.io/config": "concurrency: x"}, "1 error occurred:\n\t* invalid value 'concurrency: x'"),
    *(
        ({f"sidecar.istio.io/{name}": value}, f"invalid value '{value}' for annotation 'sidecar.istio.io/{name}'")
        for name in ("userVolume", "userVolumeMount")
        for value in ("{", "[1]", '"x"', "1", "null", '{"a": 1}', "")
    ),
    (
        {
            "inject.istio.io/templates": "grpc-agent",
            "status.sidecar.istio.io/port": "0",
            "sidecar.istio.io/userVolumeMount": "{}",
        },
        "sidecar.istio.io/userVolumeMount has no effect",
    ),
]


@pytest.mark.parametrize(("annotations", "gist"), REFUSED)
def test_a_pod_that_cannot_be_injected_is_refused_and_its_author_told_why(
    annotations: dict[str, str], gist: str
) -> None:
    admission = admitted(pod_of(annotations=annotations), default_setup())
    assert not admission.allowed
    assert admission.patch == ()
    assert admission.message.startswith(PREFIX)
    assert gist in admission.message


def test_what_fails_after_the_templates_is_told_as_such() -> None:
    """Reference 13.3: the row of the Prometheus ports."""
    admission = admitted(pod_of(annotations={"prometheus.io/port": "15090"}), default_setup())
    assert not admission.allowed
    assert admission.message.startswith("failed to process pod: invalid prometheus scrape configuration: port 15090")


@pytest.mark.parametrize("annotations", [annotations for annotations, _ in REFUSED])
def test_a_pod_that_opts_out_is_allowed_whatever_its_annotations_say(annotations: dict[str, str]) -> None:
    pod = pod_of(annotations=annotations, labels={"sidecar.istio.io/inject": "false"})
    admission = admitted(pod, default_setup())
    assert admission.allowed
    assert admission.patch == ()


@pytest.mark.parametrize(
    ("template", "gist"),
    [
        ("- a list", "failed parsing generated injected YAML (check Istio sidecar injector configuration)"),
        ("spec: [", "failed parsing generated injected YAML (check Istio sidecar injector configuration)"),
        ("{{ 1 / 0 }}: x", "line 1: division by zero"),
        ("a: b\nc: {{ pod.nope }}", "line 2: "),
        ("a: {{ [] | dictsort }}", "line 1: "),
    ],
)
def test_a_template_that_fails_on_a_pod_is_named(tmp_path: Path, template: str, gist: str) -> None:
    lines = "\n".join(f"    {line}" for line in template.splitlines())
    setup = setup_of(tmp_path, f"defaultTemplates: [own]\ntemplates:\n  own: |\n{lines}\n")
    admission = admitted(pod_of(), setup)
    assert not admission.allowed
    assert admission.message.startswith(PREFIX)
    assert "template 'own'" in admission.message
    assert gist in admission.message


def test_templates_are_those_of_the_annotation_with_aliases_replaced_once(tmp_path: Path) -> None:
    text = """
        aliases: {both: [one, two], one: [never]}
        templates:
          one: "metadata: {annotations: {seen: one}}"
          two: "metadata: {annotations: {seen: two, also: two}}"
          never: "spec: {hostname: never}"
    """
    found = injected(pod_of(annotations={"inject.istio.io/templates": " both "}), setup_of(tmp_path, text))
    own = found["metadata"]["annotations"]
    assert (own["seen"], own["also"]) == ("two", "two")
    assert "hostname" not in found["spec"]


def named(network: str | None) -> dict[str, str]:
    return {"app": "shop", **({} if network is None else {"topology.istio.io/network": network})}


FORCED: list[tuple[str, str, str | None, dict[str, str | None]]] = [
    ("", "/inject", None, {"ISTIO_META_CLUSTER_ID": "Kubernetes", "ISTIO_META_NETWORK": None}),
    ("multiCluster: {clusterName: c}", "/inject", None, {"ISTIO_META_CLUSTER_ID": "c"}),
    ("multiCluster: {clusterName: c}", "/inject/cluster/url", None, {"ISTIO_META_CLUSTER_ID": "url"}),
    ("network: 'n'", "/inject", None, {"ISTIO_META_NETWORK": "n"}),
    ("network: 'n'", "/inject/net/url", None, {"ISTIO_META_NETWORK": "url"}),
    ("network: 'n'", "/inject/net/url", "label", {"ISTIO_META_NETWORK": "label"}),
    ("", "/inject/foo/bar", None, {"FOO": "bar"}),
]


@pytest.mark.parametrize(("settings", "path", "label", "expected"), FORCED)
def test_cluster_and_network_come_from_label_over_path_over_values(
    tmp_path: Path, settings: str, path: str, label: str | None, expected: dict[str, str | None]
) -> None:
    """Reference 1.2, step 5, 11.1 and 11.5."""
    setup = setup_of(tmp_path, f"values: {{global: {{{settings}}}}}")
    found = injected_at(path, pod_of(labels=named(label)), setup)
    env = env_of(container_of(found, "istio-proxy"))
    assert {name: env.get(name) for name in expected} == expected
    assert found["metadata"]["labels"].get("topology.istio.io/network") == env.get("ISTIO_META_NETWORK")


def injected_at(path: str, pod: Pod, setup: Setup) -> Pod:
    request = parse_review(review_of(pod), parse_path(path))
    return admit_request(request, setup, EMPTY_SNAPSHOT).pod


def test_what_is_appended_to_the_proxy_stands_in_order(tmp_path: Path) -> None:
    """Reference 11.6."""
    setup = setup_of(tmp_path, "values: {global: {network: 'n', multiCluster: {clusterName: c}}}")
    container = {"readinessProbe": {"httpGet": {"port": 80}}}
    pod = pod_of(container=container, annotations={"prometheus.io/port": "80"})
    names = list(env_of(container_of(injected(pod, setup), "istio-proxy")))
    assert names[-4:] == [
        "ISTIO_META_CLUSTER_ID",
        "ISTIO_META_NETWORK",
        "ISTIO_PROMETHEUS_ANNOTATIONS",
        "ISTIO_KUBE_APP_PROBERS",
    ]


def test_a_refusal_names_the_annotation_that_it_is_about() -> None:
    for annotations, name in (
        ({"inject.istio.io/templates": "nope"}, "inject.istio.io/templates"),
        ({"prometheus_io/port": "x"}, "prometheus_io/port"),
        ({"prometheus.istio.io/scrape-targets": "x:/y"}, "prometheus.istio.io/scrape-targets"),
    ):
        message = admitted(pod_of(annotations=annotations), default_setup()).message
        assert message.endswith(f"; see annotation '{name}'")


def test_two_containers_of_one_name_are_refused(tmp_path: Path) -> None:
    """An API server would refuse the pod too, without saying where the second one comes from."""
    template = 'templates: {more: "spec: {containers: [{name: more, image: i}]}"}\ndefaultTemplates: [more]'
    twice = [{"name": "app", "image": "i"}, {"name": "app", "image": "i"}]
    found = admitted({**pod_of(), "spec": {"containers": twice}}, setup_of(tmp_path, template))
    assert not found.allowed
    assert "two containers named 'app' in spec.containers" in found.message


def test_two_containers_of_one_name_that_the_user_sent_are_not_ours_to_judge(tmp_path: Path) -> None:
    template = 'templates: {note: "metadata: {annotations: {seen: here}}"}'
    twice = [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]
    setup = setup_of(tmp_path, f"{template}\ndefaultTemplates: [note]")
    found = admitted({**pod_of(), "spec": {"containers": twice}}, setup)
    assert found.allowed


def test_a_message_names_no_address_of_this_process(tmp_path: Path) -> None:
    for template in ("{{ refuse(annotation) }}", "metadata: {{ pod.get }}", "spec: {{ 1 + annotation }}"):
        text = f"{{templates: {{x: {template!r}}}, defaultTemplates: [x]}}"
        found = admitted(pod_of(), setup_of(tmp_path, text))
        assert not found.allowed
        assert "0x" not in found.message


PROBES = {"readinessProbe": {"httpGet": {"port": 80}}, "lifecycle": {"preStop": {"httpGet": {"port": 80}}}}


def test_an_own_init_container_with_a_probe_is_told_what_comes_of_it_and_stays_as_it_is() -> None:
    """No init container may have one; a second pass takes the first for what it is."""
    pod = pod_of(initContainers=[{"name": "istio-init", "image": "mine", **PROBES}])
    first = admitted(pod, default_setup())
    assert first.allowed
    assert any("istio-init].readinessProbe" in each for each in first.warnings)
    assert admitted(first.pod, default_setup()).patch == ()


@pytest.mark.parametrize(
    "mount", ['{"v": {}}', '{"v": {"mountPath": ""}}', '[{"name": "v"}]', '{"v": {"mountPath": null}}']
)
def test_a_user_mount_without_a_path_is_told_before_the_api_server_does(mount: str) -> None:
    asked = {"sidecar.istio.io/userVolume": '{"v": {"emptyDir": {}}}', "sidecar.istio.io/userVolumeMount": mount}
    found = admitted(pod_of(annotations=asked), default_setup())
    assert any("volumeMounts[v].mountPath: is required" in each for each in found.warnings)


DIGITS = "1" * 5_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status.sidecar.istio.io/port", DIGITS),
        ("readiness.status.sidecar.istio.io/periodSeconds", DIGITS),
        ("readiness.status.sidecar.istio.io/initialDelaySeconds", "0" * 5_000 + "x"),
        ("proxy.istio.io/config", f"concurrency: {DIGITS}"),
        ("proxy.istio.io/config", f"drainDuration: {DIGITS}s"),
        ("sidecar.istio.io/proxyCPU", DIGITS),
        ("sidecar.istio.io/proxyMemory", f"1e{DIGITS}"),
        ("traffic.sidecar.istio.io/excludeInboundPorts", DIGITS),
        ("traffic.sidecar.istio.io/excludeOutboundIPRanges", f"10.0.0.0/{DIGITS}"),
        ("prometheus.io/port", DIGITS),
        ("prometheus.istio.io/scrape-targets", DIGITS),
        ("sidecar.istio.io/userVolume", f'{{"v": {{"emptyDir": {{"sizeLimit": {DIGITS}}}}}}}'),
        ("sidecar.istio.io/userVolumeMount", f'{{"v": {{"mountPath": {DIGITS}}}}}'),
        ("proxy.istio.io/overrides", f'{{"containers": [{{"name": "istio-proxy", "a": {DIGITS}}}]}}'),
    ],
)
def test_a_number_of_thousands_of_digits_is_refused_in_a_short_message(name: str, value: str) -> None:
    found = admitted(pod_of(annotations={name: value}), default_setup())
    assert not found.allowed
    assert name in found.message
    assert len(found.message) < 800


def test_a_proxy_is_never_in_both_lists_without_a_word(tmp_path: Path) -> None:
    native, classic = (setup_of(tmp_path, "", f"nativeSidecars={word}") for word in ("enabled", "disabled"))
    for first, second in ((native, classic), (classic, native)):
        pod = injected(injected(pod_of(), first), second)
        names = [each["name"] for which in ("initContainers", "containers") for each in pod["spec"][which]]
        assert sorted(names) == ["app", "istio-init", "istio-proxy"]
    own = admitted(pod_of(initContainers=[{"name": "istio-proxy", "image": "mine"}]), classic)
    assert any("'istio-proxy' is the name of two containers" in each for each in own.warnings)
