"""An API server that has a number of objects, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from injector.cluster import api
from injector.cluster.api import ApiServer, Resource
from tests.cluster.listening import Asked, Reply, api_server

_KINDS = {each.kind: each for each in vars(api).values() if isinstance(each, Resource)}
_KINDS |= {each.kind: each for each in api.WORKLOADS}


@contextmanager
def objects_served(
    documents: Sequence[Any], refused: Mapping[str, int] | None = None, more: Sequence[Resource] = ()
) -> Iterator[ApiServer]:
    """A connection to a server with `documents`; paths of `refused` are answered with a status, `more` kinds known."""
    kinds = {**_KINDS, **{each.kind: each for each in more}}
    single: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    for document in documents:
        resource = kinds.get(document["kind"])
        if resource is None:
            continue
        namespace = document["metadata"].get("namespace") or ""
        single[resource.path(namespace, document["metadata"]["name"])] = document
        for place in {"", namespace}:
            lists.setdefault(resource.path(place), []).append(document)

    def answer(asked: Asked) -> Reply:
        if refused and asked.path in refused:
            return Reply(refused[asked.path], [{"kind": "Status", "message": "not allowed"}])
        if asked.path in single:
            return Reply(200, [single[asked.path]])
        known = any(asked.path.endswith(f"/{each.plural}") for each in kinds.values())
        if asked.path in lists or known:
            return Reply(200, [{"metadata": {}, "items": lists.get(asked.path, [])}])
        return Reply(404, [{"kind": "Status", "message": "not found"}])

    with api_server(answer) as server:
        yield server
