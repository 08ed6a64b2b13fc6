"""Whatever annotations say, a pod comes out that the templates know, or a refusal that names an annotation."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import jsonpatch
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.admission import admit_request
from injector.core.annotations import ANNOTATIONS
from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.core.review import parse_review, respond
from injector.core.setup import Setup
from tests.fuzz.annotation_values import MEANT, STRUCTURED, values
from tests.fuzz.effort import fuzzed
from tests.support import admitted, default_setup, pod_of, review_of

TEMPLATES = "inject.istio.io/templates"
NAMES = sorted(ANNOTATIONS)


@pytest.fixture(scope="module")
def setup() -> Setup:
    return default_setup()


def pod_with(annotations: dict[str, str]) -> Pod:
    container = {
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "A", "value": "b"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
        "livenessProbe": {"tcpSocket": {"port": 8080}},
        "startupProbe": {"grpc": {"port": 8080}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    pod = pod_of(container=container, volumes=[{"name": "v", "emptyDir": {}}], initContainers=[{"name": "i"}])
    pod["metadata"]["annotations"] = annotations
    return pod


def places(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every place of a document with the type of what stands there; places in lists are one place."""
    yield path, type(value).__name__
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from places(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from places(item, f"{path}[]")


def places_of_pod(pod: Pod) -> set[tuple[str, str]]:
    """Places where an annotation may not lead to anything new; annotations and labels themselves are named freely."""
    metadata = {key: value for key, value in pod["metadata"].items() if key not in ("annotations", "labels")}
    return set(places(orjson.loads(orjson.dumps({**pod, "metadata": metadata}))))


@pytest.fixture(scope="module")
def known_places(setup: Setup) -> set[tuple[str, str]]:
    """The places of all pods that meant annotations lead to, each with each template and both kinds of sidecar."""
    found: set[tuple[str, str]] = set()
    for template in MEANT[TEMPLATES]:
        for native in ("true", "false"):
            chosen = {TEMPLATES: template, "sidecar.istio.io/nativeSidecar": native}
            for name, meant in (*MEANT.items(), ("none", ("none",))):
                for value in meant:
                    found |= places_of_pod(admitted(pod_with({**chosen, name: value}), setup).pod)
    return found


def test_values_are_meant_for_names_that_there_are() -> None:
    assert MEANT.keys() <= ANNOTATIONS.keys()
    assert MEANT.keys() >= STRUCTURED


@st.composite
def annotations(draw: st.DrawFn) -> dict[str, str]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    chosen = {name: draw(values(name)) for name in names}
    if TEMPLATES not in chosen and draw(st.booleans()):
        chosen[TEMPLATES] = draw(st.sampled_from(MEANT[TEMPLATES]))
    return chosen


@fuzzed
@given(given_annotations=annotations())
def test_annotations_are_data_or_refused_by_name(
    setup: Setup, known_places: set[tuple[str, str]], given_annotations: dict[str, str]
) -> None:
    request = parse_review(review_of(pod_with(given_annotations)))
    admission = admit_request(request, setup, EMPTY_SNAPSHOT)
    answer = orjson.loads(respond(request, admission))["response"]
    assert answer["allowed"] is admission.allowed
    if not admission.allowed:
        assert any(name in admission.message for name in given_annotations), admission.message
        assert len(admission.message) < 20_000
        return
    assert written(applied(request.pod, admission.patch)) == written(admission.pod)
    if not STRUCTURED & given_annotations.keys():
        assert places_of_pod(admission.pod) <= known_places
    names_are_unique(admission.pod)


def applied(pod: Pod, patch: Any) -> Pod:
    result: Pod = jsonpatch.apply_patch(copy.deepcopy(pod), orjson.loads(orjson.dumps(list(patch))))
    return result


def written(pod: Pod) -> bytes:
    return orjson.dumps(pod, option=orjson.OPT_SORT_KEYS)


def names_are_unique(pod: Pod) -> None:
    spec = pod["spec"]
    for each in ("containers", "initContainers", "volumes", "imagePullSecrets"):
        names = [item["name"] for item in spec.get(each) or ()]
        assert len(names) == len(set(names)), (each, names)
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        # A mount of the user's without a path is the API server's to refuse.
        mounts = [mount["mountPath"] for mount in container.get("volumeMounts") or () if "mountPath" in mount]
        assert len(mounts) == len(set(mounts)), (container["name"], mounts)
