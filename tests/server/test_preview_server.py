"""The preview behind its door: nothing of it is answered to who may not ask."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from injector.core.model import EMPTY_SNAPSHOT
from injector.server.preview_server import Door, create_preview_app
from injector.server.state import Service, State
from tests.support import default_setup

POD = "{apiVersion: v1, kind: Pod, metadata: {name: shop}, spec: {containers: [{name: app, image: x}]}}"
YAML = {"Content-Type": "application/yaml"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door says."""

    status: int
    message: str


def door(token: str) -> Answer:
    return {"": Answer(401, "who?"), "good": Answer(200, "")}.get(token, Answer(403, "not you"))


def answered(method: str, path: str, guard: Door | None = door, **request: Any) -> httpx.Response:
    app = create_preview_app(Service(State(default_setup(), EMPTY_SNAPSHOT)), guard)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://preview") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic Z29vZA=="}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer bad"}, 403),
        ({"Authorization": "Bearer good"}, 200),
        ({"Authorization": "bearer good"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/", "/page/main.js", "/openapi.json"])
def test_every_path_needs_a_token_that_may(headers: dict[str, str], status: int, path: str) -> None:
    response = answered("GET", path, headers=headers)
    assert response.status_code == status
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.text == "who?\n"


def test_who_may_gets_a_preview() -> None:
    response = answered("POST", "/preview", content=POD, headers={**YAML, "Authorization": "Bearer good"})
    assert response.json()[0]["decision"]["inject"] is True
    assert answered("POST", "/preview", content=POD, headers=YAML).status_code == 401


def test_without_a_door_whoever_reaches_it_may_ask() -> None:
    assert answered("POST", "/preview", None, content=POD, headers=YAML).status_code == 200
