"""`injector migrate`, on files that stand in for a cluster with Istio."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.migrating import HUB, SIDECAR, config_map, config_maps, deployment, listed, namespace, webhooks
from tests.cli.running import run

SHOP, PAY, OTHER = namespace("shop", injection="enabled"), namespace("pay", rev="canary"), namespace("other")
CLUSTER = [
    *config_maps(),
    *config_maps("1.30.3", "canary"),
    webhooks(),
    webhooks("istio-sidecar-injector-canary", "canary"),
    webhooks("istio-revision-tag-prod", "canary", **{"istio.io_tag": "prod"}),
    SHOP,
    PAY,
    namespace("tagged", rev="prod"),
    OTHER,
    deployment("shop", "cart"),
    deployment("pay", "money"),
    deployment("tagged", "tag"),
    deployment("other", "alone"),
]


def checked(objects: list[Any], *arguments: str, status: int = 0) -> Any:
    return answered("check", objects, *arguments, status=status)


def planned(objects: list[Any], *arguments: str | Path, status: int = 0) -> Any:
    return answered("plan", objects, *arguments, status=status)


def answered(command: str, objects: list[Any], *arguments: str | Path, status: int = 0) -> Any:
    found = run("migrate", command, "-f", "-", "-o", "json", *arguments, given=listed(objects))
    assert found.returncode == status, found.stderr
    return json.loads(found.stdout)


def test_each_revision_has_its_release_its_tags_and_its_namespaces() -> None:
    default, canary = sorted(checked(CLUSTER)["revisions"], key=lambda each: each["revision"] != "default")
    assert (default["release"], default["namespaces"], default["tags"]) == ("1.28.10", ["shop"], [])
    assert (canary["release"], canary["namespaces"], canary["tags"]) == ("1.30.3", ["pay", "tagged"], ["prod"])
    assert canary["webhookConfigurations"] == ["istio-sidecar-injector-canary", "istio-revision-tag-prod"]
    assert default["unreadable"] == canary["unreadable"] == []
    assert any("istiod-canary.istio-system.svc:15012" in line for line in canary["istiodKeeps"])


def test_a_template_that_cannot_be_read_is_named_with_its_line() -> None:
    objects = [*config_maps(sidecar=f"{SIDECAR}  # {{{{ getHostByName }}}}\n"), webhooks(), SHOP]
    (revision,) = checked(objects, status=1)["revisions"]
    (fault,) = revision["unreadable"]
    assert "ConfigMap istio-system/istio-sidecar-injector" in fault
    assert "getHostByName" in fault
    assert revision["namespaces"] == ["shop"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"config": "policy: [", "values": "{}"}, "ConfigMap istio-system/istio-sidecar-injector"),
        ({"config": "- a", "values": "{}"}, "must hold a mapping"),
        ({"unknown": "a"}, "is not Istio's"),
    ],
)
def test_a_broken_config_map_is_one_line_and_the_others_are_looked_at(data: Any, expected: str) -> None:
    broken = config_map("istio-sidecar-injector-old", **data)
    revisions = {each["revision"]: each for each in checked([*CLUSTER, broken], status=1)["revisions"]}
    (fault,) = revisions["old"]["unreadable"]
    assert expected in fault
    assert revisions["default"]["namespaces"] == ["shop"]


def test_without_istio_that_is_all_there_is_to_say() -> None:
    for command in ("check", "plan"):
        found = run("migrate", command, "-f", "-", given=listed([SHOP]))
        assert found.returncode == 1
        assert found.stderr.startswith("there is no Istio here: no ConfigMap istio-sidecar-injector or ")
        assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "ConfigMap: metadata must be a mapping, got null"),
        (config_map("istio", mesh=5), "ConfigMap: data must map strings to strings"),
        ({**webhooks(), "webhooks": [{"name": "a"}]}, "webhooks must be a list of mappings with a name and a client"),
        ({"kind": "Namespace", "metadata": {"name": "a", "labels": {"a": 1}}}, "labels must map strings to strings"),
    ],
)
def test_an_object_that_cannot_be_one_is_a_fault(broken: Any, expected: str) -> None:
    found = run("migrate", "check", "-f", "-", given=listed([*CLUSTER, broken]))
    assert found.returncode == 1
    assert expected in found.stderr
    assert "Traceback" not in found.stderr


def test_what_webhooks_lead_to_and_was_not_seen_is_said() -> None:
    found = checked([*config_maps(), webhooks(), webhooks("istio-sidecar-injector-new", "new")], status=1)
    assert found["unseen"] == [
        "the ConfigMaps of revision new, which webhook configuration istio-sidecar-injector-new leads to"
    ]


def test_a_release_of_this_injector_for_the_same_pods_is_said() -> None:
    own = webhooks("injector")
    own["metadata"]["labels"] = {"injector/revision": "default"}
    own["webhooks"][0]["clientConfig"]["service"]["name"] = "injector"
    (revision,) = checked([*config_maps(), webhooks(), own], status=1)["revisions"]
    assert revision["rivals"] == ["webhook configuration injector of this injector, revision default"]


def own_configuration(folder: Path, **values: Any) -> Path:
    file = folder / "own.yaml"
    config = {"revision": "beside", "goTemplates": {"sidecar": SIDECAR}, "values": {"global": values}}
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_only_workloads_that_would_change_are_planned(tmp_path: Path) -> None:
    same = own_configuration(tmp_path, hub=HUB, tag="1.30.3")
    plans = {each["revision"]: each for each in planned(CLUSTER, "-c", same)["revisions"]}
    assert plans["canary"]["workloads"] == []
    (group,) = plans["default"]["workloads"]
    assert group["workloads"] == [{"kind": "Deployment", "namespace": "shop", "name": "cart"}]
    assert f"+image: {HUB}/proxyv2:1.30.3" in group["detail"]


def test_what_here_would_not_inject_is_lost(tmp_path: Path) -> None:
    own = own_configuration(tmp_path, hub=HUB, tag="1.28.10")
    objects = [*config_maps(), webhooks(), SHOP, deployment("shop", "cart"), deployment("shop", "tool")]
    (revision,) = planned(objects, "-c", own, "--set", "neverInjectSelector[0].matchLabels.app=tool")["revisions"]
    (group,) = revision["workloads"]
    assert (group["consequence"], [each["name"] for each in group["workloads"]]) == ("lost", ["tool"])


def test_the_commands_lead_there_and_back(tmp_path: Path) -> None:
    own = own_configuration(tmp_path, hub=HUB, tag="1.28.10")
    steps = {
        name: commands for each in planned(CLUSTER, "-c", own)["revisions"] for name, commands in each["steps"].items()
    }
    assert steps["shop"]["there"][0] == "kubectl label namespace shop --overwrite istio.io/rev=beside istio-injection-"
    assert steps["shop"]["back"][0] == "kubectl label namespace shop --overwrite istio-injection=enabled istio.io/rev-"
    assert steps["tagged"]["there"][0] == "kubectl label namespace tagged --overwrite istio.io/rev=beside"
    assert steps["tagged"]["back"][0] == "kubectl label namespace tagged --overwrite istio.io/rev=prod"
    assert steps["pay"]["there"][1:] == ["kubectl rollout restart deployment -n pay"]
    assert "other" not in steps


def test_without_a_configuration_the_pods_that_run_are_held_against_what_its_config_maps_give() -> None:
    objects = [*config_maps(), webhooks(), SHOP]
    stale = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cart-1", "namespace": "shop", "labels": {"app": "cart"}},
        "spec": {"containers": [{"name": "app", "image": "a"}]},
    }
    (revision,) = planned([*objects, stale])["revisions"]
    (finding,) = revision["pods"]["different"]
    assert (finding["problem"], finding["pods"]) == ("missing", ["cart-1"])


def test_pods_of_another_revision_are_left_to_it() -> None:
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a", "namespace": place, "labels": {"app": "a"}},
            "spec": {"containers": [{"name": "app", "image": "a"}]},
        }
        for place in ("shop", "pay", "other")
    ]
    found = {each["revision"]: each["pods"] for each in planned([*CLUSTER, *pods])["revisions"]}
    assert {name: [each["namespace"] for each in pods["different"]] for name, pods in found.items()} == {
        "default": ["shop"],
        "canary": ["pay"],
    }
    assert [pods["count"] for pods in found.values()] == [1, 1]


def test_the_text_says_the_same() -> None:
    said = run("migrate", "plan", "-f", "-", "--set", "revision=beside", given=listed(CLUSTER)).stdout
    assert "Istio 1.28.10 in istio-system, revision default\n" in said
    assert "  kubectl label namespace pay --overwrite istio.io/rev=beside\n" in said
    assert "  kubectl rollout restart deployment -n pay\n" in said
