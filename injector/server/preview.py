"""`POST /preview`: what would be done to the workloads in the body, and why."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from injector.reports.evaluate import DEFAULT_NAMESPACE, Question, parse_labels
from injector.server.preview_description import ANSWERS, REQUEST_BODY
from injector.server.preview_desk import Desk, PreviewLimits
from injector.server.reception import RequestRefused
from injector.server.slices import array_of
from injector.server.state import Service

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def preview_route(service: Service, limits: PreviewLimits | None = None) -> APIRouter:
    """The route `POST /preview`, answering from the state of `service`."""
    router, desk = APIRouter(), Desk(limits or PreviewLimits())

    @router.post("/preview", openapi_extra={"requestBody": REQUEST_BODY}, responses=ANSWERS, response_model=None)
    async def previewed(
        request: Request,
        namespace: Annotated[str, Query(description="where workloads are that name no namespace")] = DEFAULT_NAMESPACE,
        labels: Annotated[
            str | None, Query(alias="namespaceLabels", description="labels of the namespaces: key=value,key=value")
        ] = None,
    ) -> Response:
        """What would be done to each workload in the body, and why. Nothing is written anywhere."""
        try:
            text = await desk.text_of(request)
            items = await desk.answer(text, _question(namespace, labels), service.state)
        except RequestRefused as error:
            return Response(f"{error}\n", error.status, media_type="text/plain")
        return StreamingResponse(array_of(items), media_type="application/json")

    return router


def _question(namespace: str, labels: str | None) -> Question:
    if not _NAMESPACE.fullmatch(namespace):
        raise RequestRefused(400, f"namespace {namespace[:80]!r} is no namespace: expected letters a-z, digits and -")
    try:
        return Question(namespace, None if labels is None else parse_labels(labels))
    except ValueError as error:
        raise RequestRefused(400, str(error)) from error
