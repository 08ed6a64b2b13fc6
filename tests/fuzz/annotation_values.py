"""Values for every annotation that plays a part in injection: some that are meant, and what becomes of them."""

from collections.abc import Mapping

import orjson
from hypothesis import strategies as st

from tests.hostile import TEXTS

_STATUS = (
    '{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":["istio-data"],'
    '"imagePullSecrets":null,"revision":"default"}'
)
_OVERRIDES = '{"containers":[{"name":"istio-proxy","image":"proxy:1","resources":{"limits":{"cpu":"1"}}}]}'
_PROBE, _PORTS, _CIDRS = ("0", "15"), ("", "80,443"), ("", "10.0.0.0/8")

MEANT: Mapping[str, tuple[str, ...]] = {
    "sidecar.istio.io/inject": ("true", "false"),
    "inject.istio.io/templates": ("sidecar", "gateway", "grpc-agent", "grpc-simple", "envoy", "sidecar,grpc-simple"),
    "proxy.istio.io/config": ("concurrency: 3", "proxyMetadata: {A: b}", "interceptionMode: TPROXY", "{}"),
    "proxy.istio.io/overrides": (_OVERRIDES,),
    "sidecar.istio.io/status": (_STATUS, "{}"),
    "sidecar.istio.io/interceptionMode": ("REDIRECT", "TPROXY", "NONE"),
    "sidecar.istio.io/capNetBindService": ("true", "false"),
    "sidecar.istio.io/nativeSidecar": ("true", "false"),
    "sidecar.istio.io/proxyImage": ("registry.example/proxy:1",),
    "sidecar.istio.io/proxyImageType": ("distroless", "default"),
    "sidecar.istio.io/proxyCPU": ("100m",),
    "sidecar.istio.io/proxyMemory": ("128Mi",),
    "sidecar.istio.io/proxyCPULimit": ("2",),
    "sidecar.istio.io/proxyMemoryLimit": ("1Gi",),
    "sidecar.istio.io/bootstrapOverride": ("bootstrap",),
    "sidecar.istio.io/userVolume": ('{"data":{"emptyDir":{}}}', "{}"),
    "sidecar.istio.io/userVolumeMount": ('{"data":{"mountPath":"/data","readOnly":true}}', "{}"),
    "sidecar.istio.io/rewriteAppHTTPProbers": ("true", "false"),
    "status.sidecar.istio.io/port": ("0", "15020"),
    "readiness.status.sidecar.istio.io/initialDelaySeconds": _PROBE,
    "readiness.status.sidecar.istio.io/periodSeconds": _PROBE,
    "readiness.status.sidecar.istio.io/failureThreshold": _PROBE,
    "readiness.status.sidecar.istio.io/applicationPorts": _PORTS,
    "traffic.sidecar.istio.io/includeOutboundIPRanges": ("*", *_CIDRS),
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": _CIDRS,
    "traffic.sidecar.istio.io/includeInboundPorts": ("*", *_PORTS),
    "traffic.sidecar.istio.io/excludeInboundPorts": _PORTS,
    "traffic.sidecar.istio.io/includeOutboundPorts": _PORTS,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _PORTS,
    "traffic.sidecar.istio.io/excludeInterfaces": ("net1",),
    "traffic.sidecar.istio.io/kubevirtInterfaces": ("net1",),
    "istio.io/reroute-virtual-interfaces": ("net1",),
    "prometheus.istio.io/merge-metrics": ("true", "false"),
    "prometheus.istio.io/scrape-targets": ("80:/metrics,81:/stats",),
    "prometheus.istio.io/secure-port": ("15091",),
    "prometheus.io/scrape": ("true", "false"),
    "prometheus.io/port": ("8080",),
    "prometheus.io/path": ("/metrics",),
    "apm.datadoghq.com/env": ('{"DD_ENV":"prod"}',),
    "k8s.v1.cni.cncf.io/networks": ("net-a", '[{"name":"net-a"}]', "[]"),
}
"""For each annotation values that lead to everything that it can lead to. All others are free text."""

# Data that may itself hold keys: these, and only these, can then be in the pod.
STRUCTURED = frozenset(
    (
        "sidecar.istio.io/userVolume",
        "sidecar.istio.io/userVolumeMount",
        "proxy.istio.io/overrides",
        "sidecar.istio.io/status",
    )
)

_FIELDS = st.sampled_from("name emptyDir mountPath image hostPath path env value securityContext x".split())
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS | TEXTS, inner, max_size=3),
    max_leaves=6,
)


def _as_json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # numbers of more than 64 bits
        return str(value)


def values(name: str) -> st.SearchStrategy[str]:
    """Values of the annotation `name`: meant ones, meant ones with a mistake in them, JSON, and hostile text."""
    meant = st.sampled_from(MEANT.get(name, ("text",)))
    mistaken = st.builds(
        lambda value, place, text: value[: place % (len(value) + 1)] + text + value[place % (len(value) + 1) :],
        meant,
        st.integers(0, 1000),
        TEXTS,
    )
    return st.one_of(meant, mistaken, TEXTS, st.builds(_as_json, _JSON), st.just("[" * 300 + "]" * 300))
