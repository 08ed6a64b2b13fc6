"""Annotations that operators deny to tenants: `deniedAnnotations` of the configuration.

A rule names annotations and values by globs (`*` and `?`), or takes the preset `restricted`: whatever gives a proxy
another image, more privileges, or files of the node.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate

import orjson

from injector.core import proxy_config
from injector.core.errors import quoted
from injector.core.model import PROXY_CONFIG_ANNOTATION, STATUS_ANNOTATION, DenialRule, Pod
from injector.core.pods import CONTAINER_LISTS, annotations, containers

Check = Callable[[str], str]
"""From an annotation's value to what the preset has against it, as a clause; empty where it is harmless."""

RESTRICTED = "restricted"
DEFAULT_ADVICE = "ask the operators of this cluster's sidecar injector"

_INJECTED_NAMES = frozenset({"istio-proxy", "istio-init", "istio-validation"})
# What Pod Security's level `restricted` lets a pod mount:
# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
_VOLUME_SOURCES = frozenset(
    "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret".split()
)
# Of proxyMetadata: the proxy prints the rules of the kernel.
_TRACING = "IPTABLES_TRACE_LOGGING"
_PROXY_CONFIG_FIELDS = ("binaryPath", "configPath", "customConfigFile", "image", "proxyBootstrapTemplatePath")
# Fields of an injected container that its pod may leave to the template alone.
_CONTAINER_FIELDS = ("args", "command", "image", "lifecycle", "securityContext", "volumeDevices", "volumeMounts")


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule with its globs compiled: what `names` and `values` match is denied; None matches nothing, or any value."""

    rule: DenialRule
    names: re.Pattern[str] | None
    values: re.Pattern[str] | None


def denials_of(rules: Iterable[DenialRule]) -> tuple[Denial, ...]:
    """The rules of a configuration, ready to be held against pods."""
    return tuple(Denial(rule, _pattern(rule.annotations), _pattern(rule.values)) for rule in rules)


def _pattern(globs: Iterable[str]) -> re.Pattern[str] | None:
    # Only `*` and `?` are special; what `translate` makes of them matches in linear time.
    alternatives = [translate(glob.replace("[", "[[]")) for glob in globs]
    return re.compile("|".join(alternatives)) if alternatives else None


def described(rule: DenialRule) -> str:
    """A rule in words: what it denies, and where."""
    what = f"preset {rule.preset}" if rule.preset else f"annotations {', '.join(rule.annotations)}"
    values = f" with values {', '.join(rule.values)}" if rule.values else ""
    expressions = [each.as_expression() for each in rule.namespaces.requirements]
    where = [f"{each['key']} {each['operator']} {', '.join(each.get('values', ()))}".strip() for each in expressions]
    namespaces = f"namespaces with {' and '.join(where)}" if where else "every namespace"
    return f"denies {what}{values} in {namespaces}"


def refusals(
    pod: Pod, namespace_labels: Mapping[str, str] | None, denials: tuple[Denial, ...], *, manual: bool = False
) -> list[str]:
    """Why the operators' rules refuse `pod`, one line for each annotation or container; empty where they do not.

    `namespace_labels` is None where the namespace is not known. A rule for some namespaces then holds as well, but for
    `manual` injection, whose files say nothing of namespaces.
    """
    return [
        f"{denied} is denied by {_name(index, denial.rule)}: {denial.rule.message or DEFAULT_ADVICE}"
        for index, denial in enumerate(denials)
        if _holds(denial.rule, namespace_labels, manual=manual)
        for denied in _denied(pod, denial)
    ]


def _holds(rule: DenialRule, namespace_labels: Mapping[str, str] | None, *, manual: bool) -> bool:
    if namespace_labels is None:
        return not (manual and rule.namespaces.requirements)
    return rule.namespaces.matches(namespace_labels)


def _name(index: int, rule: DenialRule) -> str:
    preset = f" ({rule.preset})" if rule.preset else ""
    return f"deniedAnnotations[{index}]{preset}"


def _denied(pod: Pod, denial: Denial) -> Iterator[str]:
    own = annotations(pod)
    for name, value in own.items() if denial.names else ():
        if _matches(denial.names, name) and (denial.values is None or _matches(denial.values, value)):
            yield f"annotation {quoted(name)} with value {quoted(value)}"
    if denial.rule.preset == RESTRICTED:
        for name in sorted(RESTRICTED_ANNOTATIONS.keys() & own.keys()):
            if reason := RESTRICTED_ANNOTATIONS[name](own[name]):
                yield f"annotation {quoted(name)} with value {quoted(own[name])}, which {reason},"
        if STATUS_ANNOTATION not in own:
            # After an injection these containers are the templates', and what the pod had set is in a checked record.
            yield from _own_containers(pod)


def _own_containers(pod: Pod) -> Iterator[str]:
    for field in CONTAINER_LISTS:
        for container in containers(pod, field):
            set_fields = [each for each in _CONTAINER_FIELDS if container.get(each) not in (None, "", "auto")]
            if container["name"] in _INJECTED_NAMES and set_fields:
                yield f"container {container['name']!r} in spec.{field} with its own {', '.join(set_fields)}"


def _matches(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is not None and pattern.match(text) is not None


# The preset. Values are read as the injector reads them: no spelling of YAML or JSON goes by.


def _always(reason: str) -> Check:
    return lambda _value: reason


def _only(value: str, reason: str) -> Check:
    return lambda given: reason if given.strip() == value else ""


def _proxy_config(value: str) -> str:
    try:
        given = proxy_config.parse_text(value)
    except proxy_config.ProxyConfigError:
        # Refused later on, with all that is wrong with it.
        return ""
    fields = [field for field in _PROXY_CONFIG_FIELDS if given.get(field)]
    if given.get("interceptionMode") == "TPROXY":
        fields.append("interceptionMode TPROXY")
    if (given.get("proxyMetadata") or {}).get(_TRACING) == "true":
        fields.append(f"{_TRACING}, which makes the proxy privileged")
    return f"sets {', '.join(fields)}" if fields else ""


def _volumes(value: str) -> str:
    try:
        given = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    items = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    sources = {source for item in items if isinstance(item, dict) for source in item if source != "name"}
    denied = sorted(sources - _VOLUME_SOURCES)
    return f"mounts {', '.join(map(quoted, denied))}" if denied else ""


RESTRICTED_ANNOTATIONS: Mapping[str, Check] = {
    "sidecar.istio.io/proxyImage": _always("chooses the image of the proxy"),
    "sidecar.istio.io/proxyImageType": _always("chooses the image of the proxy"),
    "inject.istio.io/templates": _always("chooses the templates"),
    "sidecar.istio.io/bootstrapOverride": _always("replaces the proxy's bootstrap"),
    "sidecar.istio.io/interceptionMode": _only("TPROXY", "needs NET_ADMIN in the proxy"),
    "sidecar.istio.io/capNetBindService": _only("true", "adds a capability to the proxy"),
    "sidecar.istio.io/userVolume": _volumes,
    PROXY_CONFIG_ANNOTATION: _proxy_config,
}
