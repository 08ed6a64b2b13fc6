"""What tests of several rooms have in common: a configuration from text, pods, reviews, and the public cases."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from injector.config import load
from injector.config.loader import ConfigText
from injector.core.admission import Subject, admit_request, remove_injection
from injector.core.model import EMPTY_SNAPSHOT, Admission, JsonObject, Pod, Snapshot
from injector.core.pods import workload_of
from injector.core.reinjection.undo import Removal
from injector.core.render import TemplateSet
from injector.core.review import parse_review
from injector.core.setup import Setup, set_up

REPOSITORY = Path(__file__).resolve().parent.parent
PUBLIC_CASES = REPOSITORY.parent / "shared" / "conformance"


@pytest.fixture(scope="module", autouse=True, params=[True, False], ids=["optimised", "plain"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module's tests with templates optimised, as they are served, and once more the plain way."""
    with pytest.MonkeyPatch.context() as patch:
        for function in (TemplateSet.__init__, set_up):
            patch.setattr(function, "__kwdefaults__", {"optimise": request.param})
        yield


def setup_of(tmp_path: Path, text: str = "", *sets: str) -> Setup:
    """The configuration that `text` (YAML) and `--set` flags give, in a file; made once for all tests."""
    file = tmp_path / "config.yaml"
    file.write_text(text or "{}", encoding="utf-8")
    return _set_up(_is_optimised(), text or "{}", sets)


def setup_with(*sets: str) -> Setup:
    """The shipped defaults under `--set` flags."""
    return _set_up(_is_optimised(), "{}", sets)


def default_setup() -> Setup:
    """The shipped defaults."""
    return setup_with()


def fresh_setup() -> Setup:
    """The shipped defaults, for a test that counts what work in it costs: no other test has worked with it."""
    return set_up(load().config)


def _is_optimised() -> bool:
    # The default is another where tests run both ways.
    return bool((set_up.__kwdefaults__ or {})["optimise"])


@lru_cache(maxsize=100)
def _set_up(optimise: bool, text: str, sets: tuple[str, ...]) -> Setup:
    # The first pod of a set-up compiles its templates, which takes longer than most tests.
    return set_up(load([ConfigText("config.yaml", text)], sets).config, optimise=optimise)


def pod_of(
    *,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    container: JsonObject | None = None,
    **spec: Any,
) -> Pod:
    """A pod `shop` with one container `app`, as an API server sends it."""
    metadata: JsonObject = {"name": "shop", "labels": labels or {"app": "shop"}}
    if annotations:
        metadata["annotations"] = annotations
    first = {"name": "app", "image": "registry.example/app:1", **(container or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [first], **spec}}


def review_of(pod: Any, **request: Any) -> bytes:
    """The AdmissionReview in which an API server sends `pod`."""
    given = {"uid": "u-1", "operation": "CREATE", "namespace": "default", "object": pod}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {**given, **request}}
    return json.dumps(review).encode()


def admitted(pod: Pod, setup: Setup, snapshot: Snapshot = EMPTY_SNAPSHOT, **request: Any) -> Admission:
    """What becomes of `pod` in the webhook."""
    return admit_request(parse_review(review_of(pod, **request)), setup, snapshot)


def injected(pod: Pod, setup: Setup, snapshot: Snapshot = EMPTY_SNAPSHOT) -> Pod:
    """The injected pod; fails where it is refused."""
    admission = admitted(pod, setup, snapshot)
    assert admission.allowed, admission.message
    return admission.pod


def uninjected(pod: Pod, setup: Setup, snapshot: Snapshot = EMPTY_SNAPSHOT) -> Pod:
    """The pod without its injection; fails where something its annotations say was ignored."""
    removal = removal_of(pod, setup, snapshot)
    assert removal.warnings == ()
    return removal.pod


def removal_of(pod: Pod, setup: Setup, snapshot: Snapshot = EMPTY_SNAPSHOT) -> Removal:
    """What the removal of its injection makes of the pod."""
    subject = Subject(pod, "default", workload_of(pod, "default"), snapshot.namespaces.get("default"))
    return remove_injection(subject, setup, snapshot)


def container_of(pod: Pod, name: str) -> JsonObject:
    """The container or init container of that name."""
    spec = pod["spec"]
    found = [each for each in (*spec.get("initContainers", ()), *spec["containers"]) if each["name"] == name]
    assert len(found) == 1, f"{name}: {len(found)} of {[each['name'] for each in spec['containers']]}"
    container: JsonObject = found[0]
    return container


def env_of(container: JsonObject) -> dict[str, Any]:
    """Environment variable to its literal value; None where it comes from elsewhere."""
    return {entry["name"]: entry.get("value") for entry in container.get("env", ())}


def documents(text: str) -> list[Any]:
    """The YAML documents of a text that hold something."""
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def kubernetes_matches(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    """What the API server does with a selector, written independently of the code under test."""
    for expression in selector["matchExpressions"]:
        present, value = expression["key"] in labels, labels.get(expression["key"])
        matched = {
            "In": present and value in expression.get("values", []),
            "NotIn": not present or value not in expression.get("values", []),
            "Exists": present,
            "DoesNotExist": not present,
        }[expression["operator"]]
        if not matched:
            return False
    return True
