"""Where previews wait for their turn, and the thread that works on them.

The webhook goes first: previews are worked on one after the other, in slices between which the event loop has its turn.
"""

import asyncio
import pickle
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Annotated, Any, TypeAlias, TypeVar

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from injector.core.cache import Cache
from injector.core.errors import Fault, InjectorError
from injector.core.yaml.bounds import REQUEST
from injector.manifests.workloads import CREATED_FROM, pod_places
from injector.reports.documents import Document, UnreadableInputError, read_documents
from injector.reports.evaluate import DEFAULT_NAMESPACE, PreviewOptions, parse_labels
from injector.server.isolation import Budget, FailedError, OutOfBudgetError, OwnProcess
from injector.server.limits import Limits
from injector.server.origin import refuse_other_sites
from injector.server.preview_items import Configure, PreviewItems, Question, Rehearsal, Trial
from injector.server.request_body import Reception, RequestRefused
from injector.server.state import Service, State

# What `POST /preview` takes and answers, as OpenAPI describes it. Source: https://spec.openapis.org/oas/v3.1.0

MEDIA_TYPES = ("application/json", "application/yaml", "application/x-yaml", "text/yaml")

_OBJECT: dict[str, Any] = {"type": "object"}
_POD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "metadata": _OBJECT,
        "spec": {"type": "object", "properties": {"containers": {"type": "array", "items": _OBJECT}}},
    },
}
_WORKLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"anyOf": [{"enum": sorted(CREATED_FROM)}, {"type": "string"}]},
        "metadata": _OBJECT,
        "spec": {"anyOf": [_POD["properties"]["spec"], {"type": "object", "properties": {"template": _POD}}]},
    },
}
_ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["object", "decision", "patch", "diff", "result", "warnings"],
    "properties": {
        "object": {**_OBJECT, "description": "the workload as given"},
        "namespace": {"type": "string"},
        "path": {"type": "string", "description": "where the pod template is in `object`; empty for a pod itself"},
        "line": {"type": "integer", "description": "the line on which the YAML document of `object` begins"},
        "decision": {
            "type": "object",
            "required": ["inject", "reason", "message", "trace"],
            "properties": {
                "inject": {"type": "boolean"},
                "reason": {"type": "string"},
                "message": {"type": "string"},
                "trace": {"type": "array", "items": _OBJECT, "description": "every rule looked at, in order"},
            },
        },
        "allowed": {"type": "boolean", "description": "false: the pod would be refused, `error` says why"},
        "error": {"type": "string"},
        "templates": {"type": "array", "items": {"type": "string"}},
        "patch": {"type": "array", "items": _OBJECT, "description": "JSON Patch from `object` to `result`"},
        "diff": {"type": "string", "description": "the change as text, grouped"},
        "result": {**_OBJECT, "description": "the workload whose pods come out injected"},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "capture": {"type": "string", "description": "the redirection rules of the pod, if it has any of this project"},
        "origins": {
            "type": "array",
            "items": _OBJECT,
            "description": "with `origins=true`, of each added field: `path`, `value`, and the `template`, `line` and "
            "`text` that wrote it; `annotations` have a `name`, and `set` where the pod has them. Without a template "
            "the injection itself adds the field",
        },
    },
}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": "workloads in YAML or JSON: several documents, Lists; Namespaces and Nodes count as the cluster's",
    "content": {
        media_type: {"schema": _WORKLOAD if media_type == "application/json" else {"type": "string"}}
        for media_type in MEDIA_TYPES
    },
}
TRIAL_TEXTS = ("workloads", "configuration")
TRIAL_BODY: dict[str, Any] = {
    "required": True,
    "description": "workloads, and a configuration as `-c` takes it, both as text",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": list(TRIAL_TEXTS),
                "properties": {name: {"type": "string"} for name in TRIAL_TEXTS},
            }
        }
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "one item for each workload",
        "content": {"application/json": {"schema": {"type": "array", "items": _ITEM}}},
    },
    400: {"description": "no body, or one that holds no Kubernetes objects"},
    408: {"description": "the body did not arrive in time"},
    403: {"description": "asked by a page of another site, or under a name that is not this server's"},
    413: {"description": "the body, the answer, or the number of workloads is over the limit"},
    415: {"description": f"a Content-Type other than {', '.join(MEDIA_TYPES)}"},
    503: {"description": "too many previews are waiting, or this one takes too long"},
}


# Long work in a thread beside the event loop, in slices, so that the loop never waits for more than one of them. A
# thread that computes lets the loop run only every few milliseconds, each time the loop asks for it, and a request
# asks several times. So after each slice the thread waits until the loop has taken care of what had come in.
# https://docs.python.org/3/library/sys.html#sys.setswitchinterval

_SLICE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 5.0
_CHUNK_BYTES = 65_536

Result = TypeVar("Result")


class OutOfTimeError(Exception):
    """The work took longer than it may; the message says how long that is."""


class Slices:
    """Time for work in a thread: `seconds` altogether from now on, beside the event loop `loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Start the clock."""
        self._loop, self._seconds = loop, seconds
        self._until = monotonic() + seconds

    def of(self, work: Iterable[Result]) -> Iterator[Result]:
        """The results of `work`, with a pause after each slice. Raises OutOfTimeError; call it in the thread."""
        ends = monotonic() + _SLICE_SECONDS
        for result in work:
            yield result
            now = monotonic()
            if now > self._until:
                raise OutOfTimeError(f"this takes longer than {self._seconds:g} s: send less at once")
            if now > ends:
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(_LONGEST_PAUSE_SECONDS)
                ends = monotonic() + _SLICE_SECONDS


async def array_of(items: list[bytes]) -> AsyncIterator[bytes]:
    """The JSON array of `items`, themselves JSON, in chunks, with a turn for others between them."""
    held, size = [b"["], 1
    for place, item in enumerate(items):
        held += [b"," if place else b"", item]
        size += len(item)
        if size > _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
            await asyncio.sleep(0)
    yield b"".join((*held, b"]"))


@dataclass(frozen=True, slots=True)
class PreviewLimits:
    """What previews may take: workloads in one, seconds, previews that wait, bytes of an answer; what bodies may.

    `trial`: seconds until a configuration that is tried is ready.
    """

    workloads: int = 1000
    seconds: float = 5.0
    trial: float = 30.0
    waiting: int = 8
    answer: int = 67_108_864
    bodies: Limits = field(default_factory=lambda: Limits(body=1_572_864))


class Desk:
    """Where previews wait for their turn, and the thread that works on them."""

    def __init__(self, limits: PreviewLimits, *, any_host: bool = False, is_apart: bool = False) -> None:
        """Work within `limits`; with `any_host` for requests to whatever name this server is called by.

        `is_apart`: previews have a process of their own, since reviews are answered in this one.
        """
        self._limits, self._any_host, self._is_apart = limits, any_host, is_apart
        self._reception = Reception(limits.bodies)
        self._items = PreviewItems()
        self._trial: Trial | None = None
        self._apart: OwnProcess | None = None
        self._rehearsal: Rehearsal | None = None
        self._state: State | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preview")
        self._waiting = 0

    @property
    def caches(self) -> tuple[Cache[Any, Any], ...]:
        """What is kept from one preview to the next."""
        return self._items.caches

    async def text_of(self, request: Request) -> str:
        """The text in the body of `request`. Raises RequestRefused, for a large body before it is read."""
        refuse_other_sites(request.scope, any_host=self._any_host)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES:
            raise RequestRefused(415, f"invalid Content-Type {media_type!r}, want one of {', '.join(MEDIA_TYPES)}")
        body = await self._reception.body(request.scope, request.receive)
        if not body.strip():
            raise RequestRefused(400, "no body found: expected Kubernetes objects in YAML or JSON")
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise RequestRefused(
                400, "the body is not UTF-8 text: expected Kubernetes objects in YAML or JSON"
            ) from None

    async def answer(self, text: str, question: Question, state: State) -> list[bytes]:
        """The items of the answer, each as JSON. Raises RequestRefused."""
        work = self._work_apart if self._is_apart else self._work
        try:
            return await self._in_turn(work, text, question, state, asyncio.get_running_loop())
        except RequestRefused:
            raise
        except Exception as error:
            failed = _failed(error)
            raise RequestRefused(failed.status, str(failed)) from error

    async def _in_turn(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Work in the thread, after what waits there. Raises RequestRefused where too much does."""
        if self._waiting >= self._limits.waiting:
            raise RequestRefused(503, f"busy: {self._waiting} previews are waiting; try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        finally:
            self._waiting -= 1

    async def tried(self, configuration: str, configure: Configure) -> Trial:
        """The trial of `configuration`; the last one is kept.

        Raises InjectorError for one that cannot be used, RequestRefused for one that takes too much to tell.
        """
        if self._trial is None or self._trial.configuration != configuration:
            self._rehearsal = self._rehearsal or Rehearsal(configure, _failed, Budget(self._limits.trial))
            try:
                await self._in_turn(self._rehearsal.refuse_unusable, configuration)
            except FailedError as error:
                raise RequestRefused(error.status, str(error)) from None
            self._trial = Trial(configuration, await self._in_turn(configure, configuration))
        return self._trial

    def _work_apart(self, text: str, question: Question, state: State, _: asyncio.AbstractEventLoop) -> list[bytes]:
        """The same in a process of its own, a copy of this one with `state` in force."""
        budget = Budget(self._limits.seconds)
        if self._apart is None or self._state is not state:
            if self._apart:
                self._apart.end()
            self._apart, self._state = OwnProcess(partial(self._work_on, state), _failed, budget), state
        try:
            return self._apart.ask(pickle.dumps((text, question)))
        except OutOfBudgetError as error:
            limits = f"{budget.seconds:g} s and {budget.memory >> 20} MiB"
            raise RequestRefused(503, f"the preview was given up: {error}; the limits are {limits}") from None

    def _work_on(self, state: State, asked: bytes) -> list[bytes]:
        text, question = pickle.loads(asked)  # noqa: S301 -- written by this program, for its own copy
        documents = self._items.documents(text, lambda each: self._counted(read_documents(each, REQUEST)))
        return list(self._short(self._items.of(documents, question, state)))

    def _work(self, text: str, question: Question, state: State, loop: asyncio.AbstractEventLoop) -> list[bytes]:
        slices = Slices(loop, self._limits.seconds)
        documents = self._items.documents(text, lambda each: slices.of(self._counted(read_documents(each, REQUEST))))
        return list(self._short(slices.of(self._items.of(documents, question, state))))

    def _short(self, items: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for item in items:
            size += len(item)
            if size > self._limits.answer:
                raise RequestRefused(
                    413, f"the answer would be over {self._limits.answer:,} bytes: ask for fewer workloads"
                )
            yield item

    def _counted(self, documents: Iterator[Document]) -> Iterator[Document]:
        found = 0
        for document in documents:
            found += sum(1 for _ in pod_places(document.object))
            if found > self._limits.workloads:
                raise RequestRefused(413, f"too many workloads: the limit is {self._limits.workloads}")
            yield document


def _failed(error: Exception) -> FailedError:
    """What the caller is told of an error."""
    message = " ".join(str(error).split())
    match error:
        case FailedError():
            return error
        case RequestRefused():
            return FailedError(error.status, message)
        case UnreadableInputError():
            return FailedError(400, message)
        case OutOfTimeError():
            return FailedError(503, message)
    return FailedError(500, f"the preview failed: {type(error).__name__}: {message}")


# `POST /preview`: what would be done to the workloads in the body, and why.

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


_Namespace: TypeAlias = Annotated[str, Query(description="where workloads are that name no namespace")]
_Labels: TypeAlias = Annotated[
    str | None, Query(alias="namespaceLabels", description="labels of the namespaces: key=value,key=value")
]
_Whole: TypeAlias = Annotated[
    int | None,
    Query(ge=0, description="only this item, counted from 0, is whole; the others are what a list shows"),
]
_Only: TypeAlias = Annotated[
    int | None, Query(ge=0, description="the answer has this item alone, counted from 0, and it is whole")
]
_Origins: TypeAlias = Annotated[bool, Query(description="whole items say where each added field comes from")]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The query of a preview."""

    namespace: _Namespace = DEFAULT_NAMESPACE
    labels: _Labels = None
    whole: _Whole = None
    only: _Only = None
    origins: _Origins = False

    def question(self, trial: Trial | None = None) -> Question:
        """What is asked of a text. Raises RequestRefused."""
        options = _options(self.namespace, self.labels)
        return Question(options, self.whole, self.only, trial, self.origins)


def preview_route(
    service: Service,
    limits: PreviewLimits | None = None,
    configure: Configure | None = None,
    *,
    any_host: bool = False,
    is_apart: bool = False,
) -> APIRouter:
    """The route `POST /preview`, answering from the state of `service`.

    With `configure` also `POST /preview/configuration`, which tries a configuration of the caller's. To make one ready
    takes more than an answer to a review may: only for a preview with a process of its own. With `any_host` requests
    may be sent to any name: somebody else makes sure that no other site's page can. `is_apart`: previews
    have a process of their own.
    """
    router, desk = APIRouter(), Desk(limits or PreviewLimits(), any_host=any_host, is_apart=is_apart)
    service.more_caches += desk.caches
    if configure:
        _add_trials(router, desk, service, configure)

    @router.post("/preview", openapi_extra={"requestBody": REQUEST_BODY}, responses=ANSWERS, response_model=None)
    async def previewed(request: Request, asked: Annotated[_Asked, Depends()]) -> Response:
        """What would be done to each workload in the body, and why. Nothing is written anywhere."""
        try:
            text = await desk.text_of(request)
            items = await desk.answer(text, asked.question(), service.state)
        except RequestRefused as error:
            return Response(f"{error}\n", error.status, media_type="text/plain")
        return StreamingResponse(array_of(items), media_type="application/json")

    return router


def _add_trials(router: APIRouter, desk: Desk, service: Service, configure: Configure) -> None:
    @router.post("/preview/configuration", openapi_extra={"requestBody": TRIAL_BODY}, response_model=None)
    async def tried(request: Request, asked: Annotated[_Asked, Depends()]) -> Response:
        """What a configuration of the caller's would do to each workload, and what the one in force does.

        The answer has `faults` of the configuration, each with `line` and `message`, or `items`.
        """
        try:
            workloads, configuration = _trial_of(await desk.text_of(request))
            trial = await desk.tried(configuration, configure)
            items = await desk.answer(workloads, asked.question(trial), service.state)
        except RequestRefused as error:
            return Response(f"{error}\n", error.status, media_type="text/plain")
        except InjectorError as error:
            faults = [{"line": fault.line, "message": _without_file(fault)} for fault in error.faults]
            return Response(orjson.dumps({"faults": faults}), media_type="application/json")
        body = b'{"faults":[],"items":[%b]}' % b",".join(items)
        return Response(body, media_type="application/json")


def _trial_of(text: str) -> tuple[str, str]:
    try:
        given = orjson.loads(text)
        workloads, configuration = given["workloads"], given["configuration"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        raise RequestRefused(400, f"expected a JSON object with the texts {', '.join(TRIAL_TEXTS)}") from None
    if not isinstance(workloads, str) or not isinstance(configuration, str):
        raise RequestRefused(400, f"{' and '.join(TRIAL_TEXTS)} must be strings")
    return workloads, configuration


def _without_file(fault: Fault) -> str:
    return ": ".join(part for part in (fault.path, fault.message) if part)


def _options(namespace: str, labels: str | None) -> PreviewOptions:
    if not _NAMESPACE.fullmatch(namespace):
        raise RequestRefused(400, f"namespace {namespace[:80]!r} is no namespace: expected letters a-z, digits and -")
    try:
        return PreviewOptions(namespace, None if labels is None else parse_labels(labels))
    except ValueError as error:
        raise RequestRefused(400, str(error)) from error
