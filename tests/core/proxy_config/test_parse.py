"""Reading a ProxyConfig: every spelling that Protobuf's JSON takes, and all faults at once (reference 3.4)."""

from typing import Any

import pytest

from injector.core.duration import duration_text, nanoseconds
from injector.core.proxy_config import DEFAULTS, ProxyConfigError, merge, parse, parse_text, to_text
from injector.core.proxy_config.schema import PROXY_CONFIG

WRONG = [
    ("[]", "must be a mapping, got []"),
    ("a: [", "line 2: not YAML"),
    ("concurrency: many", "concurrency: must be an integer"),
    ("concurrency: 1.5", "concurrency: must be an integer"),
    ("concurrency: true", "concurrency: must be an integer"),
    ("concurrency: 2147483648", "concurrency: must be an integer"),
    ("fileFlushMinSizeKb: -1", "fileFlushMinSizeKb: must be an integer from 0"),
    ("configPath: 1", "configPath: must be a string"),
    ("holdApplicationUntilProxyStarts: 'true'", "holdApplicationUntilProxyStarts: must be true or false"),
    ("drainDuration: 45", "drainDuration: must be a duration"),
    ("drainDuration: 45x", "drainDuration: must be a duration"),
    ("interceptionMode: redirect", "interceptionMode: must be one of REDIRECT, TPROXY, NONE"),
    ("interceptionMode: 3", "interceptionMode: must be one of REDIRECT, TPROXY, NONE"),
    ("tracing: zipkin", "tracing: must be a mapping"),
    ("tracing: {sampling: nan}", "tracing.sampling: must be a number"),
    ("extraStatTags: a", "extraStatTags: must be a list of strings"),
    ("extraStatTags: [1]", "extraStatTags[0]: must be a string"),
    ("proxyMetadata: {A: true}", "proxyMetadata.A: must be a string"),
    ("proxyMetadata: {A: 1}", "proxyMetadata.A: must be a string"),
    ("tracing: {zipkin: {}, datadog: {}}", "tracing.datadog: cannot be set beside 'zipkin'"),
    ("serviceCluster: x\ntracingServiceName: 1", "tracingServiceName: cannot be set beside 'serviceCluster'"),
]


@pytest.mark.parametrize(("text", "fault"), WRONG)
def test_a_wrong_value_is_named_by_path_with_what_is_expected(text: str, fault: str) -> None:
    with pytest.raises(ProxyConfigError) as caught:
        parse_text(text)
    assert fault in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ProxyConfigError) as caught:
        parse({"concurrency": "x", "tracing": {"sampling": "y"}})
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, {}),
        ({"status_port": "15021"}, {"statusPort": 15021}),
        ({"statusPort": 15021.0}, {"statusPort": 15021}),
        ({"concurrency": None}, {}),
        ({"whatever": object()}, {}),
        ({"controlPlaneAuthPolicy": 1}, {"controlPlaneAuthPolicy": "MUTUAL_TLS"}),
        ({"tracing": {"max_path_tag_length": 5}}, {"tracing": {"maxPathTagLength": 5}}),
        ({"proxyMetadata": {"SNAKE_CASE": "x"}}, {"proxyMetadata": {"SNAKE_CASE": "x"}}),
    ],
)
def test_every_spelling_has_one_canonical_form(document: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parse(document) == expected


@pytest.mark.parametrize("text", ["", "# nothing", "null"])
def test_an_empty_text_says_nothing(text: str) -> None:
    assert parse_text(text) == {}


DURATIONS = [
    ("0", "0s"),
    ("0s", "0s"),
    ("90s", "90s"),
    ("1m30s", "90s"),
    ("1.5s", "1.500s"),
    (".5s", "0.500s"),
    ("1h", "3600s"),
    ("-1s", "-1s"),
    ("2h45m0.5s", "9900.500s"),
    ("1\u00b5s", "0.000001s"),
]


@pytest.mark.parametrize(("text", "canonical"), DURATIONS)
def test_a_duration_of_go_as_protobuf_writes_it(text: str, canonical: str) -> None:
    assert duration_text(nanoseconds(text)) == canonical
    assert duration_text(nanoseconds(canonical)) == canonical


@pytest.mark.parametrize("text", ["", "1", "s", "1 s", "1d", "1s1", "99999999999999h"])
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="a duration"):
        nanoseconds(text)


def test_of_a_long_value_a_message_shows_the_beginning() -> None:
    with pytest.raises(ProxyConfigError) as caught:
        parse_text("binaryPath: [" + "x, " * 10_000 + "x]\nproxyMetadata: " + "x" * 10_000)
    assert len(str(caught.value)) < 1_000


# The text of PROXY_CONFIG, byte for byte (reference 3.5 and the defaults of 3.3).

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
        "tracing: {customTags: {b: {literal: {value: x}}, a: {environment: {name: HOME, defaultValue: ''}}}}",
        '{"tracing":{"customTags":{"a":{"environment":{"name":"HOME"}},"b":{"literal":{"value":"x"}}}}}',
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
