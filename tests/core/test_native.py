"""When sidecars are native ones (reference 3.7)."""

from typing import Any

import pytest

from injector.core.native import detect


def node(version: Any, name: str = "n") -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"nodeInfo": {"kubeletVersion": version}}}


NEW, OLD = node("v1.33.0", "new"), node("v1.32.9", "old")

VERSIONS = [
    ("v1.33.0", True),
    ("v1.34.1-gke.100", True),
    ("1.33", True),
    ("v1.33.0+k3s1", True),
    ("v2.33.0", True),
    ("v2.1.0", False),
    ("v1.32.12", False),
    ("", False),
    (None, False),
    ("latest", False),
    ("v1", False),
    ("v1.x", False),
]


@pytest.mark.parametrize(("version", "native"), VERSIONS)
def test_only_the_minor_version_counts_and_it_has_to_be_readable(version: Any, native: bool) -> None:
    assert detect("auto", (node(version),), "") is native


@pytest.mark.parametrize(
    ("mode", "nodes", "node_name", "native"),
    [
        ("enabled", None, "", True),
        ("enabled", (OLD,), "old", True),
        ("disabled", (NEW,), "", False),
        ("auto", None, "", False),
        ("auto", (), "", True),
        ("auto", (NEW, NEW), "", True),
        ("auto", (NEW, OLD), "", False),
        ("auto", (NEW, OLD), "new", True),
        ("auto", (NEW, OLD), "old", False),
        ("auto", (NEW, OLD), "unknown", False),
        ("auto", ({},), "", False),
    ],
)
def test_the_mode_and_in_it_the_nodes_decide(mode: str, nodes: Any, node_name: str, native: bool) -> None:
    assert detect(mode, nodes, node_name) is native
