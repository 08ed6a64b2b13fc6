"""The text of PROXY_CONFIG, byte for byte (reference 3.5 and the defaults of 3.3)."""

import pytest

from injector.core.proxy_config import DEFAULTS, merge, parse_text, to_text
from injector.core.proxy_config.schema import PROXY_CONFIG

TEXTS = [
    ("", "{}"),
    ("configPath: ./etc/istio/proxy", "{}"),
    ("drainDuration: 45s", "{}"),
    ("drainDuration: 0m45s", "{}"),
    ("proxyAdminPort: 15000", "{}"),
    ("controlPlaneAuthPolicy: NONE", "{}"),
    ("interceptionMode: REDIRECT", "{}"),
    ("interceptionMode: 1", '{"interceptionMode":"TPROXY"}'),
    ("interceptionMode: NONE", '{"interceptionMode":"NONE"}'),
    ("proxyMetadata: {}", "{}"),
    ("tracing: {}", '{"tracing":{}}'),
    ("concurrency: 0", '{"concurrency":0}'),
    ("concurrency: '2'", '{"concurrency":2}'),
    ("hold_application_until_proxy_starts: false", '{"holdApplicationUntilProxyStarts":false}'),
    ("drainDuration: 23s", '{"drainDuration":"23s"}'),
    ("drainDuration: 1m30s", '{"drainDuration":"90s"}'),
    ("discoveryRefreshDelay: 1500ms", '{"discoveryRefreshDelay":"1.500s"}'),
    ("fileFlushInterval: 1us", '{"fileFlushInterval":"0.000001s"}'),
    ("fileFlushInterval: 1ns", '{"fileFlushInterval":"0.000000001s"}'),
    ("terminationDrainDuration: 0s", '{"terminationDrainDuration":"0s"}'),
    ("serviceCluster: istio-proxy", "{}"),
    ("tracingServiceName: APP_LABEL_AND_NAMESPACE", '{"tracingServiceName":"APP_LABEL_AND_NAMESPACE"}'),
    ("proxyMetadata: {B: '2', A: <&>}", '{"proxyMetadata":{"A":"\\u003c\\u0026\\u003e","B":"2"}}'),
    ("tracing: {sampling: 100, maxPathTagLength: 0}", '{"tracing":{"sampling":100}}'),
    ("tracing: {sampling: '0.5'}", '{"tracing":{"sampling":0.5}}'),
    (
        "tracing: {stackdriver: {debug: false, maxNumberOfAttributes: 200}}",
        '{"tracing":{"stackdriver":{"maxNumberOfAttributes":"200"}}}',
    ),
    (
        "tracing: {tlsSettings: {mode: DISABLE, insecureSkipVerify: false}}",
        '{"tracing":{"tlsSettings":{"insecureSkipVerify":false}}}',
    ),
    (
        "tracing: {customTags: {b: {literal: {value: x}}, a: {environment: {name: N, defaultValue: ''}}}}",
        '{"tracing":{"customTags":{"a":{"environment":{"name":"N"}},"b":{"literal":{"value":"x"}}}}}',
    ),
    ("extraStatTags: []", "{}"),
    ("extraStatTags: [b, a]", '{"extraStatTags":["b","a"]}'),
    ("gatewayTopology: {forwardClientCertDetails: 0, proxyProtocol: {}}", '{"gatewayTopology":{"proxyProtocol":{}}}'),
    ("sds: {k8s_sa_jwt_path: /x, enabled: false}", '{"sds":{"k8sSaJwtPath":"/x"}}'),
    (
        "connectionSettings: {profile: EDGE, http2_initial_stream_window_size: 65535, httpIdleTimeout: 1h}",
        '{"connectionSettings":{"profile":"EDGE","http2InitialStreamWindowSize":65535,"httpIdleTimeout":"3600s"}}',
    ),
    (
        "proxyHeaders: {attemptCount: {}, metadataExchangeHeaders: {mode: UNDEFINED}}",
        '{"proxyHeaders":{"attemptCount":{},"metadataExchangeHeaders":{}}}',
    ),
    ("privateKeyProvider: {qat: {pollDelay: 10ms}}", '{"privateKeyProvider":{"qat":{"pollDelay":"0.010s"}}}'),
    ("unknownField: 1", "{}"),
    ("statusPort: 15021\nmeshId: m\nconcurrency: 1", '{"concurrency":1,"statusPort":15021,"meshId":"m"}'),
    ("discoveryAddress: istiod-x.istio-system.svc:15012", '{"discoveryAddress":"istiod-x.istio-system.svc:15012"}'),
]

ORDER = (
    "configPath binaryPath serviceCluster tracingServiceName drainDuration discoveryAddress discoveryRefreshDelay "
    "zipkinAddress statsdUdpAddress envoyMetricsServiceAddress proxyAdminPort availabilityZone controlPlaneAuthPolicy "
    "customConfigFile statNameLength concurrency proxyBootstrapTemplatePath interceptionMode tracing sds "
    "envoyAccessLogService envoyMetricsService proxyMetadata runtimeValues statusPort extraStatTags gatewayTopology "
    "terminationDrainDuration meshId readinessProbe proxyStatsMatcher holdApplicationUntilProxyStarts "
    "caCertificatesPem image privateKeyProvider proxyHeaders fileFlushInterval fileFlushMinSizeKb statsCompression "
    "connectionSettings"
).split()


@pytest.mark.parametrize(("document", "text"), TEXTS)
def test_the_text_holds_what_differs_from_the_defaults(document: str, text: str) -> None:
    assert to_text(merge(DEFAULTS, parse_text(document))) == f"{text}\n"


@pytest.mark.parametrize("text", [text for _, text in TEXTS])
def test_the_text_reads_as_what_it_was_written_from(text: str) -> None:
    assert to_text(merge(DEFAULTS, parse_text(text))) == f"{text}\n"


def test_fields_stand_in_the_order_of_the_reference() -> None:
    assert list(PROXY_CONFIG.fields) == ORDER
