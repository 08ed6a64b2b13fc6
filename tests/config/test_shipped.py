"""Where the shipped templates are found: packaged in a wheel, beside the package in a checkout."""

from pathlib import Path

import pytest

from injector.config.shipped import template_files


def _directory(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text("spec: {}", encoding="utf-8")
    return path


def test_the_packaged_directory_counts_first(tmp_path: Path) -> None:
    """So that a wheel never reads a directory that happens to lie beside it."""
    packaged, checkout = _directory(tmp_path / "a", "sidecar.yaml.j2"), _directory(tmp_path / "b", "other.yaml.j2")
    assert template_files((packaged, checkout)) == {"sidecar": packaged / "sidecar.yaml.j2"}


@pytest.mark.parametrize("packaged", ["missing", "empty"])
def test_the_checkout_s_directory_counts_where_nothing_is_packaged(tmp_path: Path, packaged: str) -> None:
    """An editable install has no packaged directory, or a stale and empty one. Only `*.yaml.j2` are templates."""
    _directory(tmp_path / "empty")
    checkout = _directory(tmp_path / "b", "sidecar.yaml.j2", "_proxy.yaml.j2", "README.md")
    assert set(template_files((tmp_path / packaged, checkout))) == {"sidecar", "_proxy"}


def test_without_any_template_both_directories_are_named(tmp_path: Path) -> None:
    """A broken installation, not a fault of the configuration."""
    with pytest.raises(FileNotFoundError, match=r"a or .*b"):
        template_files((tmp_path / "a", tmp_path / "b"))


def test_the_templates_of_the_contract_are_shipped() -> None:
    """In this very installation."""
    assert {"sidecar", "gateway", "grpc-simple", "grpc-agent"} <= set(template_files())
