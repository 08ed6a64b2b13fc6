"""`POST /preview/configuration`: a configuration is tried beside the one in force, where the preview lets one."""

import asyncio
from typing import Any

import httpx
import pytest

from injector.core.model import EMPTY_SNAPSHOT
from injector.runtime.preview import try_configuration
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
    first, second = tried("policy: disabled").json()["items"]
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
