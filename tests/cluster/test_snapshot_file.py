"""A file that stands in for the cluster."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from injector.cluster.snapshot_file import SnapshotFaults, read_snapshot


def _written(directory: Path, text: str) -> Path:
    path = directory / "snapshot.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


LIST = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
- {apiVersion: v1, kind: Node, metadata: {name: n1}, status: {nodeInfo: {kubeletVersion: v1.33.0}}}
- {apiVersion: v1, kind: Pod, metadata: {}}
- {apiVersion: other.example/v1, kind: Node, metadata: {name: not-a-node}}
- apiVersion: networking.istio.io/v1beta1
  kind: ProxyConfig
  metadata: {name: young, namespace: shop, creationTimestamp: 2026-02-01T00:00:00Z}
- apiVersion: networking.istio.io/v1beta1
  kind: ProxyConfig
  metadata: {name: old, namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z}
"""


def test_a_list_is_read_and_other_kinds_are_ignored(tmp_path: Path) -> None:
    """Namespaces by name, nodes, and ProxyConfig resources with the oldest first; time stamps stay text."""
    snapshot = read_snapshot(_written(tmp_path, LIST))
    assert snapshot.namespaces["shop"]["metadata"]["labels"] == {"istio-injection": "enabled"}
    assert [node["metadata"]["name"] for node in snapshot.nodes or ()] == ["n1"]
    assert [resource["metadata"]["name"] for resource in snapshot.proxy_configs] == ["old", "young"]
    assert snapshot.proxy_configs[0]["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


def test_several_documents_are_read(tmp_path: Path) -> None:
    """Empty ones between them do not matter."""
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n---\n"
    assert set(read_snapshot(_written(tmp_path, text % "a" + "---\n" + text % "b")).namespaces) == {"a", "b"}


def test_json_is_read(tmp_path: Path) -> None:
    """What `kubectl get namespaces -o json` prints, and a NamespaceList of the API server without item kinds."""
    document = {"apiVersion": "v1", "kind": "NamespaceList", "items": [{"metadata": {"name": "a"}}]}
    path = _written(tmp_path, json.dumps(document, indent="\t"))
    assert set(read_snapshot(path).namespaces) == {"a"}


def test_a_file_without_nodes_is_a_cluster_without_nodes(tmp_path: Path) -> None:
    """The file is the whole cluster: nodes are known, there are none."""
    assert read_snapshot(_written(tmp_path, "")).nodes == ()


def test_all_broken_documents_are_told_at_once(tmp_path: Path) -> None:
    """Each with file and document."""
    text = """
    apiVersion: v1
    kind: List
    items:
    - {apiVersion: v1, kind: Namespace, metadata: {}}
    - {apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {b: 1}}}
    ---
    {apiVersion: v1, kind: Node, metadata: {name: node, annotations: [x]}, status: 5}
    ---
    just text
    ---
    {metadata: {name: x}}
    ---
    {apiVersion: v1, kind: Node, metadata: {name: node}, status: {nodeInfo: [x]}}
    ---
    {apiVersion: networking.istio.io/v1, kind: ProxyConfig, metadata: {name: p}, spec: {selector: x}}
    """
    path = _written(tmp_path, text)
    with pytest.raises(SnapshotFaults) as caught:
        read_snapshot(path)
    assert [str(fault).removeprefix(f"{path}: ") for fault in caught.value.faults] == [
        "document 1, item 1: Namespace without metadata.name",
        "document 1, item 2: Namespace 'a': metadata.labels must map strings to strings, got {'b': 1}",
        "document 2: Node 'node': metadata.annotations must map strings to strings, got ['x']",
        "document 2: Node 'node': status must be a mapping, got 5",
        "document 3: must be a Kubernetes object, got 'just text'",
        "document 4: has no kind; valid: List, Namespace, Node, ProxyConfig (others are ignored)",
        "document 5: Node 'node': status.nodeInfo must be a mapping, got ['x']",
        "document 6: ProxyConfig 'p': spec.selector must be a mapping, got 'x'",
    ]


@pytest.mark.parametrize(
    ("text", "fault"), [("kind: A\n---\na: ]", "document 2: line 3: not YAML"), ("{]", "document 1: line 1: not YAML")]
)
def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    """With the document, the line and the parser's own words."""
    with pytest.raises(SnapshotFaults, match=f"snapshot.yaml: {fault}: "):
        read_snapshot(_written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(SnapshotFaults, match=r"missing\.yaml: cannot be read: No such file or directory"):
        read_snapshot(tmp_path / "missing.yaml")
