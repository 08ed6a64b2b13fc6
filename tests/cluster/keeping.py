"""A stand-in for the API server that keeps objects: resource versions, conflicts, patches, and watches."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, NamedTuple

from injector.cluster.api import ApiServer
from tests.cluster.listening import Asked, Reply, api_server

_APPLY = "application/apply-patch+yaml"


class Change(NamedTuple):
    """Something that happened to the object at `path`, in the form of a watch event."""

    version: int
    path: str
    event: dict[str, Any]


@dataclass
class Keeper:
    """Objects by the path of their URL.

    `refusing`: HTTP status or reply by method, path, or path and `?watch`, in place of doing anything.
    """

    objects: dict[str, Any] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    refusing: dict[str, int | Reply] = field(default_factory=dict)
    _before: list[tuple[str, str, Callable[[], object]]] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)
    _closed: bool = False
    _interruptions: int = 0

    def before(self, method: str, action: Callable[[], object], path: str = "") -> None:
        """Have `action` happen once, just before the next request of `method` (to `path`) is dealt with."""
        self._before.append((method, path, action))

    def put(self, path: str, document: Any) -> None:
        """Somebody else writes an object, whatever is there."""
        with self._changed:
            self._keep(path, json.loads(json.dumps(document)))

    def remove(self, path: str) -> None:
        """Somebody else deletes an object."""
        with self._changed:
            gone = self.objects.pop(path)
            self._note(path, "DELETED", gone)

    def asked(self, *methods: str) -> list[Asked]:
        """The requests of `methods` until now."""
        return [each for each in self.requests if each.method in methods]

    def close(self) -> None:
        """End all watches."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def interrupt(self) -> None:
        """End the watches in progress."""
        with self._changed:
            self._interruptions += 1
            self._changed.notify_all()

    def answer(self, asked: Asked) -> Reply:
        """What the API server says: a document, or the events of a watch."""
        waiting = next((each for each in self._before if each[0] == asked.method and each[1] in ("", asked.path)), None)
        if waiting:
            self._before.remove(waiting)
            waiting[2]()
        with self._changed:
            self.requests.append(asked)
            refused = self._refusal(asked) or self._obstacle(asked)
            if refused:
                return refused if isinstance(refused, Reply) else Reply(refused, [_status(refused)])
            return Reply(
                200, self.events(asked, self._interruptions) if asked.query.get("watch") else [self._done(asked)]
            )

    def _refusal(self, asked: Asked) -> int | Reply | None:
        path = f"{asked.path}?watch" if asked.query.get("watch") else asked.path
        return next((self.refusing[each] for each in (asked.method, path, asked.path) if each in self.refusing), None)

    def events(self, asked: Asked, interruptions: int) -> Iterator[Any]:
        """The events of a watch, as they happen, until there are more than so many `interruptions`."""
        version = int(asked.query["resourceVersion"])
        while True:
            with self._changed:
                fresh = [each for each in self._changes if each.version > version and _is_meant(each.path, asked)]
                if self._closed or self._interruptions > interruptions:
                    return
                if not fresh:
                    self._changed.wait()
                    continue
            for change in fresh:
                version = change.version
                yield change.event

    def _obstacle(self, asked: Asked) -> int:
        if asked.method == "POST":
            return 409 if f"{asked.path}/{asked.body['metadata']['name']}" in self.objects else 0
        if _is_collection(asked.path):
            return 0
        kept = self.objects.get(asked.path)
        if kept is None:
            return 404
        given = ((asked.body or {}).get("metadata") or {}).get("resourceVersion")
        return 409 if given not in (None, kept["metadata"]["resourceVersion"]) else 0

    def _done(self, asked: Asked) -> Any:
        if asked.method == "GET":
            return self.objects.get(asked.path) or self._listing(asked)
        if asked.method == "POST":
            return self._keep(f"{asked.path}/{asked.body['metadata']['name']}", asked.body)
        if asked.method == "PUT":
            return self._keep(asked.path, asked.body)
        kept = self.objects[asked.path]
        if asked.content_type != _APPLY:
            return self._keep(asked.path, merged(kept, asked.body))
        managers = [*kept["metadata"].get("managedFields", ()), {"manager": asked.query["fieldManager"]}]
        document = applied(kept, asked.body)
        return self._keep(asked.path, {**document, "metadata": {**document["metadata"], "managedFields": managers}})

    def _listing(self, asked: Asked) -> Any:
        items = [found for path, found in self.objects.items() if _is_meant(path, asked) and _is_selected(found, asked)]
        return {"metadata": {"resourceVersion": str(len(self._changes))}, "items": items}

    def _keep(self, path: str, document: Any) -> Any:
        known = self.objects.get(path)
        version = str(len(self._changes) + 1)
        uid = known["metadata"]["uid"] if known else f"uid-{version}"
        metadata = {**document["metadata"], "resourceVersion": version, "uid": uid}
        self.objects[path] = {**document, "metadata": metadata}
        self._note(path, "MODIFIED" if known else "ADDED", self.objects[path])
        return self.objects[path]

    def _note(self, path: str, kind: str, document: Any) -> None:
        version = len(self._changes) + 1
        metadata = {**document["metadata"], "resourceVersion": str(version)}
        self._changes.append(Change(version, path, {"type": kind, "object": {**document, "metadata": metadata}}))
        self._changed.notify_all()


@contextmanager
def keeping() -> Iterator[tuple[ApiServer, Keeper]]:
    """A connection to an API server that keeps what it is given, and what is behind it."""
    keeper = Keeper()
    with api_server(keeper.answer) as server:
        try:
            yield server, keeper
        finally:
            keeper.close()


def merged(kept: Any, patch: Any) -> Any:
    """`kept` with a merge patch in it (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    base = kept if isinstance(kept, dict) else {}
    joined = {**base, **{key: merged(base.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in joined.items() if value is not None}


def applied(kept: Any, given: Any) -> Any:
    """`kept` with what is applied on the server's side in it: lists of named things are joined by their names."""
    if isinstance(kept, dict) and isinstance(given, dict):
        return {**kept, **{key: applied(kept.get(key), value) for key, value in given.items()}}
    if isinstance(kept, list) and given and all("name" in each for each in given):
        named = {each["name"]: each for each in given}
        known = [applied(each, named[each["name"]]) if each["name"] in named else each for each in kept]
        return [*known, *(each for each in given if each["name"] not in {one["name"] for one in kept})]
    return given


def _is_meant(path: str, asked: Asked) -> bool:
    collection, _, name = path.rpartition("/")
    wanted = asked.query.get("fieldSelector", "").removeprefix("metadata.name=")
    return collection == asked.path and wanted in ("", name)


def _is_selected(document: Any, asked: Asked) -> bool:
    key, _, value = asked.query.get("labelSelector", "").partition("=")
    return not key or (document["metadata"].get("labels") or {}).get(key) == value


def _is_collection(path: str) -> bool:
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    return len(rest[2:] if rest[0] == "namespaces" and len(rest) > 2 else rest) == 1


def _status(code: int) -> Any:
    return {"kind": "Status", "code": code, "message": f"refused with {code}"}
