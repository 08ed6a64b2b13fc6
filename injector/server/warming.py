"""Templates are compiled when they are first needed: warming is what needs them before a pod does."""

from collections.abc import Callable, Iterator
from contextlib import suppress

from injector.core.admission import admit_request
from injector.core.model import TEMPLATES_ANNOTATION, AdmissionRequest, Pod
from injector.server.state import State


def warmed(load: Callable[[], State]) -> Callable[[], State]:
    """Loads a state that is ready for most pods: `load` as it is, after which usual pods were worked on."""

    def loaded() -> State:
        state = load()
        warm(state)
        return state

    return loaded


def warm(state: State) -> None:
    """Compile all templates of `state`, and the structures that they give for usual pods.

    Each is asked for by a pod that names it: what pods of several templates need is there then, too.
    """
    # What all templates can change is asked for with the first pod that was injected before: that compiles them all.
    with suppress(Exception):
        state.setup.footprint()
    for pod in _usual_pods():
        for name in ("", *state.setup.templates.names):
            request = _creation_of(_asking_for(name, pod))
            # Once to compile the templates, and once more since what comes only once is not kept. What is wrong with a
            # template is said to those who ask for it.
            for _ in range(2):
                with suppress(Exception):
                    admit_request(request, state.setup, state.snapshot)


def _usual_pods() -> Iterator[Pod]:
    """A pod with nothing to it, and one of a Deployment with what templates and rules ask for."""
    yield {"spec": {"containers": [{"name": "app", "image": "app"}]}}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-6f9c", "uid": "1", "controller": True}
    labels = {"app": "shop", "version": "v1", "pod-template-hash": "6f9c"}
    probe = {"httpGet": {"path": "/ready", "port": "http"}}
    ports = [{"name": "http", "containerPort": 8080}]
    yield {
        "metadata": {"generateName": "shop-6f9c-", "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "serviceAccountName": "shop",
            "containers": [{"name": "app", "image": "app", "ports": ports, "readinessProbe": probe}],
        },
    }


def _asking_for(template: str, pod: Pod) -> Pod:
    if not template:
        return pod
    return {**pod, "metadata": {**pod.get("metadata", {}), "annotations": {TEMPLATES_ANNOTATION: template}}}


def _creation_of(pod: Pod) -> AdmissionRequest:
    return AdmissionRequest(
        uid="warming",
        api_version="admission.k8s.io/v1",
        kind="AdmissionReview",
        operation="CREATE",
        namespace="",
        name="",
        dry_run=True,
        pod=pod,
    )
