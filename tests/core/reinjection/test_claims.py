"""A status or overrides annotation is a claim: whoever may write pods may write it too."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod
from injector.manifests import removal, rewrite
from injector.reports.drift import drift
from tests.support import admitted, container_of, default_setup, injected, pod_of, removal_of, uninjected
from tests.thoroughness import tried

STATUS, OVERRIDES = "sidecar.istio.io/status", "proxy.istio.io/overrides"
SETUP = default_setup()
MINER = {"name": "miner", "image": "evil.example/x", "securityContext": {"privileged": True}}
EVIL_APP = {"name": "app", "image": "evil.example/x", "command": ["id"]}


def status_of(record: Any, **names: list[str]) -> str:
    return json.dumps({"containers": ["istio-proxy"], **names, "original": record})


def never_injected(record: Any, **names: list[str]) -> Pod:
    return pod_of(annotations={STATUS: status_of(record, **names)})


def with_record(pod: Pod, record: JsonObject, **names: list[str]) -> Pod:
    """An injected pod of which the record says more than is true."""
    status = json.loads(pod["metadata"]["annotations"][STATUS])
    changed = {**status, **names, "original": {**status["original"], **record}}
    own = {**pod["metadata"]["annotations"], STATUS: json.dumps(changed)}
    return {**pod, "metadata": {**pod["metadata"], "annotations": own}}


def names_of(pod: Pod) -> set[str]:
    return {each["name"] for field in ("containers", "initContainers") for each in pod["spec"].get(field, ())}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "the pod has no such container"),
        ({"definitions": {"containers": {"istio-proxy": EVIL_APP}}}, "must be named 'istio-proxy', got 'app'"),
        ({"definitions": {"containers": {"istio-proxy": MINER}}}, "must be named 'istio-proxy', got 'miner'"),
        ({"definitions": {"containers": {"istio-proxy": {}}}}, "original.definitions.containers.istio-proxy"),
        ({"covered": {}}, "unknown key 'covered'"),
        (7, "got 7"),
    ],
)
def test_a_record_in_a_pod_that_was_never_injected_refuses_it(record: Any, reason: str) -> None:
    admission = admitted(never_injected(record), SETUP)
    assert not admission.allowed
    assert admission.message.startswith("failed to run injection template: annotation 'sidecar.istio.io/status' says ")
    assert reason in admission.message


def test_the_status_of_another_injector_may_list_what_the_pod_does_not_have() -> None:
    """Reference 10.2: what is not there need not be stripped."""
    assert admitted(pod_of(annotations={STATUS: '{"containers":["istio-proxy"]}'}), SETUP).allowed


@pytest.mark.parametrize(
    "record",
    [
        {"definitions": {"containers": {"istio-proxy": EVIL_APP}}},
        {"definitions": {"containers": {"istio-proxy": {}}}},
        {"containers": {"app": 1}},
        {"order": {"containers": [1]}},
    ],
)
def test_a_record_with_faults_in_an_injected_pod_is_ignored_with_a_warning(record: JsonObject) -> None:
    once = injected(pod_of(), SETUP)
    admission = admitted(with_record(once, record), SETUP)
    assert admission.allowed
    assert container_of(admission.pod, "app") == container_of(once, "app")
    assert names_of(admission.pod) == names_of(once)
    assert any("ignored its record" in warning for warning in admission.warnings)


@pytest.mark.parametrize("configuration", [None, "another"])
@pytest.mark.parametrize(
    "record",
    [
        {"definitions": {"containers": {"app": EVIL_APP}}},
        {"definitions": {"containers": {"miner": MINER}}},
        {"definitions": {"initContainers": {"miner": MINER}}},
        {"containers": {"app": {"image": "evil.example/x", "securityContext": {"privileged": True}}}},
        {"spec": {"hostPID": True, "hostNetwork": True, "serviceAccountName": "admin"}},
        {"labels": {"app": None}, "annotations": {"note": "forged"}},
        {"volumes": [{"name": "istio-envoy", "hostPath": {"path": "/"}}]},
        {"automatic": ["app"], "order": {"containers": ["istio-proxy"]}},
    ],
)
def test_nothing_that_injection_cannot_have_changed_is_believed(record: JsonObject, configuration: str | None) -> None:
    """Under the configuration that the record names, and under another one, which injects the pod anew."""
    once = injected(pod_of(), SETUP)
    claim = {**record, "configuration": configuration} if configuration else record
    again = admitted(with_record(once, claim), SETUP)
    assert again.allowed
    for pod in (again.pod, removal_of(with_record(once, claim), SETUP).pod):
        assert container_of(pod, "app") == container_of(once, "app")
        assert names_of(pod) <= names_of(once)
        assert pod["metadata"]["labels"]["app"] == "shop"
        assert "note" not in pod["metadata"].get("annotations", {})
        assert not pod["spec"].keys() & {"hostPID", "hostNetwork", "serviceAccountName"}
        assert all("hostPath" not in volume for volume in pod["spec"].get("volumes", ()))


@pytest.mark.parametrize("templates", ["sidecar", "grpc-agent", "grpc-simple"])
@pytest.mark.parametrize("definition", [EVIL_APP, MINER])
def test_an_overrides_annotation_adds_no_container_and_leaves_the_application_s(
    templates: str, definition: JsonObject
) -> None:
    annotations = {"inject.istio.io/templates": templates}
    forged = {**annotations, OVERRIDES: json.dumps({"containers": [definition]})}
    honest, found = injected(pod_of(annotations=annotations), SETUP), injected(pod_of(annotations=forged), SETUP)
    assert container_of(found, "app") == container_of(honest, "app")
    assert names_of(found) == names_of(honest)


def test_an_overrides_annotation_about_an_absent_container_is_ignored_with_a_warning() -> None:
    admission = admitted(pod_of(annotations={OVERRIDES: json.dumps({"containers": [MINER]})}), SETUP)
    assert admission.allowed
    assert "annotation 'proxy.istio.io/overrides': ignored container 'miner'" in admission.warnings[0]


@pytest.mark.parametrize("odd", [[], {}, ["a"], {"name": "a"}, True, 1.5, None])
@pytest.mark.parametrize("field", ["env", "volumeMounts", "ports"])
def test_what_tells_items_apart_may_be_anything(field: str, odd: Any) -> None:
    """An item of a list, in the pod or in what a record says of it, is known by a name, a path or a port."""
    key = {"env": "name", "volumeMounts": "mountPath", "ports": "containerPort"}[field]
    pod = pod_of(annotations={"inject.istio.io/templates": "grpc-agent"})
    once = injected(pod, SETUP)
    forged = with_record(once, {"definitions": {"containers": {"app": {"name": "app", field: [{key: odd}]}}}})
    saved = {
        **once["metadata"]["annotations"],
        OVERRIDES: json.dumps({"containers": [{"name": "app", field: [{key: odd}]}]}),
    }
    for each in (forged, {**once, "metadata": {**once["metadata"], "annotations": saved}}):
        assert container_of(admitted(each, SETUP).pod, "app")["image"] == "registry.example/app:1"
        assert container_of(removal_of(each, SETUP).pod, "app")["image"] == "registry.example/app:1"


DIRECTED = {"istio-data": {"mountPath": "/var/lib/istio/data", "$patch": "delete"}}


def test_a_directive_in_an_annotation_is_data() -> None:
    """What merging takes for a directive in a template would take mounts and variables of the proxy away."""
    plain = {"istio-data": {"mountPath": "/var/lib/istio/data"}}
    mounts = "sidecar.istio.io/userVolumeMount"
    directed, meant = (injected(pod_of(annotations={mounts: json.dumps(value)}), SETUP) for value in (DIRECTED, plain))
    assert directed["spec"]["initContainers"] == meant["spec"]["initContainers"]
    assert injected(directed, SETUP) == directed
    saved = {"containers": [{"name": "istio-proxy", "env": [{"name": "POD_NAME", "$patch": "delete"}]}]}
    found = injected(pod_of(annotations={OVERRIDES: json.dumps(saved)}), SETUP)
    assert "$patch" not in json.dumps(found["spec"])


LEAVES = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["app", "istio-proxy", "miner", "x", "/"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "image", "env", "app", "istio-proxy", "httpGet", "port"]), inner)
    ),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    "configuration annotations labels containers initContainers spec volumes imagePullSecrets order automatic "
    "definitions earlier text".split()
)
BY_CONTAINER = st.dictionaries(st.sampled_from(["app", "istio-proxy", "miner"]), VALUES)
RECORDS = st.dictionaries(FIELDS, VALUES | BY_CONTAINER | st.fixed_dictionaries({"containers": BY_CONTAINER}))


@tried(300)
@given(record=RECORDS, names=st.lists(st.sampled_from(["app", "istio-proxy", "miner"])), grpc=st.booleans())
def test_no_record_changes_the_application_or_breaks_the_injector(
    record: JsonObject, names: list[str], grpc: bool
) -> None:
    """Only what injection rewrites may be restored: probes and hooks, and what a template writes into a container."""
    annotations = {"inject.istio.io/templates": "grpc-agent"} if grpc else None
    once = injected(pod_of(annotations=annotations), SETUP)
    pod = with_record(once, record, containers=[*names, "istio-proxy"])
    admission = admitted(pod, SETUP)
    assert admission.allowed == ("miner" not in names)
    for found in (admission.pod, removal_of(pod, SETUP).pod):
        app = container_of(found, "app")
        assert app["image"] == "registry.example/app:1"
        assert app.keys() <= {"name", "image", "env", "volumeMounts", "readinessProbe", "livenessProbe", "startupProbe",
                              "lifecycle", "resources"}  # fmt: skip
        assert names_of(found) <= names_of(once)


FORGED = """\
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      annotations:
        sidecar.istio.io/status: '{"containers":["app"],"original":{"spec":{"hostPID":true},
          "text":{"lines":[[0,["kind: Deployment"],["# reviewed","kind: Deployment"]]]}}}'
    spec:
      containers: [{name: app, image: a}]
"""


def test_the_removal_from_a_file_ignores_what_was_made_up_and_says_so() -> None:
    found = rewrite(FORGED, "f.yaml", removal(SETUP, EMPTY_SNAPSHOT))
    document = yaml.safe_load(found.text)
    assert document["spec"]["template"]["spec"] == {"containers": [{"name": "app", "image": "a"}]}
    assert "#" not in found.text
    assert any("containers 'app', which no template in force gives" in warning for warning in found.warnings)


def test_the_removal_says_which_container_it_cannot_account_for() -> None:
    """One that a template added which is no longer in force: with its configuration it goes as well."""
    status = '{"containers":["logger","istio-proxy"]}'
    pod = pod_of(annotations={STATUS: status})
    pod["spec"]["containers"] += [{"name": "logger", "image": "l"}, {"name": "istio-proxy", "image": "p"}]
    found = removal_of(pod, SETUP)
    assert [each["name"] for each in found.pod["spec"]["containers"]] == ["app", "logger"]
    assert found.warnings == (
        "annotation 'sidecar.istio.io/status': ignored containers 'logger', which no template in force gives",
    )


def test_a_volume_that_the_application_mounts_is_not_taken_out() -> None:
    pod = pod_of(annotations={STATUS: '{"volumes":["data","unused"]}'}, volumes=[{"name": "data"}, {"name": "unused"}])
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/d"}]
    assert uninjected(pod, SETUP)["spec"]["volumes"] == [{"name": "data"}]


def test_a_pod_with_a_made_up_record_is_one_finding_and_the_others_are_reported() -> None:
    forged = never_injected({"definitions": {"containers": {"istio-proxy": {}}}})
    found = drift([forged, {**pod_of(), "metadata": {"name": "missing"}}], SETUP, EMPTY_SNAPSHOT)
    assert [each.problem for each in found] == ["missing", "refused"]
    assert "no such container" in found[1].details[0]
