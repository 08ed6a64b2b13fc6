"""YAML that stands for more than there is room for is refused wherever YAML is read, and costs nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from injector.cluster.snapshot_file import SnapshotFaults, read_snapshot
from injector.config import ConfigFaults, load
from injector.core.model import EMPTY_SNAPSHOT
from injector.core.render import RenderingError, TemplateSet
from injector.core.render.functions import FILTERS
from injector.manifests import ManualFaults, injection, rewrite
from injector.reports.documents import UnreadableInputError, read_documents
from tests.support import admitted, default_setup, pod_of

LEVELS = 40


def laughs(last: str) -> str:
    """A text of a few lines that stands for 2**LEVELS values, the mapping `last` holding them all."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, LEVELS))]
    return "\n".join((*lines, last.replace("ALL", f"*a{LEVELS - 1}"), ""))


MERGED = "\n".join(["a0: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, LEVELS)), ""])
LIST = laughs("").replace("a0: ", "- ")
UNBOUNDED = {
    "aliases of lists": laughs("binaryPath: ALL"),
    "aliases in a list of values": laughs("extraStatTags: ALL"),
    "aliases of mappings": laughs("proxyMetadata: {A: ALL}"),
    "merged mappings": MERGED,
    "an alias inside its anchor": "a: &a {b: *a}\n",
    "brackets": "a: " + "[" * 100_000,
    "dashes": "a:\n" + "- " * 100_000,
    "braces": "a: " + "{b: " * 50_000,
}
TOLD = (
    "aliases stand for more than",
    "more than 1,000 values",
    "is too much work to inject",
    "contains itself",
    "an alias stands inside its own anchor",
    "nested deeper than",
    "too deeply",
)


@pytest.fixture(params=list(UNBOUNDED.values()), ids=list(UNBOUNDED))
def text(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def is_told(message: str) -> bool:
    return any(words in message for words in TOLD)


def test_in_an_annotation_it_refuses_the_pod(text: str) -> None:
    admission = admitted(pod_of(annotations={"proxy.istio.io/config": text}), default_setup())
    assert not admission.allowed
    assert "proxy.istio.io/config" in admission.message
    assert is_told(admission.message)
    assert len(admission.message) < 2_000


def test_in_a_template_it_is_a_fault_of_the_template(text: str) -> None:
    with pytest.raises(RenderingError, match="template 't'") as caught:
        TemplateSet({"t": text.replace("{", "{ ")}, FILTERS).render("t", {})
    assert is_told(str(caught.value))


def test_in_a_preview_it_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableInputError) as caught:
        list(read_documents(f"kind: Pod\n{text}"))
    assert is_told(str(caught.value))


def _configuration(file: Path) -> None:
    load([file])


def _snapshot(file: Path) -> None:
    read_snapshot(file)


def _manifest(file: Path) -> None:
    rewrite(file.read_text(encoding="utf-8"), str(file), injection(default_setup(), EMPTY_SNAPSHOT))


@pytest.mark.parametrize("read", [_configuration, _snapshot, _manifest])
def test_in_a_file_it_is_a_fault_of_the_file(text: str, read: Callable[[Path], None], tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(f"kind: Pod\n{text}", encoding="utf-8")
    with pytest.raises((ConfigFaults, SnapshotFaults, ManualFaults)) as caught:
        read(file)
    assert "file.yaml" in str(caught.value)
    assert is_told(str(caught.value))
