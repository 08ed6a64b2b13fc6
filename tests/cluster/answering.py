"""A stand-in for the API server: what it answers, request by request, is written down by the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from injector.cluster.api import ApiServer
from tests.cluster.listening import Asked, Reply, api_server


@dataclass
class Scripted:
    """Answers in order: a JSON document, a list of watch events, an HTTP status, or a reply; the last is repeated."""

    answers: list[Any]
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def answering(*answers: Any) -> Iterator[tuple[ApiServer, Scripted]]:
    """A connection to a server that gives `answers`, and what it was asked."""
    script = Scripted(list(answers))

    def answer(asked: Asked) -> Reply | tuple[int, list[Any]]:
        script.requests.append((asked.method, asked.path, asked.query, asked.body))
        found = script.next()
        if isinstance(found, Reply):
            return found
        status = found if isinstance(found, int) else 200
        return status, found if isinstance(found, list) else [{"code": status} if status != 200 else found]

    with api_server(answer) as server:
        yield server, script


def listed(version: str, *names: str) -> Any:
    """A list of namespaces at a resource version."""
    return {"metadata": {"resourceVersion": version}, "items": [{"metadata": {"name": name}} for name in names]}


def event(kind: str, name: str, version: str) -> Any:
    """A watch event about a namespace."""
    return {"type": kind, "object": {"kind": "Namespace", "metadata": {"name": name, "resourceVersion": version}}}


def gone() -> Any:
    """The event that says that a resource version is no longer kept."""
    return {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
