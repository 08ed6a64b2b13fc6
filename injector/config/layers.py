"""A layer of configuration: what one document or flag contributes, in the injector's own keys, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from injector.config.faults import Fault, Path
from injector.config.mesh import canonical_mesh
from injector.config.text import Place
from injector.config.trees import deep_merge, find, without
from injector.core.model import JsonObject


@dataclass(frozen=True, slots=True)
class Layer:
    """`native` has the keys of the injector's own configuration; `places` says where a path of it comes from.

    The longest path in `places` that a path begins with decides; the rest of the path is looked up below that place.
    """

    native: JsonObject
    places: Mapping[Path, Place]
    warnings: tuple[Fault, ...] = ()
    from_flag: bool = field(default=False)

    def place(self, path: Path) -> Place:
        """Where `path` of the native document stands in the file."""
        known = max((prefix for prefix in self.places if path[: len(prefix)] == prefix), key=len)
        return self.places[known].below(*path[len(known) :])


def unified(layer: Layer) -> Layer:
    """The layer with one spelling for what has two: `values.meshConfig` is `meshConfig`, whose fields are camelCase.

    Istio's charts take the mesh configuration as one of the values.
    """
    native, places = layer.native, dict(layer.places)
    inside = find(native, ("values", "meshConfig"))
    if isinstance(inside, dict):
        places.setdefault(("meshConfig",), layer.place(("values", "meshConfig")))
        own = native.get("meshConfig")
        native = {**without(native, ("values", "meshConfig"))}
        native["meshConfig"] = deep_merge(inside, own) if isinstance(own, dict) else inside
    if isinstance(native.get("meshConfig"), dict):
        native = {**native, "meshConfig": canonical_mesh(native["meshConfig"])}
    return Layer(native, places, layer.warnings, layer.from_flag)
