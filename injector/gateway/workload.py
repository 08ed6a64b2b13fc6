"""The pods of the gateway: their labels and namespace, and which resources are about them.

Labels come from the caller, or from the documents: the selector of the first Gateway, and the labels of a workload in
the documents that it selects. Sources: https://istio.io/latest/docs/reference/config/networking/gateway/#Gateway
(selector) and https://istio.io/latest/docs/reference/config/type/workload-selector/.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from injector.core.errors import quoted
from injector.core.model import JsonObject
from injector.gateway.documents import REFUSED_KINDS, Resources, mapping_in, validated
from injector.gateway.model import Report, Resource
from injector.gateway.services import SERVICE

# The labels of the pods that Istio's own charts and profiles install: a Gateway names one of them, a policy maybe
# the other.
_INSTALLED = tuple(
    {"istio": name, "app": f"istio-{name}"} for name in ("ingressgateway", "egressgateway", "eastwestgateway")
)


@dataclass(frozen=True, slots=True)
class GatewayPods:
    """What is known of the gateway's pods. `namespace` is None where nobody has said it; `homes` then stand for it."""

    labels: Mapping[str, str]
    namespace: str | None
    homes: frozenset[str]
    root_namespace: str

    def selected_by(self, selector: Any) -> bool:
        """Whether a mapping of labels selects these pods; an empty one selects all."""
        return isinstance(selector, dict) and selector.items() <= self.labels.items()

    def concerned_by(self, resource: Resource, selector: Any) -> bool:
        """Whether a resource that may select workloads of its namespace is about these pods.

        Where their namespace is not known, a selector that matches is enough.
        """
        if not self.selected_by(selector or {}):
            return False
        if resource.namespace == self.root_namespace or resource.namespace in self.homes:
            return True
        return self.namespace is None and bool(selector)


def gateway_pods(
    resources: Resources, labels: Mapping[str, str] | None, namespace: str | None, root_namespace: str
) -> GatewayPods:
    """The pods that are rendered for: those with `labels`, or those of the first Gateway that selects any."""
    known = dict(labels) if labels else _labels(resources)
    pods = GatewayPods(known, namespace, frozenset((namespace,)) if namespace else frozenset(), root_namespace)
    if namespace:
        return pods
    homes = frozenset(each.namespace for each in resources.of("Gateway") if pods.selected_by(_selector(each)))
    return GatewayPods(known, None, homes, root_namespace)


def _selector(gateway: Resource) -> Any:
    return mapping_in(gateway, "spec").get("selector") or {}


def _labels(resources: Resources) -> dict[str, str]:
    selectors = (_selector(each) for each in resources.of("Gateway"))
    selector: dict[str, str] = next((each for each in selectors if isinstance(each, dict) and each), {})
    known = [*_workload_labels(resources), *_INSTALLED]
    return next((labels for labels in known if selector and selector.items() <= labels.items()), selector)


def _workload_labels(resources: Resources) -> Iterator[dict[str, str]]:
    for kind in ("Deployment", "DaemonSet", "Pod"):
        for workload in resources.of(kind):
            yield mapping_in(workload, *(() if kind == "Pod" else ("spec", "template")), "metadata", "labels")


def selected_gateways(resources: Resources, pods: GatewayPods, report: Report) -> list[Resource]:
    """The Gateways whose servers these pods run; the others are warned of."""
    found = []
    for gateway in resources.of("Gateway"):
        selector = _selector(gateway)
        # A selector of another type is left to validation.
        if not isinstance(selector, dict) or pods.selected_by(selector):
            found.append(gateway)
        else:
            message = f"is left out: it selects other pods than those rendered for ({_text(pods.labels)})"
            report.warn(gateway, ("spec", "selector"), message)
    return found


def policies_about(pods: GatewayPods, policies: Iterable[Resource], report: Report) -> list[Resource]:
    """Those of a kind of policies that are about these pods, not validated yet; the others are warned of."""
    found = []
    for policy in policies:
        spec = mapping_in(policy, "spec")
        if spec.get("targetRef") or spec.get("targetRefs"):
            report.warn(policy, ("spec", "targetRefs"), "is left out: what it targets is not rendered here")
        elif pods.concerned_by(policy, mapping_in(policy, "spec", "selector", "matchLabels")):
            found.append(policy)
        else:
            message = f"is left out: it is about other pods than those rendered for ({_text(pods.labels)})"
            report.warn(policy, ("spec", "selector"), message)
    return found


def refuse_patches(resources: Resources, pods: GatewayPods, report: Report) -> None:
    """Refuse resources of kinds that cannot be honoured where they are about these pods; warn of the others."""
    for kind, reason in REFUSED_KINDS.items():
        for resource in resources.of(kind):
            selector = mapping_in(resource, "spec", "workloadSelector", "labels")
            selector = selector or mapping_in(resource, "spec", "selector", "matchLabels")
            if pods.concerned_by(resource, selector) and _is_for_gateways(mapping_in(resource, "spec")):
                report.refuse(resource, ("kind",), f"is not supported: {reason}")
            else:
                report.warn(resource, ("kind",), "is left out: it is about other pods")


def _is_for_gateways(spec: JsonObject) -> bool:
    """Whether one patch of an EnvoyFilter is not for sidecars only."""
    patches = spec.get("configPatches")
    patches = patches if isinstance(patches, list) else []
    matches = [patch.get("match") if isinstance(patch, dict) else None for patch in patches]
    contexts = [match.get("context", "ANY") if isinstance(match, dict) else "ANY" for match in matches]
    return not contexts or any(context in ("ANY", "GATEWAY") for context in contexts)


def target_ports(resources: Resources, pods: GatewayPods, port: int, report: Report) -> tuple[int, ...]:
    """Where the Services in front of these pods send what comes to `port`: the port itself where there are none.

    Source: Istio's gateways listen on the target ports of their Service. A named one is not known here, and counts as
    the port itself.
    """
    raw = [each for each in resources.of("Service") if mapping_in(each, "spec", "selector")]
    in_front = [each for each in raw if pods.selected_by(mapping_in(each, "spec", "selector"))]
    services = (validated(each, SERVICE, report) for each in in_front)
    ports = (each for service in services if service for each in service.body.get("ports") or ())
    found = [each.get("targetPort", port) for each in ports if each["port"] == port]
    return tuple(dict.fromkeys(each if isinstance(each, int) else port for each in found)) or (port,)


def _text(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items()) or quoted({})
