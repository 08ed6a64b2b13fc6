"""The sample `custom-template`, a tutorial for templates of one's own: a hand-written sidecar with everything in it."""

import yaml

from injector.config import load
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod
from injector.core.setup import set_up
from injector.manifests import injection, rewrite
from tests.support import REPOSITORY, container_of
from tests.templates.injecting import volume_of

SAMPLE = REPOSITORY / "samples" / "custom-template"


def injected_sample() -> tuple[JsonObject, Pod]:
    """The ConfigMap of the sample, and the pod that its Deployment has after injection."""
    setup = set_up(load([SAMPLE / "injector.yaml"]).config)
    text = (SAMPLE / "app.yaml").read_text(encoding="utf-8")
    result = rewrite(text, "app.yaml", injection(setup, EMPTY_SNAPSHOT)).text
    config_map, deployment = yaml.safe_load_all(result)
    return config_map, deployment["spec"]["template"]


def test_the_sidecar_has_all_that_a_sidecar_may_have() -> None:
    _, pod = injected_sample()
    sidecar = container_of(pod, "audit")
    context = sidecar["securityContext"]
    assert (context["privileged"], context["runAsUser"]) == (True, 1337)
    assert sidecar["image"].endswith("/audit:1.4.2")
    assert {"requests", "limits"} <= sidecar["resources"].keys()
    assert {each["name"]: each["containerPort"] for each in sidecar["ports"]}["audit-status"] == 15020
    assert sidecar["readinessProbe"]["httpGet"] == {"path": "/healthz/ready", "port": 15020}
    assert sidecar["livenessProbe"]["httpGet"]["port"] == 15020


def test_its_volumes_are_a_config_map_that_exists_the_node_s_and_an_empty_one() -> None:
    config_map, pod = injected_sample()
    assert volume_of(pod, "audit-config") == {"configMap": {"name": config_map["metadata"]["name"]}}
    assert "hostPath" in volume_of(pod, "audit-node-log")
    assert "emptyDir" in volume_of(pod, "audit-buffer")
    mounted = {each["name"] for each in container_of(pod, "audit")["volumeMounts"]}
    assert mounted == {each["name"] for each in pod["spec"]["volumes"]}


def test_an_annotation_is_only_text() -> None:
    _, pod = injected_sample()
    assert '--topic=orders: "paid"' in container_of(pod, "audit")["args"]


def test_nobody_is_told_to_scrape_the_sidecar_for_istio_s_metrics() -> None:
    """Port 15020 is the sidecar's own: Prometheus would find nothing below `/stats/prometheus`."""
    _, pod = injected_sample()
    assert not [name for name in pod["metadata"]["annotations"] if name.startswith("prometheus.io/")]
