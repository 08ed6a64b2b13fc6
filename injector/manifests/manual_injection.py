"""What manual injection does to one workload: the same path as in the webhook, told in the words of a command line."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from injector.core.admission import Subject, admit, remove_injection
from injector.core.annotations import ANNOTATIONS, LABELS
from injector.core.errors import quoted
from injector.core.model import (
    PROXY_CONFIG_ANNOTATION,
    STATUS_ANNOTATION,
    Decision,
    InjectionError,
    JsonObject,
    Pod,
    Snapshot,
    Workload,
)
from injector.core.pods import annotations, workload_of
from injector.core.proxy_config import ProxyConfigError, parse_text
from injector.core.reinjection.footprint import footprint_of
from injector.core.selection import INJECT_KEY
from injector.core.setup import Setup
from injector.manifests.files import Change, with_pods_changed
from injector.manifests.formatting import in_handwriting, with_handwriting
from injector.manifests.parsing import Manifest
from injector.manifests.workloads import CREATED_FROM, WORKLOAD_KINDS, pod_of, title_of

_DEFAULT_NAMESPACE = "default"
_OPTED_OUT = Decision(inject=False, reason="PodLabel", message=f"the pod template's label {INJECT_KEY} is 'false'")


def injection(setup: Setup, snapshot: Snapshot, namespace: str = "") -> Change:
    """The change that injects; `namespace` is that of workloads that name none.

    A namespace that `snapshot` does not know plays no part in the decision.
    """

    def change(document: JsonObject, pod: Pod) -> tuple[Pod, Sequence[str]]:
        _refuse_unreadable_proxy_config(pod)
        unread = _unread_metadata(document)
        if (unread.get("labels") or {}).get(INJECT_KEY) == "false":
            return pod, [_skipped(document, pod, _OPTED_OUT)]
        admission = admit(subject_of_workload(document, pod, snapshot, namespace), setup, snapshot)
        if not admission.allowed:
            raise InjectionError(admission.message)
        warnings = [f"{title_of(document)}: {warning}" for warning in (*admission.warnings, *_unread_names(unread))]
        if admission.decision and not admission.decision.inject:
            warnings.append(_skipped(document, pod, admission.decision))
        return admission.pod, warnings

    # What pods of a document that was not injected before have now came from their own templates alone: what all others
    # could write plays no part, and they need not be rendered.
    own = replace(setup, footprint=lambda: footprint_of(()))

    def remembering(before: Manifest, injected: Manifest) -> Manifest:
        """The injected document with what its removal needs to give the text before the first injection."""
        undo = removal(setup if STATUS_ANNOTATION in before.text else own, snapshot).of_pod

        def without_injection(manifest: Manifest) -> Manifest:
            changed, outcome = with_pods_changed(manifest, undo)
            if outcome.faults:
                raise ValueError("; ".join(outcome.faults))
            return changed

        wanted = in_handwriting(before, without_injection(before)).text
        recorded = with_handwriting(injected, without_injection(injected), wanted)
        if recorded is injected:
            return injected
        # Where the record cannot be put in place, the document is written anew, and its removal gives another text.
        return with_handwriting(recorded, without_injection(recorded), wanted)

    return Change(change, remembering)


def removal(setup: Setup, snapshot: Snapshot) -> Change:
    """The change that takes an injection out again, as far as the templates of `setup` can have made it."""

    def change(document: JsonObject, pod: Pod) -> tuple[Pod, Sequence[str]]:
        removed = remove_injection(subject_of_workload(document, pod, snapshot), setup, snapshot)
        return removed.pod, [f"{title_of(document)}: {warning}" for warning in removed.warnings]

    return Change(change, in_handwriting)


def _refuse_unreadable_proxy_config(pod: Pod) -> None:
    """Manual injection reads this annotation first of all, even where the pod is then skipped (reference 14)."""
    text = annotations(pod).get(PROXY_CONFIG_ANNOTATION)
    try:
        parse_text(text or "")
    except ProxyConfigError as error:
        raise InjectionError(
            f"invalid value {quoted(text)} for annotation {PROXY_CONFIG_ANNOTATION!r}: {error}"
        ) from error


def _unread_metadata(document: JsonObject) -> JsonObject:
    """Metadata that the webhook reads and manual injection does not: that of the pod template of a CronJob."""
    kind = document["kind"]
    if CREATED_FROM[kind] == WORKLOAD_KINDS[kind]:
        return {}
    metadata = pod_of(document, CREATED_FROM[kind]).get("metadata") or {}
    return {key: value for key, value in metadata.items() if isinstance(value, dict)}


def _unread_names(metadata: JsonObject) -> Iterator[str]:
    for field, known in (("labels", LABELS), ("annotations", ANNOTATIONS)):
        for name in metadata.get(field) or {}:
            if name in known:
                yield (
                    f"{field[:-1]} {name} of the pod template does not count in a file: manual injection of a CronJob "
                    "reads spec.jobTemplate.metadata, as istioctl does, the webhook the pod template: set it in both"
                )


def subject_of_workload(document: JsonObject, pod: Pod, snapshot: Snapshot, default_namespace: str = "") -> Subject:
    """The subject that manual injection of the workload in `document` with `pod` is about (reference 4.2 and 14).

    Raises InjectionError for metadata in which no name or namespace can be read.
    """
    of_workload = document.get("metadata") or {}
    if not isinstance(of_workload, dict):
        raise InjectionError(f"metadata must be a mapping, got {quoted(of_workload)}")
    for field in ("name", "namespace"):
        if not isinstance(of_workload.get(field), str | None):
            raise InjectionError(f"metadata.{field} must be a string, got {quoted(of_workload[field])}")
    is_pod = document["kind"] == "Pod"
    own = (pod.get("metadata") or {}).get("namespace") or (default_namespace if is_pod else "")
    namespace = of_workload.get("namespace") or default_namespace
    workload = Workload(
        name=of_workload.get("name") or "",
        namespace=namespace,
        kind=document["kind"],
        api_version=document.get("apiVersion") or "",
    )
    return Subject(
        pod=pod,
        namespace=own,
        workload=workload_of(pod, own) if is_pod else workload,
        namespace_object=snapshot.namespaces.get(own or namespace or _DEFAULT_NAMESPACE),
        manual=True,
    )


def _skipped(document: JsonObject, pod: Pod, decision: Decision) -> str:
    title = title_of(document, (pod.get("metadata") or {}).get("name") or "")
    if decision.reason == "HostNetwork":
        return f"===> Skipping injection because {title} has host networking enabled"
    return f"===> Skipping injection because {title} has sidecar injection disabled ({decision.message})"
