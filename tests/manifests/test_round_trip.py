"""Injecting a file and taking the injection out again gives the file, byte for byte."""

import json
from functools import cache

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.config import load
from injector.core.model import EMPTY_SNAPSHOT
from injector.core.setup import Setup, set_up
from injector.manifests import injection, removal, rewrite
from tests.manifests.manifests import FILES
from tests.thoroughness import tried

CONFIGURATIONS = {
    "defaults": (),
    "native": ("nativeSidecars=enabled",),
    "cni": ("values.pilot.cni.enabled=true",),
    "grpc": ("defaultTemplates={grpc-agent}",),
    "pull": ("values.global.imagePullSecrets={mine,theirs}",),
}

TIDY = "kind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"
QUOTED = (
    TIDY
    + """\
    readinessProbe:
      httpGet: {port: 'http', path: "/x"}   # by name
      periodSeconds: 3
"""
)


@cache
def setup_named(name: str) -> Setup:
    return set_up(load(sets=CONFIGURATIONS[name]).config)


def injected(text: str, configuration: str = "defaults") -> str:
    return rewrite(text, "f.yaml", injection(setup_named(configuration), EMPTY_SNAPSHOT)).text


def uninjected(text: str, configuration: str = "defaults") -> str:
    return rewrite(text, "f.yaml", removal(setup_named(configuration), EMPTY_SNAPSHOT)).text


@tried(80)
@given(FILES, st.sampled_from(sorted(CONFIGURATIONS)))
def test_a_file_comes_back_byte_for_byte(text: str, configuration: str) -> None:
    assert uninjected(injected(text, configuration), configuration) == text


@tried(25)
@given(FILES, st.sampled_from(sorted(CONFIGURATIONS)))
def test_injecting_again_keeps_what_gives_the_file_back(text: str, configuration: str) -> None:
    once = injected(text)
    assert injected(once) == once
    assert uninjected(injected(once, configuration), configuration) == text


def test_a_file_that_comes_back_by_itself_gets_no_record() -> None:
    assert '"text"' not in injected(TIDY)
    assert '"text"' in injected(QUOTED)


def test_another_edit_of_the_injected_file_stays_and_the_rest_comes_back() -> None:
    def edited(text: str) -> str:
        return text.replace("image: x\n", "image: z\n").replace("kind: Pod\n", "kind: Pod\n# Edited.\n")

    assert uninjected(edited(injected(QUOTED))) == edited(QUOTED)


def test_an_edit_beside_what_was_rewritten_stays() -> None:
    edited = injected(QUOTED).replace("periodSeconds: 3", "periodSeconds: 4")
    assert uninjected(edited) == QUOTED.replace("periodSeconds: 3", "periodSeconds: 4")


def test_a_forged_record_cannot_change_what_the_removal_means() -> None:
    forged = injected(QUOTED).replace("'http'", "'other'")
    assert yaml.safe_load(uninjected(forged)) == yaml.safe_load(QUOTED)


@pytest.mark.parametrize("lines", ["1", '["a"]', '[[0, ["a"]]]', '[[0, [1], ["x"]]]', '[["0", [], []]]'])
def test_a_record_that_cannot_be_read_plays_no_part(lines: str) -> None:
    text = injected(QUOTED)
    start, end = text.index('"lines":') + len('"lines":'), text.index("]}", text.index('"lines":')) + 1
    broken = text[:start] + lines + text[end:]
    assert yaml.safe_load(uninjected(broken)) == yaml.safe_load(QUOTED)


def test_of_a_long_file_in_a_layout_of_its_own_the_meaning_comes_back() -> None:
    """What has to be written anew as a whole is kept up to a limit: annotations have one."""
    env = ",\n".join(f'{{ "name": "N{number}",   "value": "{number}" }}' for number in range(2_000))
    text = (
        f'{{"kind": "Pod", "metadata": {{"name": "p"}}, "spec": {{"containers": [{{"name": "a", "env": [{env}]}}]}}}}\n'
    )
    once = injected(text)
    assert len(once) < 2 * len(text)
    assert json.loads(uninjected(once)) == json.loads(text)


def test_line_ends_that_are_mixed_stay_so() -> None:
    text = TIDY.replace("kind: Pod\n", "kind: Pod\r\n")
    assert injected(text).count("\r\n") == 1
    assert uninjected(injected(text)) == text


def test_a_status_that_is_not_a_pod_s_is_the_user_s_own() -> None:
    """A Deployment may carry any annotation itself; the record is its pod template's."""
    own = '{"original":{}}'
    text = (
        f"kind: Deployment\nmetadata: {{name: shop, annotations: {{sidecar.istio.io/status: '{own}'}}}}\nspec:\n"
        "  template: {spec: {containers: [{name: app, image: x}]}}\n"
    )
    once = injected(text)
    assert yaml.safe_load(once)["metadata"]["annotations"] == {"sidecar.istio.io/status": own}
    assert uninjected(once) == text
