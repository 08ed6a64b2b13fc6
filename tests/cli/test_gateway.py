"""`injector gateway render`: the configuration on standard output, faults on standard error."""

import json
from pathlib import Path

import yaml

from tests.cli.running import run
from tests.support import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "bookinfo" / "gateway.yaml"


def test_the_sample_is_rendered_in_two_forms() -> None:
    as_yaml, as_json = run("gateway", "render", "-f", SAMPLE), run("gateway", "render", "-f", SAMPLE, "-o", "json")
    assert (as_yaml.returncode, as_yaml.stderr) == (0, "")
    assert yaml.safe_load(as_yaml.stdout) == json.loads(as_json.stdout)
    names = [each["name"] for each in json.loads(as_json.stdout)["static_resources"]["listeners"]]
    assert names == ["0.0.0.0_80", "0.0.0.0_443", "readiness", "statistics"]


def test_a_fault_is_exit_status_1_and_names_the_field() -> None:
    text = SAMPLE.read_text(encoding="utf-8").replace("mode: SIMPLE", "mode: ISTIO_MUTUAL")
    found = run("gateway", "render", "-f", "-", given=text)
    assert (found.returncode, found.stdout) == (1, "")
    assert "tls.mode" in found.stderr


def test_services_follow_the_configuration_and_manifests_hold_all_that_is_applied(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(SUBSET, encoding="utf-8")
    envoy, service = yaml.safe_load_all(run("gateway", "render", "-f", file).stdout)
    assert "static_resources" in envoy
    assert (service["kind"], service["metadata"]["name"]) == ("Service", "web-v1")
    config_map, again = yaml.safe_load_all(
        run("gateway", "render", "-f", file, "-o", "manifests", "--name", "edge").stdout
    )
    assert (config_map["kind"], config_map["metadata"]) == ("ConfigMap", {"name": "edge", "namespace": "default"})
    assert sorted(config_map["data"]) == ["envoy.yaml", "etc_gateway_secrets_web_tls.crt.yaml"]
    assert again == service


def test_labels_that_are_none_are_wrong_usage() -> None:
    assert run("gateway", "render", "-f", SAMPLE, "-l", "app").returncode == 2


SUBSET = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: web}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{route: [{destination: {host: web, subset: v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
