"""How values become text, the filters that templates may use beside Jinja's own, and what a filter spends."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextvars import ContextVar
from functools import wraps
from math import inf, isfinite
from typing import Any, NoReturn

import orjson
from jinja2 import Undefined

from injector.core.model import Container, InjectionError, JsonObject, Pod
from injector.core.opaque import Inspected, is_name, json_text
from injector.core.pods import CONTAINER_LISTS, containers
from injector.core.proxy_config import to_text
from injector.core.render.errors import Refusal
from injector.core.render.limits import SHORT, size_of
from injector.core.validation import wrong

_LABEL_VALUE_LENGTH = 63
_DECIMAL = 10
_HOST_ADDRESS = "$(HOST_IP)"


def go_text(value: Any) -> str:
    """A value as Istio's templates print it: booleans in lower case, a missing value as `<nil>`."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined):
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def first_nonempty(*values: Any) -> Any:
    """The first value that is neither undefined nor empty; an empty text where all are."""
    for value in values:
        if not isinstance(value, Undefined) and value:
            return value
    return ""


def refuse(message: str) -> NoReturn:
    """End the rendering: the pod cannot be injected, and `message` tells its author why. Raises Refusal."""
    raise Refusal(message)


def without_nulls(value: Any) -> Any:
    """The value without nulls, nor the mappings and lists that become empty by that (reference 5.10)."""
    if isinstance(value, dict):
        kept = {key: without_nulls(item) for key, item in value.items() if item is not None}
        return {key: item for key, item in kept.items() if item not in ({}, []) or value[key] in ({}, [])}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


_NO_DEFAULT = object()


def to_integer(value: Any, default: Any = _NO_DEFAULT, base: int = 10) -> Any:
    """The filter `int`: a whole number, else the default. Raises ValueError where there is none."""
    try:
        return int(value, base) if isinstance(value, str) and base != _DECIMAL else _whole(value)
    except (TypeError, ValueError, OverflowError):
        return _default_number("int", "an integer", value, default)


def to_number(value: Any, default: Any = _NO_DEFAULT) -> Any:
    """The filter `float`: a number with a fraction, else the default. Raises ValueError where there is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = inf
    return number if isfinite(number) else _default_number("float", "a number", value, default)


def _whole(value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        return int(float(value))


def _default_number(name: str, expected: str, value: Any, default: Any) -> Any:
    if default is _NO_DEFAULT:
        raise ValueError(f"{wrong(expected, value)}; a default is given as in {name}(0)")
    return default


def to_json(value: Any) -> str:
    """The value as compact JSON."""
    return json_text(value)


def to_argument(text: str) -> str:
    """The text as an argument that the kubelet hands on as it is; only `$(HOST_IP)`, which addresses may name, counts.

    Source: `$(NAME)` and `$$` in the args of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
    """
    return text.replace("$", "$$").replace(_HOST_ADDRESS.replace("$", "$$"), _HOST_ADDRESS)


def from_json(text: str) -> Any:
    """The value of JSON text. Raises InjectionError with the text where it is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InjectionError(f"{text!r} is not JSON: {error}") from error


def with_fields(mapping: JsonObject, more: JsonObject) -> JsonObject:
    """The mapping with the fields of `more` added. Raises InjectionError where `more` is no mapping."""
    if not isinstance(more, dict):
        raise InjectionError(f"expected a mapping of fields, not {more!r}")
    return {**mapping, **more}


def canonical_name(name: str) -> str:
    """A workload's name as a label value: at most 63 bytes, no `-`, `_` or `.` at its ends (reference 5.4)."""
    try:
        return name.encode()[:_LABEL_VALUE_LENGTH].decode(errors="ignore").strip("-_.")
    except Inspected:
        if is_name(name):
            return name
        raise


def directory_of(path: str) -> str:
    """The part of `path` up to and including its last slash."""
    return path[: path.rfind("/") + 1]


def to_proxy_config(document: JsonObject) -> str:
    """A ProxyConfig as the text of env PROXY_CONFIG (reference 3.5)."""
    return to_text(document)


# What looks at every item of what it gets, however deep.
_DEEP_FILTERS = frozenset(
    "canonical_name dictsort directory_of from_json float int join lower max min replace sort string title to_argument "
    "to_json to_proxy_config trim unique upper without_nulls".split()
)


def charged(name: str, function: Callable[..., Any], rendering: ContextVar[Any]) -> Callable[..., Any]:
    """A filter or test that spends what it touches: what it gets, and what it gives where that is made item by item."""
    first = 1 if hasattr(function, "jinja_pass_arg") else 0
    deep = name in _DEEP_FILTERS
    sorts = name in ("sort", "dictsort")

    @wraps(function)
    def spending(*args: Any, **kwargs: Any) -> Any:
        budget = rendering.get(None)
        if budget is None:
            return function(*args, **kwargs)
        subject = args[first]
        size = size_of(subject, deep=deep) + sum(map(size_of, args[first + 1 :]))
        budget.spend(1 + size * (len(subject).bit_length() if sorts and isinstance(subject, Sized) else 1))
        result = function(*args, **kwargs)
        return budget.spending(result) if isinstance(result, Iterator) else result

    @wraps(function)
    def short(*args: Any, **kwargs: Any) -> Any:
        # By far the most frequent: the text of a name, which costs no more than the node that holds it.
        subject = args[0]
        is_short = type(subject) is str and len(subject) <= SHORT and not kwargs and len(args) == 1
        return function(subject) if is_short else spending(*args, **kwargs)

    return spending if first else short


FILTERS: Mapping[str, Callable[..., Any]] = {
    "canonical_name": canonical_name,
    "directory_of": directory_of,
    "from_json": from_json,
    "to_argument": to_argument,
    "to_json": to_json,
    "to_proxy_config": to_proxy_config,
    "with_fields": with_fields,
    "without_nulls": without_nulls,
}


# The image of an injected container (reference 5.3).

_IMAGE = "sidecar.istio.io/proxyImage"
_IMAGE_TYPE = "sidecar.istio.io/proxyImageType"
_DEFAULT_NAME = "proxyv2"
_KNOWN_SUFFIXES = ("-distroless", "-debug")


def asks_for_image(annotations: Mapping[str, str]) -> bool:
    """Whether a pod has a word on its images."""
    return _IMAGE in annotations or _IMAGE_TYPE in annotations


def container_images(values: JsonObject, proxy_config: JsonObject, annotations: Mapping[str, str]) -> tuple[str, str]:
    """The images of proxy and init container under these values, of a pod with this ProxyConfig and annotations."""
    proxy, init = (container_image(which, values, proxy_config, annotations) for which in ("proxy", "proxy_init"))
    return proxy, init


def container_image(
    component: str, values: JsonObject, proxy_config: JsonObject, annotations: Mapping[str, str]
) -> str:
    """The image of `component` (`proxy` or `proxy_init`): a full name as given, else of hub, name, type and tag."""
    wanted = annotations.get(_IMAGE, _image_name(component, values))
    return wanted if "/" in wanted else computed_image(component, values, proxy_config, annotations)


def _image_name(component: str, values: JsonObject) -> str:
    return go_text((values["global"].get(component) or {}).get("image") or _DEFAULT_NAME)


def computed_image(component: str, values: JsonObject, proxy_config: JsonObject, annotations: Mapping[str, str]) -> str:
    """The image of hub, name, type and tag, also where the name is a full one."""
    settings: Mapping[str, Any] = values["global"]
    name = _image_name(component, values)
    configured = (proxy_config.get("image") or {}).get("imageType") if component == "proxy" else None
    image_type = annotations.get(_IMAGE_TYPE, configured or settings.get("variant") or "")
    return f"{go_text(settings.get('hub'))}/{name}:{_tag(go_text(settings.get('tag')), image_type)}"


def _tag(tag: str, image_type: str) -> str:
    if not image_type:
        return tag
    suffix = next((suffix for suffix in _KNOWN_SUFFIXES if tag.endswith(suffix)), "")
    base = tag.removesuffix(suffix)
    return base if image_type == "default" else f"{base}-{image_type}"


# A network in the list that Multus attaches to a pod (reference 5.6; an empty list stays valid JSON here).

ISTIO_NETWORK = "default/istio-cni"


def with_network(existing: str, network: str) -> str:
    """The list `existing`, in Multus' short or JSON form, with `network` in it. JSON that cannot be read stays."""
    existing = re.sub(r"[ \t]*[\r\n]+[ \t]*", " ", existing)
    if not existing.strip():
        return network
    if "]" not in existing:
        is_named = network in (item.strip() for item in existing.split(","))
        return existing if is_named else f"{existing}, {network}"
    networks = _json_list(existing)
    namespace, _, name = network.rpartition("/")
    wanted = {"name": name, "namespace": namespace} if namespace else {"name": name}
    if networks is None or any(wanted.items() <= each.items() for each in networks):
        return existing
    end = existing.rindex("]")
    separator = ", " if networks else ""
    entry = ", ".join(f'"{key}": {to_json(value)}' for key, value in wanted.items())
    return f"{existing[:end]}{separator}{{{entry}}}{existing[end:]}"


def without_network(existing: str, network: str) -> str:
    """The list `existing` as it was before `with_network` added `network`; empty where nothing else is in it."""
    if "]" not in existing:
        head, _, last = existing.rpartition(",")
        return head.rstrip() if last.strip() == network else existing
    networks = _json_list(existing)
    namespace, _, name = network.rpartition("/")
    wanted = {"name": name, "namespace": namespace}
    if not networks or networks[-1] != wanted:
        return existing
    end = existing.rindex("{")
    return existing[:end].rstrip().removesuffix(",") + existing[existing.rindex("]") :]


def _json_list(text: str) -> list[dict[str, Any]] | None:
    try:
        networks = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    readable = isinstance(networks, list) and all(isinstance(network, dict) for network in networks)
    return networks if readable else None


# Which ports TCP probes connect to: behind a proxy, which accepts in any case, such a probe would always pass.

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def tcp_probed_ports(pod: Pod) -> list[int]:
    """The numbers of the ports, in order; a name that the container does not have is left out."""
    every = (container for which in CONTAINER_LISTS for container in containers(pod, which))
    return list(dict.fromkeys(port for container in every for port in _ports(container)))


def _ports(container: Container) -> Iterator[int]:
    named = {each.get("name"): each.get("containerPort") for each in container.get("ports") or ()}
    for probe in _PROBES:
        port = ((container.get(probe) or {}).get("tcpSocket") or {}).get("port")
        number = named.get(port) if isinstance(port, str) else port
        if number is not None:
            yield int(number)


# OTEL_RESOURCE_ATTRIBUTES: how a pod's telemetry names its service (reference 5.14).

_PREFIX = "resource.opentelemetry.io/"
_ENRICHMENT = "OTEL_SEMANTIC_CONVENTIONS"


def asks_for_attributes(mesh_config: JsonObject) -> bool:
    """Whether a provider of the mesh asks for the conventions."""
    return any(_asks(provider) for provider in mesh_config.get("extensionProviders") or ())


def resource_attributes(
    annotations: Mapping[str, str], labels: Mapping[str, str], namespace: str, containers: Sequence[Container]
) -> str:
    """The attributes of a pod of a workload in `namespace`, as `key=value` pairs joined by commas."""
    attributes = {
        "service.namespace": annotations.get(f"{_PREFIX}service.namespace") or namespace,
        "service.version": annotations.get(f"{_PREFIX}service.version") or _version(labels, containers),
        "service.instance.id": annotations.get(f"{_PREFIX}service.instance.id") or _instance(namespace, containers),
    }
    return ",".join(f"{key}={value}" for key, value in attributes.items() if value)


def _asks(provider: Mapping[str, Any]) -> bool:
    return (provider.get("opentelemetry") or {}).get("serviceAttributeEnrichment") == _ENRICHMENT


def _version(labels: Mapping[str, str], containers: Sequence[Container]) -> str:
    label = labels.get("app.kubernetes.io/version")
    if label or len(containers) != 1:
        return label or ""
    name, at, digest = (containers[0].get("image") or "").partition("@")
    tag = name.rpartition(":")[2] if name.rfind(":") > name.rfind("/") else ""
    return f"{tag}{at}{digest}" if tag else digest


def _instance(namespace: str, containers: Sequence[Container]) -> str:
    return f"{namespace}.$(POD_NAME).{containers[0]['name']}" if containers else ""
