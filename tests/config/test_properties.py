"""What holds for every configuration, whatever stands in it."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.config import ConfigFaults, Fault, load
from injector.config.keys import MESH_KEYS, NATIVE_KEYS, VALUES_KEYS, Key
from injector.config.places import deep_merge, nested
from tests.thoroughness import tried

_SCALARS = st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(["", "a", "8080", "sidecar", "{{ x }}"])
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "key"]), inner, max_size=3)
    ),
    max_leaves=5,
)
_KINDS = st.sampled_from(["IstioOperator", "IstioControlPlane", "ConfigMap", "List"])


def _paths(prefix: tuple[str, ...], table: tuple[Key, ...]) -> list[tuple[str, ...]]:
    return [(*prefix, *key.path[:depth]) for key in table for depth in range(1, len(key.path) + 1)]


_PATHS = [*_paths((), NATIVE_KEYS), *_paths(("values",), VALUES_KEYS), *_paths(("meshConfig",), MESH_KEYS)]
_NATIVE = st.lists(st.tuples(st.sampled_from(_PATHS), _ANYTHING), max_size=5)


def _document(settings_of_keys: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, value in settings_of_keys:
        document = deep_merge(document, nested(path, value))
    return document


def _is_loaded_or_refused(document: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "config.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        faults = _faults(path)
        assert all(fault.file == str(path) and fault.message for fault in faults)


def _faults(path: Path) -> tuple[Fault, ...]:
    try:
        load([path])
    except ConfigFaults as refused:
        return refused.faults
    return ()


@tried(150)
@given(_NATIVE)
def test_any_value_of_any_key_is_loaded_or_refused_with_its_place(
    assignments: list[tuple[tuple[str, ...], Any]],
) -> None:
    """No value makes the loader itself break."""
    _is_loaded_or_refused(_document(assignments))


@tried(150)
@given(_KINDS, _NATIVE, st.sampled_from(["spec", "data", "items"]), st.booleans())
def test_any_foreign_document_is_loaded_or_refused_with_its_place(
    kind: str, assignments: list[tuple[tuple[str, ...], Any]], where: str, as_text: bool
) -> None:
    """The same for the documents of an installation, whose parts may be text that holds YAML."""
    content: dict[str, Any] = _document(assignments)
    if as_text:
        names = {"mesh": "meshConfig", "values": "values"}
        content = {name: yaml.safe_dump(content.get(key)) for name, key in names.items()}
        content["config"] = yaml.safe_dump(_document(assignments))
    _is_loaded_or_refused({"apiVersion": "install.istio.io/v1alpha1", "kind": kind, where: content})
