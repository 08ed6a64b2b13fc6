"""What a `proxy.istio.io/config` annotation has to satisfy (reference 13.2)."""

import pytest

from injector.core.proxy_config import read_annotation

VALID = [
    "",
    "configPath: /x",
    "drainDuration: 60s",
    "zipkinAddress: zipkin:9411",
    "discoveryAddress: '[::1]:15012'",
    "discoveryAddress: 10.0.0.1:15012",
    "tracing: {zipkin: {address: '$(HOST_IP):9411'}}",
    "tracing: {datadog: {address: '$(HOST_IP):8126'}}",
    "tracing: {lightstep: {address: 'a:1', accessToken: t}}",
    "tracingServiceName: CANONICAL_NAME_ONLY",
    "controlPlaneAuthPolicy: NONE",
    "tracing: {tlsSettings: {mode: MUTUAL, clientCertificate: a, privateKey: b}}",
    "tracing: {tlsSettings: {mode: SIMPLE, credentialName: c}}",
    "privateKeyProvider: {cryptomb: {pollDelay: 10ms}}",
    "connectionSettings: {httpIdleTimeout: 0s, listenerConnectionLimit: 1, http2InitialStreamWindowSize: 65535}",
    "connectionSettings: {listenerPerConnectionBufferLimitBytes: 0}",
    "proxyMetadata: {ISTIO_META_DNS_AUTO_ALLOCATE: 'true'}",
    "unknown: 1",
]
INVALID = [
    ("configPath: ''", "configPath"),
    ("binaryPath: ''", "binaryPath"),
    ("serviceCluster: ''", "serviceCluster"),
    ("drainDuration: 0s", "drainDuration"),
    ("drainDuration: 1500ms", "drainDuration"),
    ("drainDuration: 1ms", "drainDuration"),
    ("discoveryAddress: istiod", "discoveryAddress"),
    ("discoveryAddress: istiod:0", "discoveryAddress"),
    ("discoveryAddress: istiod:65536", "discoveryAddress"),
    ("discoveryAddress: 'a b:1'", "discoveryAddress"),
    ("discoveryAddress: ''", "discoveryAddress"),
    ("zipkinAddress: zipkin", "zipkinAddress"),
    ("statsdUdpAddress: 'x'", "statsdUdpAddress"),
    ("envoyMetricsServiceAddress: x", "envoyMetricsServiceAddress"),
    ("envoyMetricsService: {address: x}", "envoyMetricsService.address"),
    ("envoyAccessLogService: {address: x}", "envoyAccessLogService.address"),
    ("tracing: {zipkin: {address: x}}", "tracing.zipkin.address"),
    ("tracing: {datadog: {address: '$(POD_IP):1'}}", "tracing.datadog.address"),
    ("tracing: {lightstep: {address: x, accessToken: t}}", "tracing.lightstep.address"),
    ("tracing: {lightstep: {address: 'a:1'}}", "tracing.lightstep.accessToken"),
    ("proxyAdminPort: 0", "proxyAdminPort"),
    ("proxyAdminPort: 65536", "proxyAdminPort"),
    ("statusPort: 0", "statusPort"),
    ("statusPort: -1", "statusPort"),
    ("controlPlaneAuthPolicy: INHERIT", "controlPlaneAuthPolicy"),
    ("tracing: {tlsSettings: {mode: MUTUAL, privateKey: b}}", "clientCertificate"),
    ("tracing: {tlsSettings: {mode: MUTUAL, clientCertificate: b}}", "privateKey"),
    ("tracing: {tlsSettings: {mode: SIMPLE, credentialName: c, caCertificates: d}}", "caCertificates"),
    ("tracing: {tlsSettings: {mode: MUTUAL, credentialName: c, caCrl: d}}", "caCrl"),
    ("tracing: {tlsSettings: {insecureSkipVerify: true, caCertificates: d}}", "caCertificates"),
    ("tracing: {tlsSettings: {insecureSkipVerify: true, subjectAltNames: [d]}}", "subjectAltNames"),
    ("tracing: {tlsSettings: {mode: SIMPLE, insecureSkipVerify: true, credentialName: d}}", "credentialName"),
    ("privateKeyProvider: {}", "privateKeyProvider"),
    ("privateKeyProvider: {qat: {}}", "pollDelay"),
    ("privateKeyProvider: {cryptomb: {pollDelay: 0s}}", "pollDelay"),
    ("connectionSettings: {listenerPerConnectionBufferLimitBytes: -1}", "listenerPerConnectionBufferLimitBytes"),
    ("connectionSettings: {httpIdleTimeout: -1s}", "httpIdleTimeout"),
    ("connectionSettings: {httpMaxConcurrentStreams: 0}", "httpMaxConcurrentStreams"),
    ("connectionSettings: {listenerConnectionLimit: 0}", "listenerConnectionLimit"),
    ("connectionSettings: {globalDownstreamConnectionLimit: 0}", "globalDownstreamConnectionLimit"),
    ("connectionSettings: {http2InitialConnectionWindowSize: 65534}", "http2InitialConnectionWindowSize"),
    ("concurrency: many", "concurrency"),
    ("a: [", "not YAML"),
]


@pytest.mark.parametrize("text", VALID)
def test_what_the_reference_accepts_is_accepted(text: str) -> None:
    assert read_annotation(text)[1] == []


@pytest.mark.parametrize(("text", "field"), INVALID)
def test_what_it_refuses_is_refused_with_the_annotation_the_value_and_the_field(text: str, field: str) -> None:
    (fault,) = read_annotation(text)[1]
    assert fault.startswith("invalid value ")
    assert "proxy.istio.io/config" in fault
    assert field in fault.partition("proxy.istio.io/config")[2]
