"""`POST /preview/configuration`: a configuration is tried beside the one in force, where the preview lets one."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from injector.core.model import EMPTY_SNAPSHOT
from injector.core.setup import Setup
from injector.runtime.preview import try_configuration
from injector.server.preview_api import PreviewLimits, preview_route
from injector.server.preview_server import create_preview_app
from injector.server.state import Service, State
from tests.support import default_setup

POD = "{apiVersion: v1, kind: Pod, metadata: {name: shop}, spec: {containers: [{name: app, image: x}]}}"
OPTED_OUT = "{kind: Pod, metadata: {name: out, labels: {sidecar.istio.io/inject: 'false'}}, spec: {containers: []}}"
URL = "/preview/configuration"


def tried(
    configuration: Any,
    workloads: Any = f"{POD}\n---\n{OPTED_OUT}",
    *,
    configurable: bool = True,
    query: str = "?whole=0",
) -> httpx.Response:
    service = Service(State(default_setup(), EMPTY_SNAPSHOT))
    app = create_preview_app(service, None, try_configuration if configurable else None)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://preview") as client:
            given = {"workloads": workloads, "configuration": configuration}
            return await client.post(f"{URL}{query}", json=given)

    return asyncio.run(ask())


def test_items_say_what_both_configurations_give() -> None:
    answer = tried("policy: disabled")
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["items"]
    assert first["consequence"] == "lost"
    assert first["before"]["decision"]["inject"] is True
    assert first["decision"]["inject"] is False
    assert len(first["before"]["result"]["spec"]["containers"]) == 2
    assert first["result"] == first["object"]
    assert (second["consequence"], "result" in second["before"]) == ("", False)


def test_without_a_choice_every_item_is_whole() -> None:
    items = tried("policy: disabled", query="").json()["items"]
    assert [(item["consequence"], "result" in item["before"], "patch" in item) for item in items] == [
        ("lost", True, True),
        ("", True, True),
    ]


@pytest.mark.parametrize(
    ("configuration", "consequence"),
    [
        ("", ""),
        ("defaultTemplates: [sidecar]", ""),
        ("injectedAnnotations: {a: b}", "changed"),
        ("values: {global: {proxy: {image: other}}}", "changed"),
        ("templates:\n  t: '{{ refuse(\"no\") }}'\ndefaultTemplates: [t]", "refused"),
    ],
)
def test_the_consequence_is_that_of_a_comparison(configuration: str, consequence: str) -> None:
    assert tried(configuration, POD).json()["items"][0]["consequence"] == consequence


@pytest.mark.parametrize(
    ("configuration", "line", "message"),
    [
        ("policy: enabled\npolcy: x\n", 2, "did you mean 'policy'"),
        ("a: [", 2, "not YAML"),
        ("templates:\n  t: |\n    spec:\n      containers:\n      - name: {{ nope }}\n", 5, "unknown name 'nope'"),
        ("templates:\n  t: |\n    spec:\n      contaners: []\n", 4, "contaners"),
        ("meshConfig:\n  defaultConfig:\n    concurrency: many\n", 3, "concurrency"),
    ],
)
def test_every_fault_has_its_line(configuration: str, line: int, message: str) -> None:
    (fault,) = tried(configuration).json()["faults"]
    assert fault["line"] == line
    assert message in fault["message"]


@pytest.mark.parametrize(
    ("configuration", "workloads", "status"),
    [("", "a: [", 400), (7, POD, 400), ("", None, 400), ("", "", 400)],
)
def test_what_is_no_question_is_refused(configuration: Any, workloads: Any, status: int) -> None:
    response = tried(configuration, workloads)
    assert response.status_code == status
    assert response.text.count("\n") == 1


def test_a_process_that_answers_reviews_tries_no_configuration() -> None:
    assert tried("", configurable=False).status_code == 404


def test_a_configuration_that_takes_too_long_is_given_up_and_the_next_is_tried() -> None:
    """Whoever reaches the preview may send one; a thread that works on it for ever would be the last."""

    def configure(text: str) -> Setup:
        while text == "endless":
            pass
        return default_setup()

    router = preview_route(
        Service(State(default_setup(), EMPTY_SNAPSHOT)), PreviewLimits(trial=0.5), configure=configure, any_host=True
    )
    app = FastAPI()
    app.include_router(router)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://preview") as client:
            asked = ({"workloads": POD, "configuration": text} for text in ("endless", "short"))
            return [await client.post(URL, json=each) for each in asked]

    endless, short = asyncio.run(ask())
    assert (endless.status_code, endless.text) == (
        503,
        "the configuration was given up: it takes too long; the limits are 0.5 s and 256 MiB\n",
    )
    assert short.json()["items"][0]["decision"]["inject"]


def test_a_configuration_that_breaks_the_program_is_an_answer() -> None:
    def configure(_: str) -> Setup:
        raise KeyError("unforeseen")

    router = preview_route(Service(State(default_setup(), EMPTY_SNAPSHOT)), configure=configure, any_host=True)
    app = FastAPI()
    app.include_router(router)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://preview") as client:
            return await client.post(URL, json={"workloads": POD, "configuration": ""})

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.text) == (500, "the preview failed: KeyError: 'unforeseen'\n")
