"""The whole path on one screen: a request in, what becomes of its pod out.

The webhook, the commands, the preview and the drift report all call `admit`; none has a copy of any rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypedDict

import orjson

from injector.core import proxy_config
from injector.core.annotations import misspelt, validate
from injector.core.decision import decide, facts_of, selection_of
from injector.core.denied import refusals
from injector.core.injection import Injection, inject
from injector.core.model import (
    PROXY_CONFIG_ANNOTATION,
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
from injector.core.platform import detect, proxy_ids, without_range_user
from injector.core.pods import CONTAINER_LISTS, annotations, containers
from injector.core.prometheus import without_merged_annotations
from injector.core.reinjection.status import Status, read_status
from injector.core.reinjection.undo import template_view
from injector.core.render import KnownNames, TemplateSet
from injector.core.render.context import (
    SAFE_FUNCTIONS,
    Configured,
    TemplateInput,
    configured_by,
    pod_view,
    proxy_config_view,
)
from injector.core.render.functions import FILTERS
from injector.core.render.partial_evaluation import usual_scopes
from injector.core.review import request_faults
from injector.core.selection import SelectionRule
from injector.core.workload import identify

# A short text that stands for a configuration and its templates, so that records can be compared later.

_LENGTH = 16


def digest_of(config: Config) -> str:
    """The digest of `config`, templates included: 16 hexadecimal digits, the same for equal configurations."""
    written = orjson.dumps(config, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return sha256(written).hexdigest()[:_LENGTH]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else dict(value)


@dataclass(frozen=True, slots=True)
class Setup:
    """A configuration and its templates, ready for use; `digest` stands for both in records (see `core.digest`)."""

    configured: Configured
    templates: TemplateSet
    selection: tuple[SelectionRule, ...]
    digest: str

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.configured.config


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


class _Told(TypedDict):
    """What is told of every pod, whatever becomes of it."""

    decision: Decision
    warnings: tuple[str, ...]
    configuration: str


def set_up(config: Config, *, optimise: bool = True) -> Setup:
    """Make `config` ready for use. Templates are compiled when first needed; `Setup.templates.check` compiles all.

    `optimise` as in TemplateSet.
    """
    configured = configured_by(config)
    known = KnownNames(frozen=configured.names, trusted=SAFE_FUNCTIONS)
    templates = TemplateSet(
        config.templates, FILTERS, known, usual_scopes(configured), config.go_templates, optimise=optimise
    )
    return Setup(configured, templates, selection_of(config), digest_of(config))


def admit_request(request: AdmissionRequest, setup: Setup, snapshot: Snapshot) -> Admission:
    """What becomes of the pod in an AdmissionReview request."""
    faults = request_faults(request)
    if faults:
        return Admission(allowed=False, decision=None, pod=request.pod, message="; ".join(faults))
    return admit(subject_of(request, snapshot), setup, snapshot)


def subject_of(request: AdmissionRequest, snapshot: Snapshot) -> Subject:
    """The subject of a request whose pod has the shape of one. Its namespace counts where the pod names none."""
    metadata = request.pod.get("metadata") or {}
    namespace = metadata.get("namespace") or request.namespace
    return Subject(
        pod=request.pod,
        namespace=namespace,
        workload=identify(request.pod, namespace),
        namespace_object=snapshot.namespaces.get(namespace),
        parameters=request.parameters,
    )


def admit(subject: Subject, setup: Setup, snapshot: Snapshot) -> Admission:
    """Decide, render, merge and diff: the path of one pod."""
    decision = _decide(subject, setup)
    told: _Told = {"decision": decision, "warnings": tuple(misspelt(subject.pod)), "configuration": setup.digest}
    if not decision.inject:
        return Admission(allowed=True, pod=subject.pod, **told)
    try:
        _refuse_denied(subject, setup.config)
        injected = inject(_prepare(subject, setup, snapshot), setup.templates)
        _refuse_repeated_names(subject.pod, injected.pod)
    except InjectionError as error:
        return Admission(allowed=False, pod=subject.pod, message=f"{error.step}: {error}", **told)
    patch = tuple(diff(subject.pod, injected.pod))
    return Admission(allowed=True, pod=injected.pod, patch=patch, templates=injected.templates, **told)


def _refuse_denied(subject: Subject, config: Config) -> None:
    """Raise InjectionError for what operators deny."""
    if config.denied_annotations:
        rules = config.denied_annotations
        faults = refusals(subject.pod, subject.namespace_labels, rules, manual=subject.manual)
        if faults:
            raise InjectionError("; ".join(faults))


def _decide(subject: Subject, setup: Setup) -> Decision:
    facts = facts_of(subject.pod, subject.namespace, subject.namespace_labels, setup.config, setup.selection)
    return decide(facts.for_manual_injection() if subject.manual else facts)


def _prepare(subject: Subject, setup: Setup, snapshot: Snapshot) -> Injection:
    config = setup.config
    _refuse_invalid_annotations(annotations(subject.pod))
    platform = config.platform if subject.namespace_object is not None and not subject.manual else ""
    pod = without_range_user(subject.pod, platform)
    user, group = proxy_ids(subject.namespace_object, platform)
    of_mesh = config.mesh_config["defaultConfig"]
    mesh_default, effective = _proxy_configs(subject, config, snapshot)
    status_port = int(mesh_default.get("statusPort") or 0)
    status = read_status(pod)
    return Injection(
        pod=pod,
        given=TemplateInput(
            pod=pod_view(_view(pod, status, status_port)),
            workload=subject.workload,
            configured=setup.configured,
            proxy_config=setup.configured.proxy_config if effective is of_mesh else proxy_config_view(effective),
            native_sidecars=detect(config.native_sidecars, snapshot, _node_name(pod)),
            proxy_uid=user,
            proxy_gid=group,
            namespace=subject.namespace_object or {},
        ),
        status=status,
        parameters=dict(subject.parameters),
        status_port=status_port,
        hold=_hold(config, effective),
    )


def _refuse_invalid_annotations(own: Mapping[str, str]) -> None:
    faults = validate(own)
    if PROXY_CONFIG_ANNOTATION in own:
        faults = [*faults, *proxy_config.annotation_faults(own[PROXY_CONFIG_ANNOTATION])]
    if faults:
        bullets = "".join(f"\n\t* {fault}" for fault in faults)
        raise InjectionError(f"{len(faults)} error{'s' * (len(faults) > 1)} occurred:{bullets}")


def _proxy_configs(subject: Subject, config: Config, snapshot: Snapshot) -> tuple[JsonObject, JsonObject]:
    """The mesh's default ProxyConfig, as far as post-processing reads it, and the pod's own (reference 3.4)."""
    mesh_default = config.mesh_config["defaultConfig"]
    if subject.manual:
        own = annotations(subject.pod).get(PROXY_CONFIG_ANNOTATION)
        folded = proxy_config.merge(mesh_default, proxy_config.parse_text(own)) if own else mesh_default
        return folded, folded
    root = config.mesh_config.get("rootNamespace") or "istio-system"
    return mesh_default, proxy_config.effective(
        mesh_default, snapshot.proxy_configs, subject.pod, subject.namespace, root
    )


def _view(pod: Pod, status: Status | None, status_port: int) -> Pod:
    view = template_view(pod, status)
    return without_merged_annotations(view, status_port) if status else view


def _hold(config: Config, effective: JsonObject) -> bool:
    of_values = config.values["global"]["proxy"].get("holdApplicationUntilProxyStarts")
    return bool(effective.get("holdApplicationUntilProxyStarts") or of_values)


def _node_name(pod: Pod) -> str:
    return (pod.get("spec") or {}).get("nodeName") or ""


def _refuse_repeated_names(before: Pod, after: Pod) -> None:
    """A list with the same name twice is no valid pod; what the user sent that way is the API server's to judge."""
    for which in CONTAINER_LISTS:
        if containers(after, which) is containers(before, which):
            continue
        names = [each.get("name") for each in containers(after, which)]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise InjectionError(f"the result would have two containers named {repeated!r} in spec.{which}")
