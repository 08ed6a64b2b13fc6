"""The nouns of the core: what is asked, what is configured, what the cluster looks like."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from injector.core.errors import InjectorError
from injector.core.selection import LabelSelector

JsonObject: TypeAlias = dict[str, Any]
Pod: TypeAlias = dict[str, Any]
Container: TypeAlias = dict[str, Any]

PROXY_CONTAINER = "istio-proxy"
INIT_CONTAINER = "istio-init"
VALIDATION_CONTAINER = "istio-validation"
CORE_DUMP_CONTAINER = "enable-core-dump"
GRPC_BOOTSTRAP_CONTAINER = "grpc-bootstrap-init"

DEFAULT_PROXY_ID = 1337

STATUS_ANNOTATION = "sidecar.istio.io/status"
OVERRIDES_ANNOTATION = "proxy.istio.io/overrides"
PROXY_CONFIG_ANNOTATION = "proxy.istio.io/config"
TEMPLATES_ANNOTATION = "inject.istio.io/templates"
NETWORK_LABEL = "topology.istio.io/network"
NATIVE_SIDECAR_ANNOTATION = "sidecar.istio.io/nativeSidecar"
INTERCEPTION_MODE_ANNOTATION = "sidecar.istio.io/interceptionMode"

PROBERS_ENV = "ISTIO_KUBE_APP_PROBERS"
PROMETHEUS_ENV = "ISTIO_PROMETHEUS_ANNOTATIONS"


class InjectionError(InjectorError):
    """A pod that cannot be injected; the text is for the pod's author and becomes `status.message` behind `step`."""

    step = "failed to run injection template"


class ProcessingError(InjectionError):
    """What a rule that looks at the whole pod, after the templates, cannot accept (reference 13.3)."""

    step = "failed to process pod"


@dataclass(frozen=True, slots=True)
class Workload:
    """The object that a pod belongs to, as far as it can be told from the pod (reference section 4)."""

    name: str
    namespace: str
    kind: str
    api_version: str


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """The part of an AdmissionReview request that matters here.

    `parameters` are the environment pairs of the URL path (reference section 15), in order.
    """

    uid: str
    api_version: str
    kind: str
    operation: str
    namespace: str
    name: str
    dry_run: bool
    pod: Pod
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DenialRule:
    """What pods of some namespaces may not carry: annotations and values by globs, or a preset (see `core.denied`).

    Without `values` every value is denied. `message` says where to ask; empty is the usual advice.
    """

    annotations: tuple[str, ...]
    values: tuple[str, ...]
    preset: str
    namespaces: LabelSelector
    message: str


@dataclass(frozen=True, slots=True)
class Config:
    """The effective configuration, defaults merged in and checked. Never changed: a reload makes a new one.

    `values` has the keys of Istio's installation values; `mesh_config` those of MeshConfig in camelCase, where
    `defaultConfig` is a canonical ProxyConfig (see `core.proxy_config`). `templates` are those in Jinja, `go_templates`
    those in Go's text/template: no name is in both.
    """

    policy: str
    default_templates: tuple[str, ...]
    templates: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]
    never_inject_selector: tuple[LabelSelector, ...]
    always_inject_selector: tuple[LabelSelector, ...]
    injected_annotations: Mapping[str, str]
    ignored_namespaces: frozenset[str]
    enable_namespaces_by_default: bool
    revision: str
    revision_tags: tuple[str, ...]
    values: JsonObject
    mesh_config: JsonObject
    native_sidecars: str
    platform: str
    compliance_policy: str
    go_templates: Mapping[str, str] = field(default_factory=dict)
    denied_annotations: tuple[DenialRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of the cluster at one moment: Namespace, Node and ProxyConfig objects as plain JSON.

    `nodes` is None where nodes are not known at all (no cluster, no file): nothing can be detected from them.
    `runs_native_sidecars` is what all nodes together allow: every review asks for it, of thousands of nodes.
    """

    namespaces: Mapping[str, JsonObject]
    nodes: tuple[JsonObject, ...] | None = None
    proxy_configs: tuple[JsonObject, ...] = ()
    runs_native_sidecars: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sum up what the nodes say."""
        native = self.nodes is not None and run_native_sidecars(self.nodes)
        object.__setattr__(self, "runs_native_sidecars", native)

    def native_sidecars_on(self, node_name: str) -> bool:
        """Whether the node of this name runs native sidecars; where it is not known, whether all nodes do."""
        named = [node for node in self.nodes or () if (node.get("metadata") or {}).get("name") == node_name]
        return run_native_sidecars(named) if named else self.runs_native_sidecars


# https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
NATIVE_SINCE_MINOR = 33
_VERSION = re.compile(r"v?[0-9]+\.([0-9]+)(?:[.+-].*)?")


def run_native_sidecars(nodes: Iterable[JsonObject]) -> bool:
    """Whether all of `nodes` run native sidecars, init containers that restart (reference 3.7)."""
    versions = {str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or "") for node in nodes}
    parsed = map(_VERSION.fullmatch, versions)
    return all(found is not None and int(found[1]) >= NATIVE_SINCE_MINOR for found in parsed)


EMPTY_SNAPSHOT = Snapshot(namespaces={})


class RuleResult(NamedTuple):
    """One line of the trace: the rule, whether it decided, and what it saw."""

    rule: str
    decided: bool
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome: what the rule named `rule` decided, and what those before it, in `passed`, had seen by name.

    `rule` is empty where no rule was looked at.
    """

    inject: bool
    reason: str
    message: str
    rule: str = ""
    passed: tuple[tuple[str, str], ...] = ()

    @property
    def trace(self) -> tuple[RuleResult, ...]:
        """Every rule that was looked at, in order; the last one decided."""
        if not self.rule:
            return ()
        before = (RuleResult(rule, decided=False, message=message) for rule, message in self.passed)
        return (*before, RuleResult(self.rule, decided=True, message=self.message))


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a pod.

    `pod` is the result; the very object that was received where nothing changes. `allowed` is false only where the pod
    should be injected and cannot, or is no readable pod; `message` then says why. `decision` is None where the pod
    could not be read. `templates` are the names of those applied, `configuration` is the digest of what was in force,
    `units` is how much work an injection was (see `effort`).
    """

    allowed: bool
    decision: Decision | None
    pod: Pod
    message: str = ""
    patch: tuple[JsonObject, ...] = ()
    warnings: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    configuration: str = ""
    units: float = 0
