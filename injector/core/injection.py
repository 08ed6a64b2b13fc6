"""From a pod that is to be injected to the injected pod: overlays, merge, the user's overrides, the sidecar's rules."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from injector.core.effort import TEMPLATE, Effort, count_overlay
from injector.core.errors import quoted
from injector.core.merge import strategic_merge
from injector.core.model import (
    INIT_CONTAINER,
    INTERCEPTION_MODE_ANNOTATION,
    NETWORK_LABEL,
    PROXY_CONTAINER,
    STATUS_ANNOTATION,
    TEMPLATES_ANNOTATION,
    VALIDATION_CONTAINER,
    Config,
    Container,
    InjectionError,
    JsonObject,
    Pod,
    ProcessingError,
    Snapshot,
)
from injector.core.pods import (
    CONTAINER_LISTS,
    ContainerList,
    annotations,
    container_names,
    containers,
    find_sidecar,
    labels,
    with_container,
    with_containers,
    with_metadata,
)
from injector.core.probes import rewrite_probes
from injector.core.prometheus import merge_prometheus, publish_secure_port
from injector.core.proxy_container import force_environment, order_containers, without_forced_environment
from injector.core.reinjection.overrides import (
    NO_DEFINITIONS,
    Definitions,
    Override,
    apply_overrides,
    find_overrides,
    user_security_context,
    with_overrides_annotation,
)
from injector.core.reinjection.record import original_record
from injector.core.reinjection.status import Status, containers_in, injected_names, names_in, status_text
from injector.core.reinjection.undo import with_defaults_kept
from injector.core.render import TemplateSet
from injector.core.render.context import TemplateInput, scope_of

_CLUSTER, _NETWORK = "ISTIO_META_CLUSTER_ID", "ISTIO_META_NETWORK"
_ROOT = 0


@dataclass(frozen=True, slots=True)
class Injection:
    """One pod about to be injected, and all that the steps need to know of it.

    `pod` is where the merge starts, `given` what templates see, `names` are those of the templates, `status` is what an
    earlier injection left, and `saved` what it kept of the user's containers. `status_port` is the mesh's, `hold`
    whether the application waits for the proxy, `native` whether the proxy is a native sidecar, `parameters` are the
    pairs of the request's path. `fingerprint` stands for all that the result depends on beside the pod, `warnings` are
    about what was ignored, `layer` is the ProxyConfig of the pod's annotation, `effort` counts the work.
    """

    pod: Pod
    config: Config
    given: TemplateInput
    names: tuple[str, ...]
    status: Status | None
    saved: Definitions
    parameters: Mapping[str, str]
    status_port: int
    hold: bool
    native: bool
    fingerprint: str
    warnings: tuple[str, ...]
    layer: JsonObject | None
    effort: Effort


class Injected(NamedTuple):
    """The injected pod, the names of the templates, and what they injected: list of a status → names in it.

    `overlays` are what the templates gave, `record` is that in the pod's status, and `saved` how many containers its
    overrides annotation has, None where that stayed as it was. `units` is how much work it was.
    """

    pod: Pod
    templates: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]
    overlays: Sequence[JsonObject]
    record: JsonObject
    saved: int | None
    units: float

    def succeeds(self, earlier: Status) -> bool:
        """Whether every container of an earlier injection was injected again, where it was or as a native sidecar."""
        came = {*self.names["containers"], *filter(PROXY_CONTAINER.__eq__, self.names["initContainers"])}
        return came.issuperset(earlier.names["containers"]) and {*self.names["initContainers"]}.issuperset(
            earlier.names["initContainers"]
        )


def inject(
    injection: Injection, templates: TemplateSet, rendered: Mapping[str, JsonObject] = MappingProxyType({})
) -> Injected:
    """Carry out `injection`, of whose templates some may be `rendered` already.

    Raises InjectionError with a message for the pod's author.
    """
    _refuse_unknown_templates(injection.given, injection.names, templates)
    merged, template_pod, overlays = _apply_templates(injection, templates, rendered)
    overrides: list[Override] = []
    if _may_override(injection, template_pod):
        _refuse_repeated_definitions(injection, template_pod)
        overrides = find_overrides(injection.pod, template_pod, injection.status, injection.saved, overlays)
        merged = apply_overrides(merged, overrides)
        if overrides and injection.status is None:
            merged = with_overrides_annotation(merged, overrides)
        merged = _match_proxy_user(merged, injection, overrides)
    merged = _post_process(merged, injection)
    if injection.status is not None:
        merged = {**merged, "spec": with_defaults_kept(injection.pod.get("spec"), merged.get("spec"))}
    names = names_in(template_pod)
    pod, record = _with_status(merged, names, injection, overrides)
    _refuse_repeated_names(injection.pod, pod)
    saved = len(overrides) if overrides and injection.status is None else None
    units = injection.effort.taken
    return Injected(pod, injection.names, names, injection.warnings, overlays, record, saved, units)


def refuse_unrepeatable(injection: Injection, injected: Injected) -> None:
    """Raise InjectionError where `injected`, the result of `injection`, could not be injected once more."""
    pod, effort = injected.pod, injection.effort
    if effort.is_repeatable(pod) or (injection.status is not None and pod == injection.pod):
        return
    # Of a pod that came with overrides and no status, templates see more the next time.
    is_known = injection.status is not None or injection.saved is NO_DEFINITIONS
    recorded = containers_in(injected.record)
    effort.refuse_unrepeatable(pod, injected.overlays, recorded, injected.saved, is_known=is_known)


def _may_override(injection: Injection, template_pod: Pod) -> bool:
    """Whether the user may have defined the proxy, or a container that templates give: a usual pod does not."""
    if injection.status is not None or injection.saved is not NO_DEFINITIONS:
        return True
    names = container_names(injection.pod)
    return PROXY_CONTAINER in names or not names.isdisjoint(container_names(template_pod))


def _refuse_repeated_definitions(injection: Injection, template_pod: Pod) -> None:
    """Raise InjectionError where the user defined a template's container twice: which of them counts nobody knows."""
    if injection.status is not None:
        return
    own = Counter(each["name"] for list_name in CONTAINER_LISTS for each in containers(injection.pod, list_name))
    for name in container_names(template_pod):
        if own[name] > 1:
            raise InjectionError(f"the pod has {own[name]} containers named {quoted(name)}; valid: one of them")


def template_names(own: Mapping[str, str], config: Config) -> tuple[str, ...]:
    """The templates that a pod's annotation names, else the default ones, aliases replaced once (1.2 step 12)."""
    asked = own.get(TEMPLATES_ANNOTATION)
    # A template that is named again has nothing to add to what it gave.
    names = config.default_templates if asked is None else dict.fromkeys(map(str.strip, asked.split(",")))
    return tuple(dict.fromkeys(real for name in names for real in config.aliases.get(name, (name,))))


def _refuse_unknown_templates(given: TemplateInput, names: tuple[str, ...], templates: TemplateSet) -> None:
    """What a pod asks for and is not there is its author's mistake: the message names the annotation."""
    if TEMPLATES_ANNOTATION not in given.pod["metadata"]["annotations"]:
        return
    unknown = next((name for name in names if name not in templates.names), None)
    if unknown is not None:
        have = ", ".join(templates.names)
        raise InjectionError(
            f'requested template "{unknown}" not found; have {have}; see annotation {TEMPLATES_ANNOTATION!r}'
        )


def forced_environment(injection: Injection) -> dict[str, str]:
    """The environment that configuration and request force on the proxy (1.2 step 5)."""
    settings = injection.config.values["global"]
    cluster = (settings.get("multiCluster") or {}).get("clusterName") or ""
    named = {
        _CLUSTER: injection.parameters.get(_CLUSTER) or cluster,
        _NETWORK: injection.parameters.get(_NETWORK) or settings.get("network") or "",
    }
    own_network = labels(injection.pod).get(NETWORK_LABEL)
    if own_network is not None:
        named[_NETWORK] = own_network
    return {**injection.parameters, **{name: value for name, value in named.items() if value}}


def _apply_templates(
    injection: Injection, templates: TemplateSet, rendered: Mapping[str, JsonObject]
) -> tuple[Pod, Pod, list[JsonObject]]:
    """The merged pod, the names that all templates together inject, and what each template gave."""
    scope = scope_of(injection.given)
    merged, template_pod = _merge_base(injection), Pod()
    overlays = []
    stays = _has_two_proxies(injection) and bool(_named(injection.pod, "containers", PROXY_CONTAINER))
    is_default = TEMPLATES_ANNOTATION not in annotations(injection.given.pod)
    for name in injection.names:
        injection.effort.add("templates", 1, TEMPLATE)
        overlay = rendered.get(name) or templates.render(name, scope, injection.effort, is_default=is_default)
        overlays.append(overlay)
        count_overlay(overlay, merged, injection.effort)
        names = injected_names(overlay)
        template_pod = strategic_merge(template_pod, names) if template_pod else names
        if injection.native and _named(template_pod, "initContainers", PROXY_CONTAINER) and not stays:
            # A proxy that the user wrote under containers goes where the template puts it (9.3).
            merged = _with_proxy_moved(merged, "containers", "initContainers")
        merged = strategic_merge(merged, overlay)
    return merged, template_pod, overlays


def _merge_base(injection: Injection) -> Pod:
    if injection.status is None:
        return injection.pod
    pod = without_forced_environment(injection.pod, forced_environment(injection))
    if _has_two_proxies(injection) and not _named(pod, "containers", PROXY_CONTAINER):
        return _with_proxy_moved(pod, "initContainers", "containers")
    return pod


def _has_two_proxies(injection: Injection) -> bool:
    """Whether templates put a proxy into both lists before, and will again: each has to find its own (9.3)."""
    status = injection.status
    return status is not None and all(status.lists(which, PROXY_CONTAINER) for which in CONTAINER_LISTS)


def native_by_default(pod: Pod, mode: str, snapshot: Snapshot) -> bool:
    """Whether sidecars are native where the pod does not say otherwise: `mode` is enabled, disabled or auto.

    `auto` asks the node that the pod names, else all nodes; where none are known the answer is no (reference 3.7).
    """
    if mode != "auto":
        return mode == "enabled"
    node_name = (pod.get("spec") or {}).get("nodeName")
    return snapshot.native_sidecars_on(node_name) if node_name else snapshot.runs_native_sidecars


def _with_proxy_moved(pod: Pod, origin: ContainerList, destination: ContainerList) -> Pod:
    moved = _named(pod, origin, PROXY_CONTAINER)
    if not moved:
        return pod
    kept = [each for each in containers(pod, origin) if each["name"] != PROXY_CONTAINER]
    return with_containers(with_containers(pod, origin, kept), destination, [*containers(pod, destination), *moved])


def _named(pod: Pod, which: ContainerList, name: str) -> list[Container]:
    return [each for each in containers(pod, which) if each["name"] == name]


def _match_proxy_user(pod: Pod, injection: Injection, overrides: list[Override]) -> Pod:
    """Redirection has to leave out the user that the proxy really runs as (reference 9.5)."""
    wanted = user_security_context(injection.pod, overrides, injection.status)
    ids = {key: wanted[key] for key in ("runAsUser", "runAsGroup") if wanted.get(key) is not None}
    target = _redirecting_container(pod)
    if not ids or target is None:
        return pod
    index, container = target
    user = ids.get("runAsUser")
    if _is_tproxy(pod, injection):
        if user is not None:
            pod = _with_proxy_user(pod, _ROOT)
    elif container["name"] == VALIDATION_CONTAINER:
        container = {**container, "securityContext": {**(container.get("securityContext") or {}), **ids}}
    if user:
        container = _with_argument_after(container, "-u", str(user))
    return with_container(pod, "initContainers", index, container)


def _redirecting_container(pod: Pod) -> tuple[int, dict[str, Any]] | None:
    for name in (INIT_CONTAINER, VALIDATION_CONTAINER):
        for index, container in enumerate(containers(pod, "initContainers")):
            if container["name"] == name:
                return index, container
    return None


def _is_tproxy(pod: Pod, injection: Injection) -> bool:
    modes = (injection.given.proxy_config.get("interceptionMode"), annotations(pod).get(INTERCEPTION_MODE_ANNOTATION))
    return "TPROXY" in modes


def _with_proxy_user(pod: Pod, user: int) -> Pod:
    place = find_sidecar(pod)
    if place is None:
        return pod
    which, index, proxy = place
    context = {**(proxy.get("securityContext") or {}), "runAsUser": user}
    return with_container(pod, which, index, {**proxy, "securityContext": context})


def _with_argument_after(container: dict[str, Any], flag: str, value: str) -> dict[str, Any]:
    arguments = list(container.get("args") or ())
    if flag not in arguments[:-1]:
        return container
    arguments[arguments.index(flag) + 1] = value
    return {**container, "args": arguments}


def _post_process(pod: Pod, injection: Injection) -> Pod:
    """The rules that look at the whole pod, in the order of reference section 11."""
    config, injected_before = injection.config, injection.status is not None
    forced = forced_environment(injection)
    if forced:
        pod = force_environment(pod, forced)
    try:
        pod = merge_prometheus(
            pod,
            status_port=injection.status_port,
            enabled_by_default=config.mesh_config.get("enablePrometheusMerge") is not False,
        )
    except InjectionError as error:
        raise ProcessingError(str(error)) from error
    pod = publish_secure_port(pod)
    pod = rewrite_probes(
        pod,
        status_port=injection.status_port,
        enabled_by_default=config.values["sidecarInjectorWebhook"].get("rewriteAppHTTPProbe") is True,
        injected_before=injected_before,
    )
    if _NETWORK in forced:
        pod = with_metadata(pod, "labels", {**labels(pod), NETWORK_LABEL: forced[_NETWORK]})
    return order_containers(pod, hold=injection.hold)


def _with_status(
    pod: Pod, names: Mapping[str, tuple[str, ...]], injection: Injection, overrides: list[Override]
) -> tuple[Pod, JsonObject]:
    """The pod with its status, and the record in it."""
    config = injection.config
    own = annotations(pod)
    if config.injected_annotations:
        own = {**own, **config.injected_annotations}
        pod = with_metadata(pod, "annotations", own)
    record = original_record(injection.pod, pod, names, overrides, injection.status)
    text = status_text(names, config.revision, {**record, "configuration": injection.fingerprint})
    if STATUS_ANNOTATION in config.injected_annotations:
        return pod, record
    return with_metadata(pod, "annotations", {**own, STATUS_ANNOTATION: text}), record


# A short text that stands for a configuration and its templates, so that records can be compared later.

_LENGTH = 16


def digest_of(config: Config) -> str:
    """The digest of `config`, templates included: 16 hexadecimal digits, the same for equal configurations."""
    written = orjson.dumps(config, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return sha256(written).hexdigest()[:_LENGTH]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else dict(value)


def fingerprint_of(circumstances: tuple[Any, ...], own_proxy_config: JsonObject | None) -> str:
    """A short text, equal for two injections of a pod under the same circumstances."""
    text = repr(circumstances).encode()
    if own_proxy_config is not None:
        text += orjson.dumps(own_proxy_config)
    return blake2b(text, digest_size=8).hexdigest()


def _refuse_repeated_names(before: Pod, after: Pod) -> None:
    """Raise InjectionError where injection put two containers of one name into a list, which no patch can tell apart.

    What the user sent that way is the API server's to judge; of one name in two lists it is warned, as Istio does that.
    """
    received, merged = before.get("spec") or {}, after.get("spec") or {}
    for list_name in CONTAINER_LISTS:
        items = merged.get(list_name) or ()
        if items is received.get(list_name):
            continue
        names = [each.get("name") for each in items]
        if len(set(names)) < len(names):
            repeated = next(name for name, count in Counter(names).items() if count > 1)
            raise InjectionError(f"the result would have two containers named {quoted(repeated)} in spec.{list_name}")
