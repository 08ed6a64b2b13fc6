"""Whatever stands anywhere in a workload, a preview answers: with a result, or with what is wrong."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Snapshot
from injector.reports.evaluate import preview_workload
from injector.reports.render import preview_item, preview_text
from tests.support import default_setup, pod_of

WRONG_VALUES: tuple[Any, ...] = (None, True, -1, 1e300, "", "x", [], [None], [[]], {}, {"": None}, [{}], [{"name": 1}])
CONTAINER: JsonObject = {
    "ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}],
    "securityContext": {
        "capabilities": {"add": ["A"], "drop": ["ALL"]},
        "seccompProfile": {"type": "x"},
        "runAsUser": 1,
    },
}
POD = pod_of(
    container=CONTAINER,
    dnsPolicy="Default",
    initContainers=[{"name": "i", **CONTAINER}],
    volumes=[{"name": "v", "hostPath": {"path": "/"}}],
    securityContext={"sysctls": [{"name": "a"}], "seLinuxOptions": {"type": "t"}},
)
DEPLOYMENT: JsonObject = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "default", "labels": {"a": "b"}, "annotations": {"istio.io/rev": "x"}},
    "spec": {"template": {"metadata": POD["metadata"], "spec": POD["spec"]}},
}
CRON_JOB: JsonObject = {**DEPLOYMENT, "kind": "CronJob", "spec": {"jobTemplate": {"spec": DEPLOYMENT["spec"]}}}
LABELS = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": "restricted"}
SNAPSHOT = Snapshot({"default": {"metadata": {"name": "default", "labels": LABELS}}})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path and path != ("kind",):
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


@pytest.mark.parametrize("document", [DEPLOYMENT, CRON_JOB], ids=lambda document: str(document["kind"]))
def test_a_wrong_value_anywhere_is_answered(document: JsonObject) -> None:
    setup = default_setup()
    for path in places(document):
        for wrong in WRONG_VALUES:
            preview = preview_workload(replaced(document, path, wrong), setup, SNAPSHOT, "default")
            item = orjson.loads(orjson.dumps(preview_item(preview)))
            assert item["object"]["kind"] == document["kind"], (path, wrong)
            assert preview_text(preview)


def test_what_has_no_parts_at_all_is_answered() -> None:
    for kind in ("Pod", "Deployment", "CronJob"):
        preview = preview_workload({"kind": kind}, default_setup(), EMPTY_SNAPSHOT, "default")
        assert preview_item(preview)["allowed"] is False
