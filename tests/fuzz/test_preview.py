"""Whatever is pasted into the preview is answered or refused in words, and it foretells what injection does."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.admission import admit_request
from injector.core.model import EMPTY_SNAPSHOT
from injector.core.review import parse_review
from injector.core.setup import Setup
from injector.core.yaml.reader import read_manifest
from injector.core.yaml.writer import write
from injector.manifests import injection, rewrite
from injector.reports.documents import UnreadableInputError, read_documents
from injector.reports.evaluate import Preview, PreviewOptions, preview_documents
from injector.reports.render import preview_item, preview_text
from tests.fuzz.effort import fuzzed, fuzzed_less, no_end_in_sight
from tests.fuzz.mutations import mutated
from tests.hostile import TEXTS
from tests.support import default_setup, pod_of, review_of

KINDS = st.sampled_from("Pod Deployment CronJob Job List PodList DeploymentList Namespace Node Service x".split())
FIELDS = st.sampled_from(
    "kind metadata spec template jobTemplate items containers name namespace labels annotations env image ports".split()
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.builds(lambda kind, rest: {**rest, "kind": kind}, KINDS, st.dictionaries(FIELDS, ANYTHING, max_size=4))


@pytest.fixture(scope="module")
def setup() -> Setup:
    return default_setup()


def previewed(text: str, setup: Setup) -> list[Preview]:
    return list(preview_documents(list(read_documents(text)), PreviewOptions(), setup, EMPTY_SNAPSHOT))


def as_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # numbers of more than 64 bits, which YAML reads
        return str(value)


@fuzzed
@given(
    text=st.one_of(
        mutated("*.yaml").map(lambda text: text.decode(errors="replace")),
        mutated("*review.json").map(lambda text: text.decode(errors="replace")),
        OBJECTS.map(as_json),
        st.lists(OBJECTS, max_size=3).map(lambda objects: "\n---\n".join(map(as_json, objects))),
        ANYTHING.map(as_json),
    )
)
def test_a_preview_answers_or_says_in_a_line_what_is_unreadable(setup: Setup, text: str) -> None:
    try:
        with no_end_in_sight():
            previews = previewed(text, setup)
            items = [orjson.loads(orjson.dumps(preview_item(preview))) for preview in previews]
    except UnreadableInputError as error:
        assert str(error)
        return
    for preview, item in zip(previews, items, strict=True):
        assert item["allowed"] or item["error"]
        assert item["decision"]["reason"]
        assert preview_text(preview)


@fuzzed
@given(body=mutated("*review.json"))
def test_a_pod_is_previewed_as_the_webhook_answers_it(setup: Setup, body: bytes) -> None:
    try:
        pod = orjson.loads(body)["request"]["object"]
        previews = previewed(orjson.dumps({**pod, "apiVersion": "v1", "kind": "Pod"}).decode(), setup)
    except (orjson.JSONDecodeError, LookupError, TypeError, UnreadableInputError):
        return
    for preview in previews:
        if preview.admission.message == "spec is required value":
            continue  # of a pod without a spec no API server asks a webhook
        request = parse_review(review_of(preview.document, namespace=preview.namespace))
        answered = admit_request(request, setup, EMPTY_SNAPSHOT)
        assert preview.admission.allowed == answered.allowed
        if answered.decision and preview.admission.decision:
            assert preview.admission.decision == answered.decision
            assert preview.admission.pod.get("spec") == answered.pod.get("spec")


@fuzzed_less
@given(annotation=TEXTS, argument=TEXTS, kind=st.sampled_from(("Pod", "Deployment", "Job")))
def test_a_preview_shows_the_pod_that_injecting_the_file_gives(
    setup: Setup, annotation: str, argument: str, kind: str
) -> None:
    """Of one pod, with a namespace and a name in it: what manual injection cannot know plays no part then."""
    pod = pod_of(
        annotations={"note": annotation, "sidecar.istio.io/logLevel": argument}, container={"args": [argument]}
    )
    document = pod if kind == "Pod" else {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "shop"},
        "spec": {"template": {"metadata": pod["metadata"], "spec": pod["spec"]}},
    }  # fmt: skip
    text = write(document)
    (preview,) = previewed(text, setup)
    injected = read_manifest(rewrite(text, "f.yaml", injection(setup, EMPTY_SNAPSHOT)).text)
    spec = injected["spec"] if kind == "Pod" else injected["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["containers"]] == [
        each["name"] for each in preview.admission.pod["spec"]["containers"]
    ]
    assert [each["args"] for each in spec["containers"]] == [
        each["args"] for each in preview.admission.pod["spec"]["containers"]
    ]
