"""Reviews that ask for much work: one of each kind that was found dear, in a size that a caller chooses."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from injector.core.model import Container, Pod
from tests.bench.subjects import small_pod

Make = Callable[[int], Pod]


def annotated(name: str, value: Callable[[int], str]) -> Make:
    """Pods with one annotation, whose value is made for a number."""
    return lambda number: with_annotations({name: value(number)})


def with_annotations(own: Mapping[str, str]) -> Pod:
    pod = small_pod(0)
    pod["metadata"]["annotations"] = dict(own)
    return pod


def with_labels(number: int) -> Pod:
    pod = small_pod(0)
    pod["metadata"]["labels"] |= {f"l{each}": "" for each in range(number)}
    return pod


def with_spec(**spec: Any) -> Pod:
    pod = small_pod(0)
    pod["spec"] |= spec
    return pod


def named(prefix: str, number: int, **fields: Any) -> list[Container]:
    return [{"name": f"{prefix}{each}", **fields} for each in range(number)]


def with_container(**fields: Any) -> Pod:
    return with_spec(containers=[{"name": "app", **fields}])


def with_own_proxy(**fields: Any) -> Pod:
    return with_spec(containers=[{"name": "app"}, {"name": "istio-proxy", "image": "auto", **fields}])


def for_templates(pod: Pod, names: str) -> Pod:
    pod["metadata"]["annotations"] = {"inject.istio.io/templates": names}
    return pod


def with_owners(number: int) -> Pod:
    pod = small_pod(0)
    pod["metadata"]["ownerReferences"] = [{"kind": "a", "name": str(each)} for each in range(number)]
    return pod


def status(number: int) -> str:
    record = {"order": {"containers": [f"c{each}" for each in range(number)]}}
    return json.dumps({"containers": [f"c{each}" for each in range(number)], "original": record})


def by_name(value: Callable[[int], Any]) -> Callable[[int], str]:
    return lambda number: json.dumps({f"k{each}": value(each) for each in range(number)})


def windows_terms(number: int) -> Pod:
    term = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}] * 2}
    node = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term] * number}}
    return with_spec(affinity={"nodeAffinity": node})


HANDLERS = {"readinessProbe": {"httpGet": {"port": 80}}, "livenessProbe": {"tcpSocket": {"port": 80}}}
TRAFFIC, SIDECAR = "traffic.sidecar.istio.io/", "sidecar.istio.io/"

# What it is that there is so much of, and the pod with so many of it.
KINDS: Mapping[str, Make] = {
    "variables": lambda number: with_container(env=named("e", number, value="1")),
    "containers": lambda number: with_spec(containers=named("c", number)),
    "init containers": lambda number: with_spec(initContainers=named("c", number)),
    "containers of one name": lambda number: with_spec(containers=[{"name": "a"}] * number),
    "probes": lambda number: with_spec(containers=named("c", number, **HANDLERS)),
    "hooks that nobody knows": lambda number: with_container(lifecycle={f"h{each}": {} for each in range(number)}),
    "ports": lambda number: with_container(ports=[{"containerPort": each} for each in range(number)]),
    "volumes": lambda number: with_spec(volumes=named("v", number)),
    "pull secrets": lambda number: with_spec(imagePullSecrets=named("s", number)),
    "owners": with_owners,
    "labels": with_labels,
    "annotations": lambda number: with_annotations({f"a{each}": "" for each in range(number)}),
    "misspelt annotations": lambda number: with_annotations({f"{SIDECAR}proxyCPU{each}": "" for each in range(number)}),
    "misspelt families": lambda number: with_annotations({f"sidecar{n}.istio.io/proxyCPU": "" for n in range(number)}),
    "a long misspelt name": lambda number: with_annotations({SIDECAR + "a" * number: ""}),
    "long names of scraping": lambda number: with_annotations(
        {f"prometheus{'a' * 2_000}{n}": "" for n in range(number)}
    ),
    "characters of one annotation": annotated("x", lambda number: "a" * number),
    "terms of an affinity": windows_terms,
    "templates that are one": lambda number: for_templates(small_pod(0), ",".join(["sidecar"] * number)),
    "templates that are none": lambda number: for_templates(small_pod(0), ",".join(f"t{n}" for n in range(number))),
    "two templates": lambda number: for_templates(small_pod(0), ",".join(["sidecar", "grpc-simple"] * number)),
    "all templates": lambda number: for_templates(
        small_pod(0), ",".join(["sidecar", "gateway", "grpc-agent", "grpc-simple", "envoy"] * number)
    ),
    "containers in a template": lambda number: for_templates(with_spec(containers=named("c", number)), "grpc-agent"),
    "containers in a small template": lambda number: for_templates(
        with_spec(containers=named("c", number)), "grpc-simple"
    ),
    "variables of an own proxy": lambda number: with_own_proxy(env=named("e", number, value="1")),
    "mounts of an own proxy": lambda number: with_own_proxy(
        volumeMounts=[{"name": "v", "mountPath": f"/{each}"} for each in range(number)]
    ),
    "proxyMetadata": annotated(
        "proxy.istio.io/config", lambda n: json.dumps({"proxyMetadata": {f"K{each}": "v" for each in range(n)}})
    ),
    "a template named often, and proxyMetadata": lambda number: with_annotations(
        {
            "inject.istio.io/templates": ",".join(["sidecar"] * (number + 100)),
            "proxy.istio.io/config": "proxyMetadata: {" + "".join(f"{each:x}: ''," for each in range(number)) + "}",
        }
    ),
    "unknown fields of a ProxyConfig": annotated("proxy.istio.io/config", by_name(lambda each: each)),
    "lists of a ProxyConfig": annotated("proxy.istio.io/config", by_name(lambda each: [-each])),
    "mappings of a ProxyConfig": annotated(
        "proxy.istio.io/config", lambda n: "{" + ",".join(f"-{each}: {{}}" for each in range(n)) + "}"
    ),
    "lines of a ProxyConfig": annotated(
        "proxy.istio.io/config", lambda n: "proxyMetadata:\n" + "".join(f"  0x{each:x}: ''\n" for each in range(n))
    ),
    "items of a ProxyConfig": annotated("proxy.istio.io/config", lambda n: json.dumps({"extraStatTags": ["a"] * n})),
    "a number in base 60": annotated("proxy.istio.io/config", lambda n: "x: " + ":".join("1" * n)),
    "comments of a ProxyConfig": annotated("proxy.istio.io/config", lambda number: "#\n" * number),
    "digits of a concurrency": annotated("proxy.istio.io/config", lambda number: "concurrency: " + "1" * number),
    "digits of a duration": annotated("proxy.istio.io/config", lambda number: f"drainDuration: {'1' * number}s"),
    "parts of a duration": annotated("proxy.istio.io/config", lambda number: "drainDuration: " + "1s" * number),
    "digits of a port": annotated(f"status.{SIDECAR}port", lambda number: "1" * number),
    "zeros of a port": annotated(f"status.{SIDECAR}port", lambda number: "0" * number + "1"),
    "digits of a scraped port": annotated("prometheus.io/port", lambda number: "0" * number + "1"),
    "digits of a period": annotated(f"readiness.status.{SIDECAR}periodSeconds", lambda number: "1" * number),
    "digits of a quantity": annotated(f"{SIDECAR}proxyCPU", lambda number: "1" * number),
    "ports to exclude": annotated(f"{TRAFFIC}excludeInboundPorts", lambda n: ",".join("1" * n)),
    "CIDRs": annotated(f"{TRAFFIC}excludeOutboundIPRanges", lambda number: ",".join(["1.1.1.1/8"] * number)),
    "interfaces": annotated(f"{TRAFFIC}excludeInterfaces", lambda number: ",".join("a" * number)),
    "scrape targets": annotated("prometheus.istio.io/scrape-targets", lambda number: ",".join(["80"] * number)),
    "user volumes": annotated(f"{SIDECAR}userVolume", by_name(lambda _: {"emptyDir": {}})),
    "user mounts": annotated(f"{SIDECAR}userVolumeMount", by_name(lambda each: {"mountPath": f"/{each}"})),
    "values of a user volume": annotated(f"{SIDECAR}userVolume", lambda n: json.dumps({"v": {"x": [1] * n}})),
    "networks": annotated("k8s.v1.cni.cncf.io/networks", lambda number: "\n " * number),
    "saved variables": annotated(
        "proxy.istio.io/overrides",
        lambda n: json.dumps({"containers": [{"name": "istio-proxy", "env": named("e", n, value="1")}]}),
    ),
    "saved containers": annotated(
        "proxy.istio.io/overrides", lambda number: json.dumps({"containers": named("c", number)})
    ),
    "names of a status": annotated(f"{SIDECAR}status", status),
    "entries of a record": annotated(
        f"{SIDECAR}status", lambda n: json.dumps({"original": {"containers": {f"c{each}": {} for each in range(n)}}})
    ),
}  # fmt: skip


def sizes() -> Iterator[int]:
    """From what nobody notices to what fills a body."""
    yield from (1, 30, 300, 5_000, 100_000)
