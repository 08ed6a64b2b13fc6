"""The structs that templates see: zero values, nil pointers, methods, and what is said of fields that are not there."""

from typing import Any

import pytest

from injector.core.render import RenderingError
from injector.core.render.go.kubernetes_types import pod_spec, struct_type
from injector.core.render.go.values import GoDuration, field_of, plain
from tests.core.render.go.support import Data, document, rendered_text

POD: dict[str, Any] = {
    "spec": {
        "containers": [
            {
                "name": "app",
                "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}},
                "livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 5},
                "securityContext": {"runAsUser": 0, "privileged": False},
            }
        ],
        "volumes": [{"name": "v", "configMap": {"name": "c", "optional": False}}],
    }
}
CONTAINER = "{{ with index .Spec.Containers 0 }}"

FOUND = [
    (CONTAINER + "{{ .Image }}|{{ .TTY }}|{{ .Args }}|{{ len .Env }}{{ end }}", "|false|[]|0"),
    (CONTAINER + "{{ .SecurityContext.RunAsUser }} {{ .SecurityContext.RunAsGroup }}{{ end }}", "0 <nil>"),
    (CONTAINER + "{{ if .SecurityContext.Privileged }}y{{ else }}n{{ end }}{{ end }}", "n"),
    (
        CONTAINER
        + "{{ .LivenessProbe.TCPSocket.Port }} {{ .LivenessProbe.ProbeHandler.TCPSocket.Port.IntVal }}{{ end }}",
        "8080 8080",
    ),
    (CONTAINER + "{{ if .ReadinessProbe }}y{{ else }}n{{ end }}{{ end }}", "n"),
    (CONTAINER + "{{ .Resources.Limits.Memory.Value }} {{ .Resources.Requests.Cpu.IsZero }}{{ end }}", "67108864 true"),
    (CONTAINER + "{{ (index .Ports 0).Protocol }}|{{ (index .Ports 0).HostPort }}{{ end }}", "|0"),
    (
        "{{ range .Spec.Volumes }}{{ .ConfigMap.Name }} {{ .ConfigMap.Optional }} {{ .Secret }}{{ end }}",
        "c false <nil>",
    ),
    ("{{ .Spec.RestartPolicy }}|{{ .Spec.Priority }}|{{ .Spec.NodeSelector }}", "|<nil>|map[]"),
    ("{{ .ObjectMeta.CreationTimestamp.IsZero }} {{ .ObjectMeta.GetLabels }}", "true map[]"),
    ("{{ .EstimatedConcurrency }} {{ .ProxyConfig.GetConcurrency.GetValue }}", "2 0"),
    ("{{ .ProxyConfig.Tracing.GetSampling }}", "0"),
    (
        "{{ .MeshConfig.GetDefaultConfig.GetStatusPort }} {{ .MeshConfig.OutboundTrafficPolicy.GetMode }}",
        "0 REGISTRY_ONLY",
    ),
]


@pytest.mark.parametrize(("source", "text"), FOUND)
def test_what_is_not_there_is_the_zero_value(source: str, text: str) -> None:
    """Or a nil pointer; methods can be asked of both."""
    values = {"global": {"proxy": {"resources": {"limits": {"cpu": "1100m"}}}}}
    if "Tracing" in source:
        source = source.replace(".ProxyConfig.Tracing.", ".ProxyConfig.GetTracing.")
    assert rendered_text(source, Data(POD, values)) == text


MISSING = [
    (CONTAINER + "\n{{ .Imag }}{{ end }}", "line 2: can't evaluate field Imag in type Container"),
    (CONTAINER + "{{ .image }}{{ end }}", "can't evaluate field image in type Container; did you mean Image?"),
    ("\n{{ .Spec.SecurityContext.RunAsUser }}", "line 2: nil pointer evaluating *PodSecurityContext.RunAsUser"),
    ("{{ .ProxyConfig.Tracing.Sampling }}", "nil pointer evaluating *Tracing.Sampling"),
    ("{{ .ServiceAccount }}", "can't evaluate field ServiceAccount in type SidecarTemplateData"),
    ("{{ .Revision.Name }}", "can't evaluate field Name in type string"),
    ("{{ index .Spec.Containers 5 }}", "index out of range: 5"),
    ("{{ len .ProxyUID }}", "len of type int"),
    ("{{ eq .ProxyUID `1337` }}", "incompatible types for comparison: int and string"),
    ("{{ range .Revision }}{{ end }}", "range can't iterate over a value of type string"),
    ("{{ upper 5 }}", "expected string; got int"),
    ("{{ fromJSON `{` }}", "'{' is not JSON"),
    ("{{ div 1 0 }}", "integer divide by zero"),
]


@pytest.mark.parametrize(("source", "message"), MISSING)
def test_what_go_refuses_is_refused_with_its_line(source: str, message: str) -> None:
    """At the time when it is asked of a pod."""
    with pytest.raises(RenderingError) as found:
        document(source, Data(POD))
    assert message in str(found.value)


def test_a_template_can_refuse_a_pod() -> None:
    """`fail` is no fault of the template."""
    with pytest.raises(RenderingError, match="not this one") as found:
        document("{{ fail `not this one` }}", Data(POD))
    assert found.value.is_refusal


def test_every_type_of_a_pod_can_be_read() -> None:
    """The table names no type that it does not have."""
    pending, seen = ["PodSpec", "ObjectMeta"], set[str]()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            for field in struct_type(name).fields.values():
                value = field.read(None)
                assert not value or value.type.name
                inner = field.read([{}]) if isinstance(value, list) else [value]
                pending += [each.type.name for each in inner if hasattr(each, "type")]
    assert {"Container", "Probe", "LabelSelector", "Quantity", "IntOrString"} <= seen


def test_json_of_a_struct_is_what_go_writes() -> None:
    """In the order of its fields, without zero values; pointers to zeros and struct values stay."""
    spec = pod_spec({**POD["spec"], "unknown": 1, "hostNetwork": False})
    (container,) = field_of(spec, "Containers")
    assert list(plain(spec)) == ["volumes", "containers"]
    assert plain(container) == {**POD["spec"]["containers"][0]}
    assert list(plain(container)) == ["name", "ports", "resources", "livenessProbe", "securityContext"]
    assert plain(field_of(pod_spec({"containers": [{"name": "a"}]}), "Containers")[0]) == {"name": "a", "resources": {}}


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_500_000, "2.5ms"),
        (90 * 10**9, "1m30s"),
        (3_600_500_000_000, "1h0m0.5s"),
    ],
)
def test_durations_print_as_in_go(nanoseconds: int, text: str) -> None:
    """With the largest units that they fill."""
    duration: Any = GoDuration.of(nanoseconds)
    assert field_of(duration, "String") == text
