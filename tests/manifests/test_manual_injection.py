"""Manual injection of one workload: whose metadata counts, what is in force, what is told (reference 3.4, 4.2, 14)."""

from typing import Any

import pytest
import yaml

from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod, Snapshot
from injector.manifests import Rewritten, injection, rewrite
from tests.support import admitted, container_of, env_of, pod_of, setup_with

TEMPLATE = {"spec": {"containers": [{"name": "app", "image": "x"}]}}


def workload(kind: str = "Deployment", namespace: str = "", **template: Any) -> JsonObject:
    """A workload `shop` whose pod template has the fields of `template` too."""
    metadata = {"name": "shop", **({"namespace": namespace} if namespace else {})}
    spec: JsonObject = {"template": {**TEMPLATE, **template}}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {
        "apiVersion": "batch/v1" if kind == "CronJob" else "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def by_hand(document: JsonObject, *sets: str, snapshot: Snapshot = EMPTY_SNAPSHOT) -> Rewritten:
    change = injection(setup_with(*sets), snapshot)
    return rewrite(yaml.safe_dump(document, sort_keys=False), "f.yaml", change)


def pod_in(document: JsonObject, *sets: str) -> Pod:
    """The injected pod template of a workload."""
    found = yaml.safe_load(by_hand(document, *sets).text)
    template: Pod = found["spec"]["template"]
    return template


def proxy_env(pod: Pod) -> dict[str, Any]:
    return env_of(container_of(pod, "istio-proxy"))


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "Job"])
@pytest.mark.parametrize(("namespace", "told"), [("", "default"), ("mesh", "mesh")])
def test_the_workload_is_the_document_itself(kind: str, namespace: str, told: str) -> None:
    """Reference 4.2: no hash and no time stamp is cut off."""
    document = workload(kind, namespace)
    document["metadata"]["name"] = "shop-12345678"
    env = proxy_env(pod_in(document))
    plural = f"{kind.lower()}s"
    assert env["ISTIO_META_OWNER"] == f"kubernetes://apis/apps/v1/namespaces/{told}/{plural}/shop-12345678"
    assert env["ISTIO_META_WORKLOAD_NAME"] == "shop-12345678"


def test_labels_and_annotations_of_a_cron_job_are_those_of_its_job_template() -> None:
    document = workload("CronJob", metadata={"labels": {"app": "inner"}})
    document["spec"]["jobTemplate"]["metadata"] = {"labels": {"app": "outer"}}
    found = yaml.safe_load(by_hand(document).text)["spec"]["jobTemplate"]
    assert found["metadata"]["labels"]["service.istio.io/canonical-name"] == "outer"
    assert found["spec"]["template"]["metadata"] == {"labels": {"app": "inner"}}
    env = proxy_env({"spec": found["spec"]["template"]["spec"]})
    assert env["ISTIO_META_OWNER"] == "kubernetes://apis/batch/v1/namespaces/default/cronjobs/shop"


def test_only_a_pod_template_with_a_namespace_of_its_own_is_in_a_system_namespace() -> None:
    assert "istio-proxy" in by_hand(workload(namespace="kube-system")).text
    assert "istio-proxy" not in by_hand(workload(metadata={"namespace": "kube-system"})).text
    pod = {"kind": "Pod", "metadata": {"name": "p", "namespace": "kube-system"}, **TEMPLATE}
    assert "istio-proxy" not in by_hand(pod).text


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        (workload(spec={"hostNetwork": True, **TEMPLATE["spec"]}), 'Deployment "shop" has host networking enabled'),
        (
            workload("CronJob", "mesh", spec={"hostNetwork": True, **TEMPLATE["spec"]}),
            'CronJob "mesh/shop" has host networking enabled',
        ),
        (
            workload("Job", "mesh", metadata={"name": "own"}, spec={"hostNetwork": True, **TEMPLATE["spec"]}),
            'Job "mesh/own" has host networking enabled',
        ),
        (
            workload("StatefulSet", metadata={"labels": {"sidecar.istio.io/inject": "false"}}),
            'StatefulSet "shop" has sidecar injection disabled',
        ),
    ],
)
def test_what_is_skipped_is_told_and_stays(document: JsonObject, warning: str) -> None:
    found = by_hand(document)
    assert found.text == yaml.safe_dump(document, sort_keys=False)
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(f"===> Skipping injection because {warning}")


@pytest.mark.parametrize("sets", [("policy=disabled",), ("neverInjectSelector[0].matchLabels.app=shop",)])
def test_policy_and_selectors_play_no_part(sets: tuple[str, ...]) -> None:
    assert "istio-proxy" in by_hand(workload(metadata={"labels": {"app": "shop"}}), *sets).text


def test_zero_values_of_the_pod_s_proxy_config_override_here_and_not_in_the_webhook() -> None:
    """Reference 3.4."""
    annotations = {"proxy.istio.io/config": "interceptionMode: REDIRECT"}
    tproxy = "meshConfig.defaultConfig.interceptionMode=TPROXY"
    pod = pod_in(workload(metadata={"annotations": annotations}), tproxy)
    assert container_of(pod, "istio-init")["args"][7:9] == ["-m", "REDIRECT"]
    reviewed = admitted(pod_of(annotations=annotations), setup_with(tproxy)).pod
    assert container_of(reviewed, "istio-init")["args"][7:9] == ["-m", "TPROXY"]


def test_the_pod_s_status_port_counts_for_its_metrics_and_probes_here() -> None:
    """Reference 3.4, last paragraph: the annotation is folded into the mesh configuration first."""
    probe = {"readinessProbe": {"tcpSocket": {"port": 80}}}
    spec = {"containers": [{"name": "app", "image": "x", **probe}]}
    annotations = {"proxy.istio.io/config": "statusPort: 16000"}
    pod = pod_in(workload(metadata={"annotations": annotations}, spec=spec))
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == "16000"
    assert container_of(pod, "app")["readinessProbe"]["httpGet"]["port"] == 16000
    reviewed = admitted(pod_of(annotations=annotations, container=probe), setup_with()).pod
    assert reviewed["metadata"]["annotations"]["prometheus.io/port"] == "15020"


def test_openshift_s_ranges_do_not_apply() -> None:
    ranges = {"openshift.io/sa.scc.uid-range": "1000/10"}
    namespace = {"metadata": {"name": "default", "labels": {"istio-injection": "enabled"}, "annotations": ranges}}
    found = by_hand(workload(), "platform=openshift", snapshot=Snapshot({"default": namespace}))
    pod = yaml.safe_load(found.text)["spec"]["template"]
    assert container_of(pod, "istio-proxy")["securityContext"]["runAsUser"] == 1337


@pytest.mark.parametrize(
    ("metadata", "fault"),
    [
        ("x", "metadata must be a mapping, got 'x'"),
        ({"name": ["x"]}, r"metadata.name must be a string, got \['x'\]"),
        ({"namespace": {"a": 1}}, "metadata.namespace must be a string, got {'a': 1}"),
    ],
)
def test_metadata_of_the_wrong_type_is_named(metadata: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        by_hand({**workload(), "metadata": metadata})


@pytest.mark.parametrize("kind", ["ReplicationController", "DeploymentConfig"])
def test_some_kinds_need_their_template(kind: str) -> None:
    document = {"kind": kind, "metadata": {"name": "rc"}, "spec": {"replicas": 1}}
    with pytest.raises(ValueError, match=f'f.yaml: document 1: {kind} "rc": spec.template is required value'):
        by_hand(document)


@pytest.mark.parametrize("kind", ["Service", "Rollout", "PodTemplate", "DeploymentList"])
def test_other_kinds_stay(kind: str) -> None:
    document = {**workload(), "kind": kind}
    found = by_hand(document)
    assert found.text == yaml.safe_dump(document, sort_keys=False)
    (warning,) = found.warnings
    assert warning.startswith(f'{kind} "shop" stays as it is: ')
