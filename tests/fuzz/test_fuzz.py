"""Whatever comes from outside is answered or refused in words: nothing breaks, and what is accepted stays consistent.

`make fuzz` runs these and the properties beside them for ten minutes.
"""

import copy
from pathlib import Path

import jsonpatch
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.cluster.snapshot_file import SnapshotFaults, read_snapshot
from injector.config import ConfigFaults, load
from injector.core.merge import strategic_merge
from injector.core.model import EMPTY_SNAPSHOT, InjectionError
from injector.core.setup import Setup, set_up
from injector.core.template_check import template_faults
from injector.manifests import ManualFaults, injection, rewrite
from injector.server.handler import answer
from injector.server.state import State
from tests.fuzz.effort import fuzzed, fuzzed_less
from tests.fuzz.mutations import mutated
from tests.support import default_setup


@pytest.fixture(scope="module")
def setup() -> Setup:
    return default_setup()


@fuzzed
@given(body=mutated("*review.json"))
def test_a_review_is_answered_or_refused_and_its_patch_applies(setup: Setup, body: bytes) -> None:
    found = answer(body, "/inject", State(setup, EMPTY_SNAPSHOT))
    assert found.status in (200, 400)
    assert found.error is None
    if found.admission is not None and found.request is not None and found.admission.patch:
        patched = jsonpatch.apply_patch(copy.deepcopy(found.request.pod), list(found.admission.patch))
        assert orjson.dumps(patched, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            found.admission.pod, option=orjson.OPT_SORT_KEYS
        )


@fuzzed_less
@given(text=mutated("deployment.yaml"))
def test_a_file_is_injected_or_refused_with_its_faults(setup: Setup, text: bytes) -> None:
    try:
        once = rewrite(text.decode(errors="replace"), "f.yaml", injection(setup, EMPTY_SNAPSHOT)).text
    except ManualFaults as faults:
        assert all(str(fault).startswith("f.yaml") for fault in faults.faults)
        return
    assert rewrite(once, "f.yaml", injection(setup, EMPTY_SNAPSHOT)).text == once


@fuzzed_less
@given(text=mutated("configuration.yaml"))
def test_a_configuration_is_loaded_or_refused_with_its_faults(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "configuration.yaml"
    file.write_bytes(text)
    try:
        template_faults(set_up(load([file]).config))
    except ConfigFaults as faults:
        assert str(faults)


@fuzzed
@given(text=mutated("snapshot.yaml"))
def test_a_snapshot_is_read_or_refused_with_its_faults(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "snapshot.yaml"
    file.write_bytes(text)
    try:
        read_snapshot(file)
    except SnapshotFaults as faults:
        assert str(faults)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "$patch", "env", "a"]), inner),
    max_leaves=8,
)


@fuzzed
@given(overlay=st.dictionaries(st.sampled_from(["spec", "metadata", "$patch", "x"]), JSON), target=JSON)
def test_any_overlay_merges_or_is_refused(overlay: dict[str, object], target: object) -> None:
    pod = {"spec": target}
    before = copy.deepcopy(pod)
    try:
        merged = strategic_merge(pod, overlay)
        assert strategic_merge(merged, overlay) is not None
    except InjectionError as error:
        assert str(error)
    assert pod == before
