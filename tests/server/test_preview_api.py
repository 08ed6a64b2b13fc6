"""`POST /preview` over a real connection: what is taken, what is answered, what is turned away."""

import asyncio
from typing import Any

import httpx
import pytest

from injector.reports.evaluate import PreviewOptions
from injector.server.preview_api import Desk, PreviewLimits
from injector.server.preview_items import Question
from injector.server.request_body import RequestRefused
from tests.server.running import Running

POD = "{apiVersion: v1, kind: Pod, metadata: {name: shop}, spec: {containers: [{name: app, image: x}]}}"
YAML = {"Content-Type": "application/yaml"}
AS_YAML = {"headers": YAML}


@pytest.mark.parametrize(
    "content_type",
    ["application/yaml", "text/yaml", "application/x-yaml", "Text/YAML; charset=utf-8"],
)
def test_yaml_is_taken_under_each_of_its_names(client: httpx.Client, content_type: str) -> None:
    response = client.post("/preview", content=f"{POD}\n---\n{POD}", headers={"Content-Type": content_type})
    assert response.headers["content-type"] == "application/json"
    assert [item["decision"]["inject"] for item in response.json()] == [True, True]


def test_json_is_taken_and_an_item_has_what_the_contract_names(client: httpx.Client) -> None:
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}
    (item,) = client.post("/preview", json={"apiVersion": "v1", "kind": "List", "items": [pod]}).json()
    assert {"object", "decision", "patch", "diff", "result", "warnings"} <= item.keys()
    assert {"inject", "reason", "message", "trace"} == item["decision"].keys()
    assert item["object"] == pod


def test_the_query_says_where_the_workload_is(client: httpx.Client) -> None:
    def reason(**query: str) -> Any:
        return client.post("/preview", content=POD, headers=YAML, params=query).json()[0]["decision"]["reason"]

    assert reason(namespace="kube-system") == "IgnoredNamespace"
    assert reason(namespaceLabels="istio-injection=enabled") == "NamespaceLabel"
    assert reason(namespaceLabels="") == "NamespaceNotSelected"


def test_what_is_no_workload_is_passed_over(client: httpx.Client) -> None:
    service = "{apiVersion: v1, kind: Service, metadata: {name: shop}}"
    assert client.post("/preview", content=service, headers=YAML).json() == []


@pytest.mark.parametrize(
    ("content", "sent", "status", "message"),
    [
        (b"", AS_YAML, 400, "no body found"),
        (b" \n", AS_YAML, 400, "no body found"),
        (b"\xff", AS_YAML, 400, "not UTF-8"),
        (b"a: [", AS_YAML, 400, "document 1: line 2: not YAML"),
        (b"{", {"headers": {"Content-Type": "application/json"}}, 400, "document 1"),
        (b"hello", AS_YAML, 400, "expected a Kubernetes object"),
        (b"{kind: Namespace}", AS_YAML, 400, "Namespace without metadata.name"),
        (POD.encode(), {}, 415, "application/yaml"),
        (POD.encode(), {"headers": {"Content-Type": "image/png"}}, 415, "application/yaml"),
        (POD.encode(), {"headers": {"Content-Type": "text/plain"}}, 415, "application/yaml"),
        (b"[" + b"[]," * 100_000 + b"]", AS_YAML, 400, "more than 60,000 values"),
        (POD.encode(), AS_YAML | {"params": {"namespace": "A b"}}, 400, "is no namespace"),
        (POD.encode(), AS_YAML | {"params": {"namespaceLabels": "x"}}, 400, "key=value"),
        (b"#" * 1_572_865, AS_YAML, 413, "1572864"),
        (f"{POD}\n---\n".encode() * 1001, AS_YAML, 413, "too many workloads: the limit is 1000"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_answered_is_one_line(
    client: httpx.Client, content: bytes, sent: dict[str, dict[str, str]], status: int, message: str
) -> None:
    response = client.post("/preview", content=content, **sent)  # type: ignore[arg-type]  # headers and params
    assert response.status_code == status
    assert message in response.text
    assert response.text.count("\n") == 1


def test_one_item_is_whole_and_the_others_are_what_a_list_shows(client: httpx.Client) -> None:
    text = f"{POD}\n---\n# another\n{POD.replace('shop', 'till')}"
    every = client.post("/preview", content=text, headers=YAML).json()
    for whole in (0, 1):
        items = client.post("/preview", content=text, headers=YAML, params={"whole": whole}).json()
        assert [(item["name"], item["line"]) for item in items] == [("shop", 1), ("till", 3)]
        assert every[whole].items() <= items[whole].items()
        assert not {"object", "result", "patch", "diff"} & items[1 - whole].keys()
        assert items[1 - whole]["decision"].items() <= every[1 - whole]["decision"].items()


def test_one_item_is_answered_alone(client: httpx.Client) -> None:
    text = f"{POD}\n---\n# another\n{POD.replace('shop', 'till')}"

    def asked(**query: int) -> Any:
        return client.post("/preview", content=text, headers=YAML, params=query).json()

    assert [asked(only=place) for place in (0, 1, 2)] == [[asked(whole=0)[0]], [asked(whole=1)[1]], []]


def test_a_brief_item_follows_what_surrounds_its_workload(client: httpx.Client) -> None:
    def decided(namespace: str, **query: str | int) -> Any:
        text = f"{POD}\n---\n{{kind: Namespace, metadata: {{name: default, labels: {namespace}}}}}\n---\n{POD}"
        items = client.post("/preview", content=text, headers=YAML, params={"whole": 1, **query}).json()
        return items[0]["decision"]["inject"]

    for labels, injected in (("{istio-injection: enabled}", True), ("{}", False), ("{istio-injection: enabled}", True)):
        assert decided(labels) is injected
    assert decided("{}", namespaceLabels="istio-injection=enabled") is True


@pytest.mark.parametrize(
    ("limits", "message"),
    [(PreviewLimits(seconds=0), "longer than 0 s"), (PreviewLimits(waiting=0), "busy: 0 previews are waiting")],
)
def test_work_and_waiting_are_bounded(running: Running, limits: PreviewLimits, message: str) -> None:
    with pytest.raises(RequestRefused, match=message) as caught:
        asyncio.run(Desk(limits).answer(POD, Question(PreviewOptions()), running.service.state))
    assert caught.value.status == 503


def test_the_description_tells_of_the_preview(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/preview"]["post"]
    assert set(described["requestBody"]["content"]) >= {"application/json", "application/yaml"}
    assert {"200", "400", "413", "415"} <= described["responses"].keys()


def test_whole_items_say_where_fields_come_from_when_asked(client: httpx.Client) -> None:
    def items(**query: Any) -> Any:
        return client.post("/preview", content=f"{POD}\n---\n{POD}", headers=YAML, params=query).json()

    assert not any("origins" in item for item in items())
    first, second = items(origins=True, whole=1)
    assert "origins" not in first
    by_path = {each["path"]: each for each in second["origins"]}
    proxy = next(path for path in by_path if path.endswith("[istio-proxy].image"))
    assert by_path[proxy]["template"] == "sidecar"
    assert "image:" in by_path[proxy]["text"]
    assert "template" not in by_path["metadata.annotations[sidecar.istio.io/status]"]
