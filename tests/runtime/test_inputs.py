"""What `-f` names: files, directories, standard input, and nothing else."""

from pathlib import Path

import pytest

from injector.runtime.errors import InputError, UsageError
from injector.runtime.inputs import read_inputs


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.yaml", "a.yml", "c.json", "README.md", "below/d.yaml"):
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    return tmp_path / "tree"


def test_a_directory_stands_for_its_manifests_in_order(tree: Path) -> None:
    assert [each.text for each in read_inputs([str(tree)])] == ["a.yml", "b.yaml", "c.json"]


def test_further_down_only_when_asked(tree: Path) -> None:
    names = [each.text for each in read_inputs([str(tree / "c.json"), str(tree)], recursive=True)]
    assert names == ["c.json", "a.yml", "b.yaml", "below/d.yaml", "c.json"]


def test_a_directory_without_manifests_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.yaml, \.yml, \.json file; -R looks"):
        read_inputs([str(tmp_path)])


def test_a_missing_file_and_a_binary_one_are_faults(tmp_path: Path) -> None:
    binary = tmp_path / "x.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for name, problem in ((tmp_path / "missing", "No such file"), (binary, "not UTF-8")):
        with pytest.raises(InputError, match=f"{name}: cannot be read: .*{problem}"):
            read_inputs([str(name)])


@pytest.mark.parametrize("url", ["https://example.com/a.yaml", "http://x", "s3://bucket/a"])
def test_a_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="URLs are not read; fetch it first"):
        read_inputs([url])


def test_standard_input_is_read_once() -> None:
    with pytest.raises(UsageError, match="standard input can be read once"):
        read_inputs(["-", "-"])
