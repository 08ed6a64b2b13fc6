"""The names in scope of a template in CEL: variables of the policy, what is evaluated before, and what is not said."""

from collections.abc import Mapping

from injector.policy.cel import Expression, Name
from injector.policy.cel import field as cel_field
from injector.policy.values import TEXT, Value

VARIABLES, OBJECT = Name("variables"), Name("object")


def variable(name: str) -> Expression:
    """A variable of the policy."""
    return cel_field(VARIABLES, name)


# What the pod is without its injection: the field, the variable that has it, its type.
VIEW: Mapping[Expression, Value] = {
    cel_field(OBJECT, "metadata", "annotations"): Value(variable("annotations"), "{string}"),
    cel_field(OBJECT, "metadata", "labels"): Value(variable("labels"), "{string}", is_plain=True),
    cel_field(OBJECT, "spec", "containers"): Value(variable("containers"), "[Container]"),
    cel_field(OBJECT, "spec", "initContainers"): Value(variable("initContainers"), "[Container]"),
    cel_field(OBJECT, "spec", "volumes"): Value(variable("volumes"), "[Volume]"),
}
POD = Value(OBJECT, "Pod")
ANNOTATIONS, LABELS = variable("annotations"), variable("labels")
WORKLOAD = {
    "name": Value(variable("workloadName"), TEXT, is_plain=True),
    "kind": Value(variable("workloadKind"), TEXT, is_plain=True),
    "api_version": Value(variable("workloadVersion"), TEXT, is_plain=True),
    "namespace": Value(variable("namespace"), TEXT, is_plain=True),
}
# Functions and names of the scope that need what a policy does not see, and why.
UNSAID: Mapping[str, str] = {
    "json_annotation": "CEL has no JSON",
    "named_items": "CEL has no JSON",
    "pod_ports": "CEL has no JSON",
    "envoy_bootstrap": "CEL has no JSON, and the proxy's configuration is worked out by the webhook",
    "proxy_config": "the annotation proxy.istio.io/config is YAML, which CEL does not read",
    "proxy_image": "it depends on the pod's ProxyConfig, which CEL does not read",
    "proxy_init_image": "it depends on the pod's ProxyConfig, which CEL does not read",
    "proxy_resources": "it belongs to the proxy, for which the webhook does more than its template says",
    "excluded_inbound_ports": "it belongs to the proxy, for which the webhook does more than its template says",
    "tcp_probed_ports": "it belongs to the proxy, for which the webhook does more than its template says",
    "multus_networks": "CEL has no JSON, which the annotation may hold",
    "otel_resource_attributes": "it belongs to the proxy, for which the webhook does more than its template says",
    "owner": "it belongs to the proxy, for which the webhook does more than its template says",
}
# What is said, and what it becomes.
SAID: Mapping[str, str] = {
    "annotation": "the variable `annotations`, with its type and a check",
    "label": "the variable `labels`",
    "first_nonempty": "a choice",
    "application_containers": "the names in the variable `containers`",
    "refuse": "a validation of the ValidatingAdmissionPolicy",
    "pod": "`object`, without what policies put there",
    "workload": "variables made of `object.metadata.ownerReferences`",
    "namespace": "`namespaceObject`: only its metadata",
    "values": "evaluated before",
    "mesh_config": "evaluated before",
    "revision": "evaluated before",
    "native_sidecars": "evaluated before: an API server that has these policies has nodes that run native sidecars",
    "proxy_uid": "evaluated before",
    "proxy_gid": "evaluated before",
    "inbound_traffic_policy_mode": "evaluated before",
    "compliance_policy": "evaluated before",
}
