"""The pods that are measured, as an API server sends them."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import orjson

from injector.config.loader import sample_files
from injector.core.model import TEMPLATES_ANNOTATION, Container, JsonObject, Pod, Snapshot
from injector.manifests.files import workloads
from injector.manifests.workloads import created_pod

NAMESPACE = "shop"
SNAPSHOT = Snapshot(
    namespaces={NAMESPACE: {"metadata": {"name": NAMESPACE, "labels": {"istio-injection": "enabled"}}}},
    nodes=({"metadata": {"name": "node-1"}, "status": {"nodeInfo": {"kubeletVersion": "v1.33.4"}}},),
)

# From a number to the pod of that number: no two of them have a name, an image or a value in common.
MakePod: TypeAlias = Callable[[int], Pod]


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of pod: `name` is how the report calls it."""

    name: str
    make: MakePod


def small_pod(number: int) -> Pod:
    """A pod of one container without environment."""
    return sized_pod(number, variables=0, containers=1)


def sized_pod(number: int, *, variables: int, containers: int) -> Pod:
    """A Deployment's pod of so many containers, each with so many environment variables."""
    name = f"shop-{number}"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-6f9c", "uid": uid(number)}
    metadata = {
        "generateName": f"{name}-6f9c-",
        "namespace": NAMESPACE,
        "labels": {"app": name, "version": f"v{number}", "pod-template-hash": "6f9c"},
        "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
    }
    spec = {
        "containers": [_container(number, place, variables) for place in range(containers)],
        "restartPolicy": "Always",
        "serviceAccountName": name,
        "schedulerName": "default-scheduler",
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(number: int, place: int, variables: int) -> Container:
    container: Container = {
        "name": f"app-{number}-{place}",
        "image": f"registry.example/app:{number}",
        "ports": [{"name": "http", "containerPort": 8080 + place, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m"}},
        "imagePullPolicy": "IfNotPresent",
    }
    if variables:
        container["env"] = [{"name": f"KEY_{each}", "value": f"value {each} of {number}"} for each in range(variables)]
    return container


def bookinfo_pod(number: int) -> Pod:
    """The product page of the Bookinfo sample, under a name of its own."""
    pod = deepcopy(_PRODUCT_PAGE)
    name = f"productpage-{number}"
    pod["metadata"] |= {"generateName": f"{name}-", "namespace": NAMESPACE}
    pod["metadata"]["labels"]["app"] = name
    pod["spec"]["containers"][0] |= {"name": name, "image": f"registry.example/productpage:{number}"}
    return pod


def _product_page() -> Pod:
    file = next(file for file in sample_files("bookinfo") if file.name == "productpage.yaml")
    document, _ = next(workloads(file.read_text(encoding="utf-8"), str(file)))
    return created_pod(document)


_PRODUCT_PAGE = _product_page()


def sized(name: str, *, variables: int = 0, containers: int = 1) -> Subject:
    """Pods of a size, under the name that the report gives them."""
    return Subject(name, lambda number: sized_pod(number, variables=variables, containers=containers))


def asking_for(template: str) -> Subject:
    """Small pods that ask for `template`."""

    def make(number: int) -> Pod:
        pod = small_pod(number)
        pod["metadata"]["annotations"] = {TEMPLATES_ANNOTATION: template}
        return pod

    return Subject(template, make)


SMALL = Subject("small pod", small_pod)
BOOKINFO = Subject("Bookinfo product page", bookinfo_pod)
BY_VARIABLES = tuple(sized(f"{count:,} variables", variables=count) for count in (1, 10, 100, 2_000))
BY_CONTAINERS = tuple(sized(f"{count} containers", variables=5, containers=count) for count in (1, 5, 10, 20))

SUBJECTS = {subject.name: subject for subject in (SMALL, BOOKINFO, *BY_VARIABLES, *BY_CONTAINERS)}


def reviews(subject: Subject, count: int, first: int = 0) -> list[bytes]:
    """`count` reviews of pods that nobody saw before: each with a uid, names and values of its own."""
    return [review(subject.make(number), number) for number in range(first, first + count)]


def identical_reviews(subject: Subject, count: int) -> list[bytes]:
    """`count` reviews of one pod, as replicas of one Deployment are: nothing but the uid differs."""
    pod = subject.make(0)
    return [review(pod, number) for number in range(count)]


def of_new_shape(body: bytes, number: int) -> bytes:
    """A review like `body` of a pod with a label that no other one has: no pod had its fields before."""
    return body.replace(b'"labels":{', b'"labels":{"shape-%d":"new",' % number, 1)


def review(pod: Pod, number: int) -> bytes:
    """The AdmissionReview of `pod`, written as kube-apiserver writes it."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    request: JsonObject = {
        "uid": uid(number),
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "namespace": NAMESPACE,
        "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:kube-system:replicaset-controller",
            "uid": uid(0),
            "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
        },
        "object": pod,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return orjson.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})


def uid(number: int) -> str:
    """A uid of its own for each number."""
    return str(UUID(int=number))
