"""Settings that mean something to Istio's proxy and nothing to the template `envoy`: one table, named in warnings."""

from collections.abc import Iterator
from typing import Any

from injector.envoy.messages import JsonObject

# Path, and the values that ask for what the template does anyway. Source of the paths:
# https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/.
_MESH: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("inboundTrafficPolicy.mode", ("PASSTHROUGH",)),
    ("outboundTrafficPolicy.mode", ("ALLOW_ANY",)),
    ("accessLogFile", ("/dev/stdout",)),
    ("accessLogEncoding", ("JSON",)),
    ("accessLogFormat", ()),
    ("connectTimeout", ("10s",)),
    ("tcpKeepalive", ()),
    ("pathNormalization.normalization", ("NONE",)),
    ("defaultHttpRetryPolicy", ()),
    ("h2UpgradePolicy", ("DO_NOT_UPGRADE",)),
    ("meshMTLS", ()),
    ("tlsDefaults", ()),
    ("proxyHttpPort", ()),
    ("enableEnvoyAccessLogService", ()),
    ("disableEnvoyListenerLog", ()),
    ("defaultProviders.accessLogging", (["envoy"],)),
)
_PROXY: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("proxyMetadata.ISTIO_META_DNS_CAPTURE", ("false",)),
    ("proxyMetadata.ISTIO_META_DNS_AUTO_ALLOCATE", ("false",)),
    *(
        (name, ())
        for name in (
            "customConfigFile proxyBootstrapTemplatePath statsdUdpAddress zipkinAddress envoyAccessLogService "
            "envoyMetricsService proxyStatsMatcher proxyHeaders gatewayTopology privateKeyProvider runtimeValues "
            "extraStatTags caCertificatesPem readinessProbe connectionSettings tracing.lightstep tracing.datadog "
            "tracing.stackdriver tracing.openCensusAgent tracing.tlsSettings"
        ).split()
    ),
)


def unread_settings(mesh_config: JsonObject, proxy_config: JsonObject) -> Iterator[str]:
    """One warning for all settings that are made and have no effect; none where there are none."""
    names = [
        *(f"meshConfig {path}" for path, same in _MESH if _is_made(mesh_config, path, same)),
        *(f"ProxyConfig {path}" for path, same in _PROXY if _is_made(proxy_config, path, same)),
    ]
    if names:
        yield f"the template 'envoy' does not read {', '.join(names)}: no effect on this pod"


def _is_made(settings: JsonObject, path: str, same: tuple[Any, ...]) -> bool:
    value: Any = settings
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return bool(value) and value not in same
