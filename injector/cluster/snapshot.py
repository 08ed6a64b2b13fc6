"""The snapshot that a set of objects makes, wherever they come from."""

from collections.abc import Iterable

from injector.core.model import JsonObject, Snapshot


def snapshot_of(
    namespaces: Iterable[JsonObject], nodes: Iterable[JsonObject] | None, proxy_configs: Iterable[JsonObject]
) -> Snapshot:
    """The snapshot of these objects; `nodes` is None where they are not known.

    Of two namespaces with one name the later counts. ProxyConfig resources are ordered by age, those without a time
    stamp first.
    """
    return Snapshot(
        namespaces={each["metadata"]["name"]: each for each in namespaces},
        nodes=None if nodes is None else tuple(nodes),
        proxy_configs=tuple(sorted(proxy_configs, key=_created)),
    )


def _created(resource: JsonObject) -> str:
    return str(resource["metadata"].get("creationTimestamp") or "")
