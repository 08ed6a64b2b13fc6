"""Whether the cluster runs native sidecars: init containers that restart (reference 3.7).

Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

import re

from injector.core.model import JsonObject

NATIVE_SINCE_MINOR = 33
_VERSION = re.compile(r"v?[0-9]+\.([0-9]+)(?:[.+-].*)?")


def detect(mode: str, nodes: tuple[JsonObject, ...] | None, node_name: str) -> bool:
    """Whether sidecars are native under `mode`: `enabled`, `disabled`, or `auto`, which asks the nodes.

    A pod that already names a known node asks that one, any other pod asks all. Where nodes is None nothing is known,
    and the answer is no.
    """
    if mode != "auto":
        return mode == "enabled"
    if nodes is None:
        return False
    named = [node for node in nodes if node_name and (node.get("metadata") or {}).get("name") == node_name]
    return all(map(_runs_native_sidecars, named or nodes))


def _runs_native_sidecars(node: JsonObject) -> bool:
    version = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or ""
    parsed = _VERSION.fullmatch(str(version))
    return parsed is not None and int(parsed[1]) >= NATIVE_SINCE_MINOR
