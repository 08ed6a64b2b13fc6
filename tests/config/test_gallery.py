"""The gallery: each entry is complete, and can be begun with under another name."""

import pytest

from injector.config import load
from injector.config.gallery import STARTER, gallery, gallery_entry
from injector.config.loader import ConfigText


@pytest.mark.parametrize("name", gallery())
def test_an_entry_under_another_name_is_that_template(name: str) -> None:
    entry = gallery()[name]
    files = entry.files_as("mine")
    config = load([ConfigText("c", files["injector.yaml"])]).config
    original = load([entry.folder / "injector.yaml"]).config
    assert config.default_templates == ("mine",)
    assert config.templates["mine"] == original.templates[name]
    assert {path for path in files if path.endswith(".expected.yaml")}
    assert 20 < len(entry.summary) < 100


def test_an_entry_comes_with_the_objects_that_its_pods_need() -> None:
    assert "config-map.yaml" in gallery_entry("vault-agent").files_as("mine")
    assert "secret.yaml" in gallery_entry("oauth2-proxy").files_as("mine")
    assert set(gallery_entry(STARTER).files_as("mine")) & {"README.md", "config-map.yaml"} == set()


def test_the_starter_is_there_and_what_is_not_gets_the_nearest() -> None:
    assert gallery_entry(STARTER).name == STARTER
    with pytest.raises(ValueError, match=f"did you mean '{STARTER}'"):
        gallery_entry("minimall")
