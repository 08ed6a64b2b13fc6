"""The whole path on one screen: a request in, what becomes of its pod out.

The webhook, the commands, the preview and the drift report all call `admit`; none has a copy of any rule.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, TypedDict

from injector.core import proxy_config
from injector.core.annotations import validate
from injector.core.decision import decide, facts_of
from injector.core.denied import Denial, refusals
from injector.core.effort import (
    FURTHER_TEMPLATE,
    METADATA,
    MISSPELT,
    RECORDED,
    SAVED,
    TEMPLATE,
    Effort,
    count_pod,
    count_removal,
)
from injector.core.errors import LONGEST_MESSAGE, shortened, shortened_warnings, without_addresses
from injector.core.injection import (
    Injected,
    Injection,
    fingerprint_of,
    inject,
    native_by_default,
    refuse_unrepeatable,
    template_names,
)
from injector.core.istio_removal import IstioTraces, without_written
from injector.core.misspelling import misspelt
from injector.core.model import (
    DEFAULT_PROXY_ID,
    INTERCEPTION_MODE_ANNOTATION,
    OVERRIDES_ANNOTATION,
    PROXY_CONFIG_ANNOTATION,
    STATUS_ANNOTATION,
    Admission,
    AdmissionRequest,
    Config,
    Decision,
    InjectionError,
    JsonObject,
    Pod,
    Snapshot,
    Workload,
)
from injector.core.patch import diff
from injector.core.platform import OPENSHIFT, proxy_ids, without_range_user
from injector.core.pod_schema import pod_faults
from injector.core.pod_validation import refusal_warning, refusals_by_injection
from injector.core.pods import annotations, is_native, labels, workload_of
from injector.core.prometheus import has_agent, is_scrape_annotation, without_merged_annotations
from injector.core.proxy_container import proxy_conflicts
from injector.core.reinjection.footprint import footprint_of, union
from injector.core.reinjection.overrides import NO_DEFINITIONS, credible_overrides
from injector.core.reinjection.status import Status, containers_in, read_status, refuse_foreign_status
from injector.core.reinjection.undo import Removal, template_view, uninject, with_defaults_kept
from injector.core.render import TemplateSet
from injector.core.render.context import (
    TemplateInput,
    pod_view,
    proxy_config_view,
    scope_of,
)
from injector.core.review import request_faults
from injector.core.setup import Setup
from injector.envoy import Subject as StandaloneSubject
from injector.envoy import standalone_warnings

# The template whose proxy has no control plane.
_STANDALONE = "envoy"


@dataclass(frozen=True, slots=True)
class Subject:
    """A pod and where it stands.

    `namespace_object` is None where the namespace is not known: its labels then play no part. `manual` marks pods from
    files, for which only their own word counts (reference section 14). `parameters` come from the request's path.
    """

    pod: Pod
    namespace: str
    workload: Workload
    namespace_object: JsonObject | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    manual: bool = False

    @property
    def namespace_labels(self) -> Mapping[str, str] | None:
        """The labels of the namespace; None where the namespace is not known."""
        if self.namespace_object is None:
            return None
        return (self.namespace_object.get("metadata") or {}).get("labels") or {}


class _Common(TypedDict):
    """What every answer has, whatever becomes of the pod."""

    decision: Decision
    configuration: str


def admit_request(request: AdmissionRequest, setup: Setup, snapshot: Snapshot) -> Admission:
    """What becomes of the pod in an AdmissionReview request."""
    faults = request_faults(request)
    return refused(request, faults) if faults else admit(subject_of(request, snapshot), setup, snapshot)


def refused(request: AdmissionRequest, faults: Iterable[str]) -> Admission:
    """The refusal of a request that has faults."""
    return Admission(allowed=False, decision=None, pod=request.pod, message="; ".join(faults))


def subject_of(request: AdmissionRequest, snapshot: Snapshot) -> Subject:
    """The subject of a request whose pod has the shape of one. Its namespace counts where the pod names none."""
    metadata = request.pod.get("metadata") or {}
    namespace = metadata.get("namespace") or request.namespace
    return Subject(
        pod=request.pod,
        namespace=namespace,
        workload=workload_of(request.pod, namespace),
        namespace_object=snapshot.namespaces.get(namespace),
        parameters=request.parameters,
    )


def admit(subject: Subject, setup: Setup, snapshot: Snapshot) -> Admission:
    """Decide, render, merge and diff: the path of one pod."""
    facts = facts_of(subject.pod, subject.namespace, subject.namespace_labels, setup.config, setup.selection)
    decision = decide(facts.for_manual_injection() if subject.manual else facts)
    common: _Common = {"decision": decision, "configuration": setup.digest}
    warnings = _shortened(misspelt(facts.annotations, facts.labels, setup.asked_annotations))
    if not decision.inject:
        return Admission(allowed=True, pod=subject.pod, warnings=warnings, **common)
    try:
        _refuse_denied(subject, setup.denials)
        injected = _injected(subject, setup, snapshot, len(warnings))
    except InjectionError as error:
        message = shortened(without_addresses(f"{error.step}: {error}"), LONGEST_MESSAGE)
        return Admission(allowed=False, pod=subject.pod, message=message, warnings=warnings, **common)
    return Admission(
        allowed=True,
        pod=injected.pod,
        patch=tuple(diff(subject.pod, injected.pod)),
        warnings=_shortened(chain(warnings, injected.warnings, _warnings(subject.pod, injected.pod))),
        templates=injected.templates,
        units=injected.units,
        **common,
    )


def _shortened(warnings: Iterable[str]) -> tuple[str, ...]:
    # Most pods have none. What finds them goes on only as long as there is room for more.
    further = iter(warnings)
    first = next(further, None)
    return () if first is None else shortened_warnings(chain((first,), further))


def _refuse_denied(subject: Subject, denials: tuple[Denial, ...]) -> None:
    """Raise InjectionError for what operators deny."""
    if denials:
        faults = refusals(subject.pod, subject.namespace_labels, denials, manual=subject.manual)
        if faults:
            raise InjectionError("; ".join(faults))


def _warnings(received: Pod, merged: Pod) -> Iterator[str]:
    """What becomes of the injected pod that its author would rather know now."""
    yield from map(refusal_warning, refusals_by_injection(received, merged))
    yield from proxy_conflicts(received, merged)


def _injected(subject: Subject, setup: Setup, snapshot: Snapshot, misspelt_names: int) -> Injected:
    """The injected pod; `misspelt_names` were looked at before.

    One that was injected before, under the same circumstances, is injected over what it has, and keeps what others
    wrote into it since; so is one by another injector whose containers all come again (10.3). Else it is injected anew,
    from what it was before.
    """
    effort = Effort()
    count_pod(subject.pod, effort)
    if misspelt_names:
        effort.add("misspelt names", misspelt_names, MISSPELT)
    status = read_status(subject.pod)
    if status is not None:
        refuse_foreign_status(subject.pod, status)
        effort.add("containers in a record", containers_in(status.original or {}), RECORDED)
    injection = prepare(subject, setup, snapshot, status, effort)
    injected: Injected | None = None
    if status is None:
        injected = inject(injection, setup.templates)
        refuse_unrepeatable(injection, injected)
        return injected
    # What Istio saved of the user's, or wrote for CNI, counts only once its own part is out of the pod.
    if status.original is None and not (
        any(injection.saved.values()) or INTERCEPTION_MODE_ANNOTATION in annotations(subject.pod)
    ):
        injected = inject(injection, setup.templates)
        if injected.succeeds(status):
            refuse_unrepeatable(injection, injected)
            ignored = tuple(f"annotation {STATUS_ANNOTATION!r}: ignored its record: {fault}" for fault in status.faults)
            return injected._replace(warnings=(*ignored, *injected.warnings))
    if status.original is not None and status.original.get("configuration") == injection.fingerprint:
        injected = inject(injection, setup.templates)
        if injected.names == status.names:
            refuse_unrepeatable(injection, injected)
            return injected
    overlays = injected.overlays if injected else [*_overlays(injection, setup.templates)]
    count_removal(overlays, effort)
    finding = effort.with_reserve(TEMPLATE * len(injection.names))
    removal, tried = _removed(subject, status, setup, snapshot, _Known(injection, overlays, finding))
    effort.add("renderings for the removal", 1, finding.taken)
    faults = pod_faults(removal.pod)
    if faults:
        raise InjectionError(f"annotation {STATUS_ANNOTATION!r} says what no pod can have been: {'; '.join(faults)}")
    bare = replace(subject, pod=removal.pod)
    anew = prepare(bare, setup, snapshot, None, effort, earlier=injection)
    # Most often it is as it was tried last, which shows what templates give.
    injected = inject(anew, setup.templates, tried.overlays if tried and tried.pod == anew.pod else {})
    refuse_unrepeatable(anew, injected)
    spec = with_defaults_kept(subject.pod.get("spec"), injected.pod.get("spec"))
    return injected._replace(pod={**injected.pod, "spec": spec}, warnings=(*removal.warnings, *injected.warnings))


def remove_injection(subject: Subject, setup: Setup, snapshot: Snapshot) -> Removal:
    """The pod without its injection; the very same object where it was not injected.

    What its annotations claim is believed as far as any of the templates in force gives it.
    """
    status = read_status(subject.pod)
    if status is None:
        return Removal(subject.pod)
    known = _Known(None, (), Effort())
    with suppress(InjectionError):  # what cannot be rendered now gives nothing that could be taken out
        injection = prepare(subject, setup, snapshot, status, Effort())
        known = _Known(injection, [*_overlays(injection, setup.templates)], Effort())
    return _removed(subject, status, setup, snapshot, known)[0]


@dataclass(frozen=True, slots=True)
class _Known:
    """How a pod whose injection is to be removed would be injected now: None where that fails, what templates give.

    `effort` is for finding out what else they had given.
    """

    injection: Injection | None
    overlays: Sequence[JsonObject]
    effort: Effort


class _Tried(NamedTuple):
    """A pod that may be the one without its injection, and what templates give for it, by name."""

    pod: Pod
    overlays: Mapping[str, JsonObject]


def _removed(
    subject: Subject, status: Status, setup: Setup, snapshot: Snapshot, known: _Known
) -> tuple[Removal, _Tried | None]:
    """What `remove_injection` gives, of a pod with `status`, and what was tried last for it, if anything was."""
    earlier = (status.original or {}).get("annotations") or {}
    scraping = filter(is_scrape_annotation, (*annotations(subject.pod), *earlier))
    written = dict.fromkeys((*setup.config.injected_annotations, *scraping))
    overlays: list[JsonObject] = [{"metadata": {"annotations": written}}]
    overlays += known.overlays
    removal = uninject(subject.pod, status, union(footprint_of(overlays), setup.footprint()))
    # A record may be of a pod that Istio had injected before: what was its user's is known by Istio's traces alone.
    if status.original is not None and "earlier" not in status.original:
        return removal, None
    traces = IstioTraces(subject.pod, status, subject.workload, setup.config)
    pod, unknown = traces.removed_from(removal.pod)
    tried: list[_Tried] = []
    configured: JsonObject = {"metadata": {"annotations": setup.config.injected_annotations}}

    def written_again(bare: Pod) -> Iterator[JsonObject]:
        effort = Effort() if subject.manual else known.effort
        if not effort.is_spent:
            with suppress(InjectionError):
                again = prepare(replace(subject, pod=bare), setup, snapshot, None, effort, earlier=known.injection)
                given = [*_overlays(again, setup.templates)]
                tried.append(_Tried(again.pod, dict(zip(again.names, given, strict=False))))
                yield from given
        yield configured

    overlays = [*known.overlays, configured]
    removal = Removal(without_written(pod, overlays, written_again), (*removal.warnings, *unknown))
    return removal, tried[-1] if tried else None


def _overlays(injection: Injection, templates: TemplateSet) -> Iterator[JsonObject]:
    for name in injection.names:
        injection.effort.add("templates", 1, TEMPLATE)
        try:
            overlay = templates.render(name, scope_of(injection.given), injection.effort)
        except InjectionError:
            return
        yield overlay


def prepare(  # noqa: PLR0913 -- all that an injection depends on
    subject: Subject,
    setup: Setup,
    snapshot: Snapshot,
    status: Status | None,
    effort: Effort,
    *,
    earlier: Injection | None = None,
) -> Injection:
    """All that the injection of `subject` needs to know. Raises InjectionError for annotations that are not valid.

    `earlier`: how the same pod was prepared before its injection was taken out.
    """
    config, own = setup.config, annotations(subject.pod)
    layer = earlier.layer if earlier and _are_read_alike(earlier.pod, own) else _own_proxy_config(own, earlier)
    pod, user, group = subject.pod, DEFAULT_PROXY_ID, DEFAULT_PROXY_ID
    if config.platform == OPENSHIFT and subject.namespace_object is not None and not subject.manual:
        pod = without_range_user(pod)
        user, group = proxy_ids(subject.namespace_object)
    mesh_default, effective = _proxy_configs(subject, layer, config, snapshot)
    is_default = effective is config.mesh_config["defaultConfig"]
    status_port = int(mesh_default.get("statusPort") or 0)
    saved, ignored, view = NO_DEFINITIONS, list[str](), pod
    if status is not None or OVERRIDES_ANNOTATION in own:
        saved, ignored = credible_overrides(pod)
        effort.add("saved containers", sum(map(len, saved.values())) + len(ignored), SAVED)
        view = template_view(pod, status, saved)
    given = TemplateInput(
        pod=pod_view(without_merged_annotations(view, status_port) if status and has_agent(pod) else view),
        workload=subject.workload,
        configured=setup.configured,
        proxy_config=setup.configured.proxy_config if is_default else proxy_config_view(effective),
        native_sidecars=native_by_default(pod, config.native_sidecars, snapshot),
        proxy_uid=user,
        proxy_gid=group,
        namespace=subject.namespace_object or {},
    )
    hold = _hold(config, effective)
    asked: Mapping[str, str] = given.pod["metadata"]["annotations"]
    names = template_names(asked, config)
    if len(names) > 1 and earlier is None:
        effort.add("further templates", len(names) - 1, FURTHER_TEMPLATE)
    if not is_default:
        effort.add("entries of proxyMetadata", len(names) * len(effective.get("proxyMetadata") or ()), METADATA)
    native = is_native(asked, by_default=given.native_sidecars)
    modes = (native, hold, *_modes(own, effective))
    circumstances = (setup.digest, names, user, group, subject.parameters, modes)
    return Injection(
        pod=pod,
        config=config,
        given=given,
        names=names,
        status=status,
        saved=saved,
        parameters=dict(subject.parameters),
        status_port=status_port,
        hold=hold,
        native=native,
        fingerprint=fingerprint_of(circumstances, None if is_default else effective),
        warnings=(*ignored, *_standalone_warnings(names, given, effective)),
        layer=layer,
        effort=effort,
    )


def _are_read_alike(pod: Pod, own: Mapping[str, str]) -> bool:
    """Whether annotations say of the proxy's configuration what those of `pod` said, which were checked."""
    earlier = annotations(pod)
    return all(own.get(name) == earlier.get(name) for name in {*own, PROXY_CONFIG_ANNOTATION})


def _standalone_warnings(names: Iterable[str], given: TemplateInput, effective: JsonObject) -> Iterator[str]:
    """What the template `envoy` does otherwise than the pod or the configuration asks."""
    if _STANDALONE not in names:
        return iter(())
    config = given.configured.config
    mode, _ = _modes(given.pod["metadata"]["annotations"], effective)
    subject = StandaloneSubject(
        pod=given.pod,
        mesh_config=config.mesh_config,
        proxy_config=effective,
        values=config.values,
        mode=mode or "",
        user=given.proxy_uid,
        group=given.proxy_gid,
    )
    return standalone_warnings(subject)


def _modes(own: Mapping[str, str], effective: JsonObject) -> tuple[str | None, str | None]:
    """What a proxy gets privileges from: another injection over this one would not take them away again."""
    mode = own.get(INTERCEPTION_MODE_ANNOTATION, effective.get("interceptionMode"))
    return mode, own.get("sidecar.istio.io/capNetBindService")


def _own_proxy_config(own: Mapping[str, str], earlier: Injection | None) -> JsonObject | None:
    """The ProxyConfig of the pod's annotations, if they have one. Raises InjectionError where any of them is wrong.

    What was read `earlier` need not be read again.
    """
    faults = validate(own) if own else []
    layer = None
    text = own.get(PROXY_CONFIG_ANNOTATION)
    if earlier and text is not None and text == annotations(earlier.pod).get(PROXY_CONFIG_ANNOTATION):
        layer = earlier.layer
    elif text is not None:
        layer, wrong = proxy_config.read_annotation(text)
        faults = [*faults, *wrong]
    if faults:
        bullets = "".join(f"\n\t* {fault}" for fault in faults)
        raise InjectionError(f"{len(faults)} error{'s' * (len(faults) > 1)} occurred:{bullets}")
    return layer


def _proxy_configs(
    subject: Subject, own: JsonObject | None, config: Config, snapshot: Snapshot
) -> tuple[JsonObject, JsonObject]:
    """The mesh's default ProxyConfig, as far as post-processing reads it, and the pod's own (reference 3.4)."""
    mesh_default = config.mesh_config["defaultConfig"]
    if own is None and (subject.manual or not snapshot.proxy_configs):
        return mesh_default, mesh_default
    if subject.manual:
        folded = proxy_config.merge(mesh_default, own) if own else mesh_default
        return folded, folded
    root = config.mesh_config.get("rootNamespace") or "istio-system"
    return mesh_default, proxy_config.effective(
        mesh_default, snapshot.proxy_configs, own, labels(subject.pod), (root, subject.namespace)
    )


def _hold(config: Config, effective: JsonObject) -> bool:
    in_values = config.values["global"]["proxy"].get("holdApplicationUntilProxyStarts")
    return bool(effective.get("holdApplicationUntilProxyStarts") or in_values)
