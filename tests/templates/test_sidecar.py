"""The template `sidecar`: images, labels, annotations and the redirection (reference 5.2 to 5.8)."""

import pytest

from tests.support import container_of, default_setup, injected, pod_of, setup_with
from tests.templates.injecting import SIDECAR, STATUS, TRAFFIC, annotated, flags_of, names, proxy_of


@pytest.mark.parametrize(
    ("annotations", "sets", "excluded"),
    [
        ({}, (), "15020"),
        ({f"{TRAFFIC}excludeInboundPorts": "1, 2,3"}, (), "1,2,3,15020"),
        ({f"{TRAFFIC}excludeInboundPorts": "1,15020"}, (), "1,15020"),
        ({f"{TRAFFIC}excludeInboundPorts": "1, 15020"}, (), "1,15020,15020"),
        ({f"{TRAFFIC}excludeInboundPorts": "1, 2", f"{STATUS}port": "0"}, (), "1, 2"),
        ({f"{STATUS}port": "123"}, (), "123"),
        ({f"{STATUS}port": " 123 "}, (), "123"),
        ({f"{STATUS}port": "0"}, (), ""),
        ({f"{TRAFFIC}excludeInboundPorts": ""}, ("values.global.proxy.excludeInboundPorts=4\\,5",), "15020"),
        ({}, ("values.global.proxy.excludeInboundPorts=4\\,5",), "4,5,15020"),
        ({}, ("values.global.proxy.statusPort=15555",), "15555"),
    ],
)
def test_excluded_inbound_ports(annotations: dict[str, str], sets: tuple[str, ...], excluded: str) -> None:
    """Reference 5.2 and the row `-d` of 5.8."""
    assert flags_of(annotated(annotations, *sets))["-d"] == ",".join(filter(None, ["15090,15021", excluded]))
    with_cni = annotated(annotations, *sets, "values.pilot.cni.enabled=true")
    assert with_cni["metadata"]["annotations"][f"{TRAFFIC}excludeInboundPorts"] == excluded


TYPE, IMAGE = f"{SIDECAR}proxyImageType", f"{SIDECAR}proxyImage"


@pytest.mark.parametrize(
    ("annotations", "sets", "proxy", "init"),
    [
        ({}, (), "h/proxyv2:t", "h/proxyv2:t"),
        ({IMAGE: "reg/x:1"}, (), "reg/x:1", "reg/x:1"),
        ({IMAGE: "x"}, (), "h/proxyv2:t", "h/proxyv2:t"),
        ({}, ("values.global.proxy.image=reg/p:2",), "reg/p:2", "h/proxyv2:t"),
        ({}, ("values.global.proxy_init.image=init",), "h/proxyv2:t", "h/init:t"),
        ({}, ("values.global.proxy.image=",), "h/proxyv2:t", "h/proxyv2:t"),
        ({TYPE: "debug"}, (), "h/proxyv2:t-debug", "h/proxyv2:t-debug"),
        ({TYPE: "default"}, ("values.global.tag=1-debug",), "h/proxyv2:1", "h/proxyv2:1"),
        ({TYPE: ""}, ("values.global.variant=distroless",), "h/proxyv2:t", "h/proxyv2:t"),
        ({}, ("values.global.variant=distroless",), "h/proxyv2:t-distroless", "h/proxyv2:t-distroless"),
        ({}, ("values.global.variant=debug", "values.global.tag=2-debug"), "h/proxyv2:2-debug", "h/proxyv2:2-debug"),
        ({}, ("meshConfig.defaultConfig.image.imageType=debug",), "h/proxyv2:t-debug", "h/proxyv2:t"),
        ({}, ("values.global.tag=11",), "h/proxyv2:11", "h/proxyv2:11"),
        ({"proxy.istio.io/config": "image: {imageType: debug}"}, (), "h/proxyv2:t-debug", "h/proxyv2:t"),
    ],
)  # fmt: skip
def test_images(annotations: dict[str, str], sets: tuple[str, ...], proxy: str, init: str) -> None:
    """Reference 5.3."""
    pod = annotated(annotations, "values.global.hub=h", "values.global.tag=t", *sets)
    assert proxy_of(pod)["image"] == proxy
    assert container_of(pod, "istio-init")["image"] == init


@pytest.mark.parametrize(
    ("labels", "name", "revision"),
    [
        ({}, "shop", "latest"),
        ({"app": "a", "version": "v1"}, "a", "v1"),
        ({"app": "a", "app.kubernetes.io/name": "b", "app.kubernetes.io/version": "2", "version": "v1"}, "b", "2"),
        ({"app": "a", "service.istio.io/canonical-name": "c", "service.istio.io/canonical-revision": "3"}, "c", "3"),
        ({"app": "", "app.kubernetes.io/name": ""}, "shop", "latest"),
    ],
)
def test_canonical_labels(labels: dict[str, str], name: str, revision: str) -> None:
    """Reference 5.4."""
    pod = pod_of(labels={"x": "y", **labels})
    found = injected(pod, default_setup())["metadata"]["labels"]
    assert found["service.istio.io/canonical-name"] == name
    assert found["service.istio.io/canonical-revision"] == revision


@pytest.mark.parametrize(("workload", "name"), [("a" * 70, "a" * 63), ("a" * 62 + ".-b", "a" * 62), ("-a.b_", "a.b")])
def test_canonical_names_are_cut_and_then_trimmed(workload: str, name: str) -> None:
    """Reference 5.4; the label of a gateway is not (6)."""
    pod = pod_of(labels={"x": "y"})
    pod["metadata"]["name"] = workload
    assert injected(pod, default_setup())["metadata"]["labels"]["service.istio.io/canonical-name"] == name
    gateway = injected(pod, setup_with("defaultTemplates={gateway}"))
    assert gateway["metadata"]["labels"]["service.istio.io/canonical-name"] == workload


def test_the_labels_of_mutual_tls_and_tunnels_keep_what_is_there() -> None:
    """Reference 5.4."""
    tunnel = "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE=true"
    found = annotated({}, tunnel)["metadata"]["labels"]
    assert (found["security.istio.io/tlsMode"], found["networking.istio.io/tunnel"]) == ("istio", "http")
    own = {"security.istio.io/tlsMode": "disabled", "networking.istio.io/tunnel": "none"}
    found = injected(pod_of(labels=own), setup_with(tunnel))["metadata"]["labels"]
    assert (found["security.istio.io/tlsMode"], found["networking.istio.io/tunnel"]) == ("disabled", "none")
    assert "networking.istio.io/tunnel" not in annotated({})["metadata"]["labels"]
    empty = injected(pod_of(labels={"security.istio.io/tlsMode": ""}), default_setup())
    assert empty["metadata"]["labels"]["security.istio.io/tlsMode"] == "istio"


def test_the_default_container_is_the_first_application() -> None:
    """Reference 5.5."""
    prefix = "kubectl.kubernetes.io/default-"
    pod = pod_of(annotations={f"{prefix}container": ""})
    pod["spec"]["containers"].insert(0, {"name": "istio-proxy", "image": "auto"})
    found = injected(pod, default_setup())["metadata"]["annotations"]
    assert (found[f"{prefix}container"], found[f"{prefix}logs-container"]) == ("", "app")
    pod["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto"}]
    assert f"{prefix}logs-container" not in injected(pod, default_setup())["metadata"]["annotations"]


CNI = "values.pilot.cni.enabled=true"


def test_with_cni_the_annotations_say_what_to_redirect() -> None:
    """Reference 5.5."""
    found = annotated({}, CNI)["metadata"]["annotations"]
    told = {name.removeprefix(TRAFFIC): value for name, value in found.items() if name.startswith(TRAFFIC)}
    assert told == {"includeOutboundIPRanges": "*", "includeInboundPorts": "*", "excludeInboundPorts": "15020"}
    assert found[f"{SIDECAR}interceptionMode"] == "REDIRECT"
    given = {
        f"{TRAFFIC}includeOutboundIPRanges": "",
        f"{TRAFFIC}excludeOutboundIPRanges": "10.0.0.0/8",
        f"{TRAFFIC}includeInboundPorts": "",
        f"{TRAFFIC}includeOutboundPorts": "",
        f"{TRAFFIC}excludeInterfaces": "eth9",
        f"{TRAFFIC}kubevirtInterfaces": "net1",
        f"{SIDECAR}interceptionMode": "NONE",
    }
    assert given.items() <= annotated(given, CNI)["metadata"]["annotations"].items()
    by_values = annotated({}, CNI, "values.global.proxy.excludeOutboundPorts=7")["metadata"]["annotations"]
    assert by_values[f"{TRAFFIC}excludeOutboundPorts"] == "7"


def test_with_cni_a_container_checks_the_redirection() -> None:
    """Reference 5.8 and 5.11."""
    pod = annotated({}, CNI, "values.global.proxy_init.forceApplyIptables=true", "values.global.nativeNftables=true")
    container = container_of(pod, "istio-validation")
    assert container["args"][-3:] == ["--run-validation", "--skip-rule-apply", "--native-nftables"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert (context["runAsUser"], context["runAsGroup"], context["readOnlyRootFilesystem"]) == (1337, 1337, True)
    assert context["runAsNonRoot"] is True
    multus = annotated({}, CNI, "values.pilot.cni.provider=multus")
    assert multus["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] == "default/istio-cni"


@pytest.mark.parametrize(
    ("mode", "sets", "init", "regular"),
    [
        ("REDIRECT", (), ["istio-init"], ["app", "istio-proxy"]),
        ("NONE", (), [], ["app", "istio-proxy"]),
        ("REDIRECT", ("nativeSidecars=enabled",), ["istio-init", "istio-proxy"], ["app"]),
        ("NONE", ("nativeSidecars=enabled",), ["istio-proxy"], ["app"]),
        ("TPROXY", (CNI,), ["istio-validation"], ["app", "istio-proxy"]),
    ],
)
def test_which_containers(mode: str, sets: tuple[str, ...], init: list[str], regular: list[str]) -> None:
    """Reference 5.7."""
    spec = annotated({f"{SIDECAR}interceptionMode": mode}, *sets)["spec"]
    assert (names(spec.get("initContainers")), names(spec["containers"])) == (init, regular)


@pytest.mark.parametrize(
    ("own", "sets", "native"),
    [
        ("true", (), True),
        ("false", ("nativeSidecars=enabled",), False),
        ("", ("nativeSidecars=enabled",), True),
        ("yes", (), True),
    ],
)
def test_the_pod_s_own_word_on_native_sidecars(own: str, sets: tuple[str, ...], native: bool) -> None:
    """Reference 3.7."""
    spec = annotated({f"{SIDECAR}nativeSidecar": own}, *sets)["spec"]
    assert ("istio-proxy" in names(spec["initContainers"])) == native


def test_the_arguments_of_the_redirection() -> None:
    """Reference 5.8: each flag from its annotation, even an empty one, before the values."""
    sets = (
        "meshConfig.proxyListenPort=15101",
        "meshConfig.proxyInboundListenPort=0",
        "values.global.proxy.includeIPRanges=1.0.0.0/8",
        "values.global.proxy.excludeIPRanges=2.0.0.0/8",
        "values.global.proxy.includeInboundPorts=80",
        "values.global.proxy.includeOutboundPorts=81",
        "values.global.logging.level=all:debug",
        "values.global.logAsJson=true",
        "values.global.proxy_init.forceApplyIptables=true",
    )
    pod = annotated({}, *sets)
    flags = flags_of(pod)
    wanted = {"-p": "15101", "-z": "15006", "-u": "1337", "-m": "REDIRECT", "-i": "1.0.0.0/8", "-x": "2.0.0.0/8"}
    assert flags == {**wanted, "-b": "80", "-d": "15090,15021,15020", "-q": "81"}
    tail = ["--log_output_level=all:debug", "--log_as_json", "--force-apply"]
    assert container_of(pod, "istio-init")["args"][-3:] == tail
    given = {
        f"{TRAFFIC}includeOutboundIPRanges": "",
        f"{TRAFFIC}excludeOutboundIPRanges": "",
        f"{TRAFFIC}includeInboundPorts": "",
        f"{TRAFFIC}includeOutboundPorts": "",
        f"{TRAFFIC}excludeOutboundPorts": "9",
        f"{TRAFFIC}excludeInterfaces": "eth9",
        f"{TRAFFIC}kubevirtInterfaces": "net1,net2",
        f"{SIDECAR}agentLogLevel": "none",
    }
    own = annotated(given, *sets)
    flags = flags_of(own)
    assert [flags[flag] for flag in ("-i", "-x", "-b", "-q", "-o", "-k", "-c")] == [
        "",
        "",
        "",
        "",
        "9",
        "net1,net2",
        "eth9",
    ]
    assert "--log_output_level=none" in container_of(own, "istio-init")["args"]
    assert flags_of(annotated({**given, "istio.io/reroute-virtual-interfaces": "net3"}, *sets))["-k"] == "net3"


def test_metadata_of_the_proxy_is_environment_of_the_redirection_too() -> None:
    """Reference 5.8, 5.9.3."""
    pod = annotated({"proxy.istio.io/config": "proxyMetadata: {B: '1', A: x, a: z}"})
    assert container_of(pod, "istio-init")["env"] == [
        {"name": "A", "value": "x"},
        {"name": "B", "value": "1"},
        {"name": "a", "value": "z"},
    ]
    assert [each["name"] for each in proxy_of(pod)["env"]][-3:] == ["A", "B", "a"]
    assert "env" not in container_of(annotated({}), "istio-init")
