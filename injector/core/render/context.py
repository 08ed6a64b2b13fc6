"""The names that templates see: the pod and its surroundings as data, and functions that answer about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import orjson
from jinja2.exceptions import SecurityError

from injector.core.errors import quoted
from injector.core.model import PROXY_CONTAINER, Config, InjectionError, JsonObject, Pod, Workload
from injector.core.render.declarations import read_annotation, read_default
from injector.core.render.functions import (
    ISTIO_NETWORK,
    asks_for_attributes,
    asks_for_image,
    container_images,
    first_nonempty,
    go_text,
    refuse,
    resource_attributes,
    tcp_probed_ports,
    with_network,
    without_nulls,
)
from injector.core.render.limits import bounded
from injector.core.validation import wrong
from injector.envoy import (
    Declared,
    Peer,
    known_peers,
    named_protocols,
    read_protocols,
    sidecar_bootstrap,
    sidecar_proxy,
)

T = TypeVar("T")

# What templates see of the configuration: worked out once, the same for all pods under it.


@dataclass(frozen=True, slots=True)
class Configured:
    """What is the same for all pods under one configuration.

    `names` are those in scope that say nothing of a pod, `proxy_config` is the mesh's default ProxyConfig as templates
    see it, `images` are those of proxy and init container of a pod that asks for no other, `asks_for_attributes` says
    whether a provider of telemetry wants resource attributes.
    """

    config: Config
    names: Mapping[str, Any]
    proxy_config: JsonObject
    images: tuple[str, str]
    asks_for_attributes: bool


def configured_by(config: Config) -> Configured:
    """What is the same for all pods under `config`."""
    proxy_config = proxy_config_view(config.mesh_config["defaultConfig"])
    return Configured(
        config,
        _names_of(config),
        proxy_config,
        images=container_images(config.values, proxy_config, {}),
        asks_for_attributes=asks_for_attributes(config.mesh_config),
    )


def proxy_config_view(proxy_config: JsonObject) -> JsonObject:
    """The ProxyConfig as templates see it: the fields that every template asks for are always there."""
    return {"interceptionMode": "REDIRECT", "proxyMetadata": {}, **proxy_config}


def _names_of(config: Config) -> dict[str, Any]:
    mode = (config.mesh_config.get("inboundTrafficPolicy") or {}).get("mode")
    return {
        "values": config.values,
        "mesh_config": config.mesh_config,
        "revision": config.revision or "default",
        "inbound_traffic_policy_mode": "localhost" if mode == "LOCALHOST" else "passthrough",
        "compliance_policy": config.compliance_policy,
        "first_nonempty": first_nonempty,
    }


PROTOCOL_ANNOTATIONS = ("traffic.sidecar-injector.io/inboundProtocols", "traffic.sidecar-injector.io/outboundProtocols")
_PORT_KEYS = ("name", "hostPort", "containerPort", "protocol", "hostIP")
_RESOURCE_ANNOTATIONS = (
    ("sidecar.istio.io/proxyCPU", "requests", "cpu"),
    ("sidecar.istio.io/proxyMemory", "requests", "memory"),
    ("sidecar.istio.io/proxyCPULimit", "limits", "cpu"),
    ("sidecar.istio.io/proxyMemoryLimit", "limits", "memory"),
)


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """All that a template may know of one pod. `pod` is the view without a previous injection (reference 10.2)."""

    pod: Pod
    workload: Workload
    configured: Configured
    proxy_config: JsonObject
    native_sidecars: bool
    proxy_uid: int
    proxy_gid: int
    namespace: JsonObject


def scope_of(given: TemplateInput) -> dict[str, Any]:
    """The names in scope for one rendering; they are documented in `templates/README.md`."""
    functions = PodFunctions(given)
    proxy_image, init_image = functions.images()
    workload = given.workload
    return {
        **given.configured.names,
        "pod": given.pod,
        "workload": {
            "name": workload.name,
            "namespace": workload.namespace,
            "kind": workload.kind,
            "api_version": workload.api_version,
        },
        "namespace": given.namespace,
        "proxy_config": given.proxy_config,
        "native_sidecars": given.native_sidecars,
        "proxy_image": proxy_image,
        "proxy_init_image": init_image,
        "proxy_uid": given.proxy_uid,
        "proxy_gid": given.proxy_gid,
        "annotation": functions.annotation,
        "json_annotation": functions.json_annotation,
        "named_items": functions.named_items,
        "label": functions.label,
        "refuse": refuse,
        "application_containers": functions.application_containers,
        "owner": functions.owner,
        "pod_ports": functions.pod_ports,
        "excluded_inbound_ports": functions.excluded_inbound_ports,
        "multus_networks": functions.multus_networks,
        "otel_resource_attributes": functions.otel_resource_attributes,
        "proxy_resources": functions.proxy_resources,
        "tcp_probed_ports": functions.tcp_probed_ports,
        "envoy_bootstrap": functions.envoy_bootstrap,
    }


SCOPE_NAMES = frozenset(
    "pod workload namespace values mesh_config proxy_config revision native_sidecars proxy_image proxy_init_image "
    "proxy_uid proxy_gid inbound_traffic_policy_mode compliance_policy annotation json_annotation label named_items "
    "first_nonempty application_containers owner pod_ports excluded_inbound_ports multus_networks "
    "otel_resource_attributes proxy_resources tcp_probed_ports envoy_bootstrap refuse".split()
)


def _remembered(function: Callable[..., T]) -> Callable[..., T]:
    """The method, which does its work once for each of its arguments: a loop may call it often, for a large pod."""

    @wraps(function)
    def remembered(self: "PodFunctions", *arguments: Any) -> T:
        results: dict[tuple[Any, ...], T] = self._results
        key = (function, *arguments)
        if key not in results:
            results[key] = function(self, *arguments)
        return results[key]

    return remembered


class PodFunctions:
    """The functions of the scope, bound to one pod."""

    __slots__ = ("_annotations", "_config", "_containers", "_given", "_labels", "_proxy_values", "_results")

    def __init__(self, given: TemplateInput) -> None:
        """Answer about the pod in `given`."""
        self._given = given
        self._results: dict[tuple[Any, ...], Any] = {}
        metadata = given.pod["metadata"]
        self._annotations: Mapping[str, str] = metadata["annotations"]
        self._labels: Mapping[str, str] = metadata["labels"]
        self._containers: list[JsonObject] = given.pod["spec"]["containers"]
        self._config = given.configured.config
        self._proxy_values: Mapping[str, Any] = self._config.values["global"]["proxy"]

    def annotation(self, name: str, default: Any = "", type: Any = None, description: str = "") -> Any:  # noqa: A002, ARG002
        """The annotation where the key is present, even if empty; else `default` as text; a null stays one.

        With a `type` (see `declarations`) it is a value of that type, else the default as it is, null where there is
        none; `description` is for whoever looks the annotation up. Raises InjectionError for a value that is not valid,
        ValueError for such a default.
        """
        text = self._annotations.get(name)
        if type is None:
            return _or_default(text, default)
        if text is not None:
            return read_annotation(name, text, type)
        return None if default == "" and type != "string" else read_default(default, type)

    @_remembered
    def json_annotation(self, name: str) -> JsonObject:
        """The JSON object in an annotation. Raises InjectionError."""
        value = self._json(name, "a JSON object by name")
        if not isinstance(value, dict):
            raise _not_valid(name, self._annotations[name], "not a JSON object", "a JSON object by name")
        return value

    @_remembered
    def named_items(self, name: str) -> list[JsonObject]:
        """The items that an annotation holds as JSON, each with its `name`: an object by name, or a list of items.

        Names are sorted, lists keep their order. As in Istio an item's own `name` wins over its key or index. Raises
        InjectionError.
        """
        valid = "a JSON object of items by name, or a list of items with a name"
        value = self._json(name, valid)
        if isinstance(value, dict):
            entries = sorted(value.items())
        elif isinstance(value, list):
            entries = [(str(index), item) for index, item in enumerate(value)]
        else:
            raise _not_valid(name, self._annotations[name], "neither a JSON object nor a list", valid)
        if not all(isinstance(item, dict) for _, item in entries):
            raise _not_valid(name, self._annotations[name], "not every item is a JSON object", valid)
        return [{"name": key, **item} for key, item in entries]

    def _json(self, name: str, valid: str) -> Any:
        text = self._annotations.get(name, "")
        try:
            return bounded(orjson.loads(text))
        except orjson.JSONDecodeError as error:
            raise _not_valid(name, text, f"not JSON: {error}", valid) from error
        except SecurityError as error:
            raise _not_valid(name, text, str(error), valid) from error

    def label(self, name: str, default: Any = "") -> str | None:
        """The label where the key is present; else `default` as text; a null stays one."""
        return _or_default(self._labels.get(name), default)

    def images(self) -> tuple[str, str]:
        """The images of proxy and init container."""
        given = self._given
        if given.proxy_config is given.configured.proxy_config and not asks_for_image(self._annotations):
            return given.configured.images
        return container_images(self._config.values, given.proxy_config, self._annotations)

    @_remembered
    def application_containers(self) -> list[str]:
        """The names of the pod's containers other than the proxy, in order."""
        return [name for each in self._containers if (name := each["name"]) != PROXY_CONTAINER]

    def owner(self) -> str:
        """The workload as Istio's telemetry names it (reference 4.3); empty where its name or version is not known."""
        workload = self._given.workload
        if not (workload.api_version and workload.name):
            return ""
        namespace = workload.namespace or "default"
        place = f"{workload.api_version}/namespaces/{namespace}/{workload.kind.lower()}s"
        return f"kubernetes://apis/{place}/" + workload.name

    @_remembered
    def pod_ports(self) -> str:
        """All ports of the pod's containers, one JSON object a line (reference 5.9.3, row 11)."""
        ports = [port for each in self._containers for port in each.get("ports") or ()]
        lines = [f"    {',' if index else ''}{_port_json(port)}" for index, port in enumerate(ports)]
        return "\n".join(["[", *lines, "]"])

    @_remembered
    def excluded_inbound_ports(self) -> str:
        """The inbound ports to leave alone: the configured ones and the status port (reference 5.2)."""
        excluded = self._text_of("traffic.sidecar.istio.io/excludeInboundPorts", "excludeInboundPorts")
        status_port = self._text_of("status.sidecar.istio.io/port", "statusPort").strip()
        elements = excluded.split(",")
        if status_port in ("", "0") or status_port in elements:
            return excluded
        return ",".join([*filter(None, map(str.strip, elements)), status_port])

    def _text_of(self, annotation: str, value: str) -> str:
        """The annotation, else the value of `global.proxy`; empty where that is null."""
        return self.annotation(annotation, self._proxy_values.get(value)) or ""

    @_remembered
    def multus_networks(self) -> str:
        """The value of the Multus network annotation with Istio's network in it (reference 5.6)."""
        return with_network(self._annotations.get("k8s.v1.cni.cncf.io/networks") or "", ISTIO_NETWORK)

    @_remembered
    def otel_resource_attributes(self) -> str:
        """The value of OTEL_RESOURCE_ATTRIBUTES, empty where no provider asks for it (reference 5.14)."""
        given = self._given
        if not given.configured.asks_for_attributes:
            return ""
        return resource_attributes(self._annotations, self._labels, given.workload.namespace, self._containers)

    @_remembered
    def tcp_probed_ports(self) -> str:
        """The ports that a TCP probe of the pod connects to, comma-separated: a proxy would accept in any case."""
        return ",".join(map(str, tcp_probed_ports(self._given.pod)))

    def envoy_bootstrap(self, service: str, mode: str) -> JsonObject:
        """The bootstrap of an Envoy without a control plane, for interception mode `mode` (see `injector.envoy`)."""
        settings = self._config.values["global"]
        proxy = sidecar_proxy(
            self._config.mesh_config,
            self._given.proxy_config,
            service=service,
            mode=mode,
            ipv6=settings["envoy"].get("ipv6") is not False,
            declared=self._protocols(),
            peer=self._peer(service),
            known_peers=replace(known_peers(settings), listed=()),
        )
        return sidecar_bootstrap(proxy)

    def _peer(self, service: str) -> Peer:
        """Who the pod is in metrics (reference 4.3); its service's name is taken to be its canonical name."""
        namespace = self._given.workload.namespace or "default"
        multi_cluster = self._config.values["global"].get("multiCluster") or {}
        revisions = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
        return Peer(
            workload=self._given.workload.name,
            namespace=namespace,
            app=self.label("app") or "",
            version=self.label("version") or "",
            service=service.removesuffix(f".{namespace}"),
            revision=first_nonempty(*map(self.label, revisions), "latest"),
            cluster=multi_cluster.get("clusterName") or "Kubernetes",
        )

    def _protocols(self) -> Declared:
        """The protocols of ports: the table of the values, then the names of ports, then the annotations."""
        table = read_protocols(self._config.values["global"]["envoy"].get("protocols") or "")
        named = named_protocols(port for each in self._containers for port in each.get("ports") or ())
        inbound, outbound = (read_protocols(self._annotations.get(name) or "") for name in PROTOCOL_ANNOTATIONS)
        return Declared({**table, **named, **inbound}, {**table, **outbound})

    def proxy_resources(self) -> JsonObject | None:
        """The resources of injected containers; None, which drops what was there, where there are none (5.10)."""
        annotated: JsonObject = {}
        for name, kind, resource in _RESOURCE_ANNOTATIONS:
            if name in self._annotations:
                annotated.setdefault(kind, {})[resource] = self._annotations[name]
        return annotated or without_nulls(self._proxy_values.get("resources")) or None


SAFE_FUNCTIONS: frozenset[Callable[..., Any]] = frozenset(
    (
        first_nonempty,
        PodFunctions.annotation,
        PodFunctions.json_annotation,
        PodFunctions.named_items,
        PodFunctions.label,
        PodFunctions.application_containers,
        PodFunctions.owner,
        PodFunctions.pod_ports,
        PodFunctions.excluded_inbound_ports,
        PodFunctions.multus_networks,
        PodFunctions.otel_resource_attributes,
        PodFunctions.proxy_resources,
        PodFunctions.tcp_probed_ports,
        PodFunctions.envoy_bootstrap,
    )
)


def pod_view(pod: Pod) -> Pod:
    """The pod as templates see it: the maps and lists that every template asks for are always there."""
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    maps = {field: metadata.get(field) or {} for field in ("labels", "annotations")}
    lists = {field: spec.get(field) or [] for field in ("containers", "initContainers", "volumes")}
    return {**pod, "metadata": {**metadata, **maps}, "spec": {**spec, **lists}}


def _or_default(text: str | None, default: Any) -> str | None:
    """The anno-or of the reference, which prints a null as `<nil>`."""
    if text is not None or default is None:
        return text
    if type(default) is str:
        return default
    if isinstance(default, (dict, list, tuple)):
        raise TypeError(f"the default {wrong('a string, a number or a boolean', default)}")
    return go_text(default)


def _not_valid(name: str, text: str, why: str, valid: str) -> InjectionError:
    return InjectionError(f"invalid value {quoted(text)} for annotation '{name}': {why}; valid: {valid}")


def _port_json(port: Mapping[str, Any]) -> str:
    kept = {key: port[key] for key in _PORT_KEYS if port.get(key) or (key == "containerPort" and key in port)}
    return orjson.dumps(kept).decode()
