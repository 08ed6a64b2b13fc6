"""Where previews wait for their turn, and the thread that works on them.

The webhook goes first: previews are worked on one after the other, in slices between which the event loop has its turn.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import orjson
from starlette.requests import Request

from injector.reports.documents import Document, UnreadableInputError, read_documents
from injector.reports.evaluate import WORKLOADS, Question, preview
from injector.reports.render import item_of
from injector.server.limits import Limits
from injector.server.preview_description import MEDIA_TYPES
from injector.server.reception import Reception, RequestRefused
from injector.server.slices import OutOfTimeError, Slices
from injector.server.state import State


@dataclass(frozen=True, slots=True)
class PreviewLimits:
    """What previews may take: workloads in one, seconds for the work on it, previews that wait; and what bodies may."""

    workloads: int = 1000
    seconds: float = 5.0
    waiting: int = 8
    bodies: Limits = field(default_factory=Limits)


class Desk:
    """Where previews wait for their turn, and the thread that works on them."""

    def __init__(self, limits: PreviewLimits) -> None:
        """Work within `limits`."""
        self._limits = limits
        self._reception = Reception(limits.bodies)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preview")
        self._waiting = 0

    async def text_of(self, request: Request) -> str:
        """The text in the body of `request`. Raises RequestRefused."""
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
        if self._waiting >= self._limits.waiting:
            raise RequestRefused(503, f"busy: {self._waiting} previews are waiting; try again")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._work, text, question, state, loop)
        except UnreadableInputError as error:
            raise RequestRefused(400, " ".join(str(error).split())) from error
        except OutOfTimeError as error:
            raise RequestRefused(503, str(error)) from error
        except RequestRefused:
            raise
        except Exception as error:
            message = " ".join(str(error).split())
            raise RequestRefused(500, f"the preview failed: {type(error).__name__}: {message}") from error
        finally:
            self._waiting -= 1

    def _work(self, text: str, question: Question, state: State, loop: asyncio.AbstractEventLoop) -> list[bytes]:
        slices = Slices(loop, self._limits.seconds)
        documents = list(slices.of(self._counted(read_documents(text))))
        cases = slices.of(preview(documents, question, state.setup, state.snapshot))
        return list(slices.of(map(orjson.dumps, map(item_of, cases))))

    def _counted(self, documents: Iterator[Document]) -> Iterator[Document]:
        found = 0
        for document in documents:
            found += document.object["kind"] in WORKLOADS
            if found > self._limits.workloads:
                raise RequestRefused(413, f"too many workloads: the limit is {self._limits.workloads}")
            yield document
