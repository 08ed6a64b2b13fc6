"""The public conformance cases, in process: results by meaning, second reviews, and the Kubernetes schemas."""

import copy
import importlib.util
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml

from injector.cluster.snapshot_file import read_snapshot
from injector.config.loader import sample_files
from injector.core.admission import admit_request
from injector.core.model import EMPTY_SNAPSHOT, Pod, Snapshot
from injector.core.review import parse_review
from injector.core.setup import Setup
from injector.manifests import ManualFaults, injection, removal, rewrite
from injector.manifests.files import workloads
from injector.manifests.workloads import created_pod
from tests.kubernetes_schemas import ValidationError, validate
from tests.support import PUBLIC_CASES, default_setup, documents, review_of, setup_of

CASES = sorted((PUBLIC_CASES / "cases").iterdir()) if PUBLIC_CASES.exists() else []
# Kinds of OpenShift and of Istio have no Kubernetes schema.
WITHOUT_SCHEMA = {"DeploymentConfig", "Gateway", "VirtualService"}

pytestmark = pytest.mark.skipif(not CASES, reason=f"the public cases are not at {PUBLIC_CASES}")


def _runner() -> Any:
    spec = importlib.util.spec_from_file_location("conformance_run", PUBLIC_CASES / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def case_of(folder: Path) -> Any:
    return yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))


def setup_of_case(case: Any, tmp_path: Path) -> Setup:
    return setup_of(tmp_path, yaml.dump(case["config"]))


def snapshot_of_case(case: Any, tmp_path: Path) -> Snapshot:
    selected = {"labels": {"istio-injection": "enabled"}}
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **selected}}
        for name in ("default", "test", "sample")
    ]
    file = tmp_path / "snapshot.yaml"
    items = [*case.get("snapshot", []), *namespaces]
    file.write_text(yaml.dump({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
    return read_snapshot(file)


def schema_faults(document: Any) -> list[str]:
    if document.get("kind") in WITHOUT_SCHEMA:
        return []
    if document.get("kind") == "List":
        return [fault for item in document["items"] for fault in schema_faults(item)]
    try:
        validate(without_nulls(document))
    except ValidationError as error:
        return [f"{document['kind']}: {'/'.join(map(str, error.path))}: {error.message[:300]}"]
    return []


def without_nulls(value: Any) -> Any:
    """What the API server sees: null is absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "folder", [case for case in CASES if "file" in case_of(case)["modes"]], ids=lambda each: each.name
)
def test_a_file_is_injected_as_istio_does(folder: Path, tmp_path: Path) -> None:
    case, run = case_of(folder), _runner()
    text = (folder / "input.yaml").read_text(encoding="utf-8")
    change = injection(setup_of_case(case, tmp_path), EMPTY_SNAPSHOT)
    if "error" in case:
        with pytest.raises(ManualFaults) as caught:
            rewrite(text, "input.yaml", change)
        assert case["error"] in str(caught.value).lower()
        return
    found = documents(rewrite(text, "input.yaml", change).text)
    wanted = documents((folder / "expected.yaml").read_text(encoding="utf-8"))
    assert len(found) == len(wanted)
    for want, got in zip(wanted, found, strict=True):
        assert list(run.differences(run.meaning(want), run.meaning(got))) == []
        assert schema_faults(got) == []


@pytest.mark.parametrize("name", ["input.yaml", "expected.yaml"])
@pytest.mark.parametrize("folder", [case for case in CASES if "error" not in case_of(case)], ids=lambda each: each.name)
def test_a_file_comes_back_when_the_injection_is_taken_out(folder: Path, name: str, tmp_path: Path) -> None:
    """Byte for byte; where another injector had injected it, as it comes out of the removal of that injection."""
    text = (folder / name).read_text(encoding="utf-8")
    setup = setup_of_case(case_of(folder), tmp_path)
    once = rewrite(text, name, injection(setup, EMPTY_SNAPSHOT)).text
    change = removal(setup, EMPTY_SNAPSHOT)
    assert rewrite(once, name, change).text == rewrite(text, name, change).text


@pytest.mark.parametrize(
    "folder", [case for case in CASES if "webhook" in case_of(case)["modes"]], ids=lambda each: each.name
)
def test_a_pod_is_injected_as_istio_does_and_a_second_review_changes_nothing(folder: Path, tmp_path: Path) -> None:
    case, run = case_of(folder), _runner()
    setup, snapshot = setup_of_case(case, tmp_path), snapshot_of_case(case, tmp_path)
    patched: list[Pod] = []

    def review(_command: str, pod: Pod, namespace: str, *_: Any) -> tuple[Pod | None, str | None]:
        request = parse_review(review_of(pod, namespace=namespace))
        admission = admit_request(request, setup, snapshot)
        if not admission.allowed:
            return None, admission.message
        patched.append(jsonpatch.apply_patch(copy.deepcopy(pod), list(admission.patch)))
        return patched[-1], None

    run.review = review
    assert run.run_review("", case, folder, tmp_path) == []
    assert [fault for pod in patched for fault in schema_faults(_with_owner_uids(pod))] == []


def _with_owner_uids(pod: Pod) -> Pod:
    """The runner's pods name their owners without the uid that the API asks for."""
    owners = [{"uid": "u", **owner} for owner in pod["metadata"].get("ownerReferences", ())]
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": owners}}


def test_every_result_for_the_bookinfo_sample_validates() -> None:
    setup, files = default_setup(), sample_files("bookinfo")
    snapshot = read_snapshot(files[0])
    for file in files:
        text = file.read_text(encoding="utf-8")
        by_hand = documents(rewrite(text, file.name, injection(setup, EMPTY_SNAPSHOT)).text)
        assert [fault for document in by_hand for fault in schema_faults(document)] == []
        for document, _ in workloads(text, file.name):
            admission = admit_request(
                parse_review(review_of(created_pod(document), namespace="bookinfo")), setup, snapshot
            )
            assert admission.allowed
            assert schema_faults(admission.pod) == []
