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


def test_the_starter_is_there_and_what_is_not_gets_the_nearest() -> None:
    assert gallery_entry(STARTER).name == STARTER
    with pytest.raises(ValueError, match=f"did you mean '{STARTER}'"):
        gallery_entry("minimall")
