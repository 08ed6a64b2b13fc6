"""From a workload to its case: the pod that its controller would create goes the webhook's own way."""

from injector.core.admission import Setup, admit_request
from injector.core.model import Admission, AdmissionRequest, JsonObject, Pod, Snapshot
from injector.core.pod_schema import pod_faults
from injector.manifests.workloads import CREATED_FROM, created_pod, pod_of, with_created_pod
from injector.preview.case import Case

WORKLOADS = frozenset(CREATED_FROM)


def case_of(document: JsonObject, setup: Setup, snapshot: Snapshot, default_namespace: str) -> Case:
    """The case of a workload of one of the kinds in WORKLOADS; it is in `default_namespace` where it names none.

    A workload from which no pod can be made is a case that is not allowed, with no decision.
    """
    namespace = namespace_of(document, default_namespace)
    namespace_object = snapshot.namespaces.get(namespace)
    faults = _faults(document)
    if faults:
        refused = Admission(allowed=False, decision=None, pod={}, message="; ".join(faults))
        return Case(document, document, namespace, namespace_object, {}, refused)
    pod = created_pod(document)
    admission = admit_request(request_for(pod, namespace), setup, snapshot)
    changed = admission.allowed and admission.pod is not pod
    result = with_created_pod(document, admission.pod) if changed else document
    return Case(document, result, namespace, namespace_object, pod, admission)


def namespace_of(document: JsonObject, default: str) -> str:
    """The namespace that `document` names, else `default`."""
    metadata = document.get("metadata")
    named = metadata.get("namespace") if isinstance(metadata, dict) else None
    return named if isinstance(named, str) and named else default


def request_for(pod: Pod, namespace: str) -> AdmissionRequest:
    """The request in which an API server would send `pod` on its creation in `namespace`."""
    return AdmissionRequest(
        uid="preview",
        api_version="admission.k8s.io/v1",
        kind="AdmissionReview",
        operation="CREATE",
        namespace=namespace,
        name="",
        dry_run=True,
        pod=pod,
    )


def _faults(document: JsonObject) -> list[str]:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict | None):
        return [f"metadata: expected a mapping, not {metadata!r:.60}"]
    for field in ("name", "namespace"):
        value = (metadata or {}).get(field)
        if not isinstance(value, str | None):
            return [f"metadata.{field}: expected a text, not {value!r:.60}"]
    try:
        return pod_faults(pod_of(document, CREATED_FROM[document["kind"]]))
    except ValueError as error:
        return [str(error)]
