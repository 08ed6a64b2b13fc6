"""A Deployment that only a policy injects runs: no webhook is installed for its pods."""

import json
from collections.abc import Iterator

import pytest

from injector.config import load
from injector.policy import policies
from injector.policy.variables import RECORD_PREFIX
from tests.whole.conftest import PROGRAMS
from tests.whole.machine import Machine, ready_column, wait_until

pytestmark = pytest.mark.cluster

# A revision of its own: pods of this namespace are no concern of a webhook that other tests install.
NAMESPACE, REVISION = "by-policy", "policy"
REFUSAL = "must be a port number from 1 to 65535"
CONFIGURATION = f"""
revision: {REVISION}
defaultTemplates: [side]
templates:
  side: |
    spec:
      sidecars:
      - name: side
        image: {PROGRAMS}
        command: [python3, -m, http.server, "{{{{ annotation("side.example/port", type="port", default=9000) }}}}"]
        startupProbe:
          tcpSocket: {{port: {{{{ annotation("side.example/port", type="port", default=9000) }}}}}}
          periodSeconds: 1
          failureThreshold: 60
      containers:
      {{% for container in pod.spec.containers %}}
      - name: {{{{ container.name }}}}
        env:
        - {{name: SIDE, value: "{{{{ container.name }}}} of {{{{ workload.name }}}}"}}
      {{% endfor %}}
"""


@pytest.fixture(scope="module")
def namespace(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A namespace for whose pods the policies are in force."""
    file = tmp_path_factory.mktemp("policies") / "injector.yaml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    documents = [each for policy in policies(load([file]).config) for each in policy.documents()]
    metadata = {"name": NAMESPACE, "labels": {"istio.io/rev": REVISION}}
    opted_in = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [opted_in, *documents]})
    machine.apply(listed)
    # An API server takes a second or two to see them.
    wait_until(lambda: REFUSAL in created(machine, "none"), "nothing is refused")
    wait_until(lambda: RECORD_PREFIX in created(machine, "9100"), "nothing is injected")
    yield NAMESPACE
    machine.kubectl("delete", "-f", "-", "--wait=false", given=listed)


def created(machine: Machine, port: str) -> str:
    """What the API server says of a pod with this port, which it does not keep."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "trial", "annotations": {"side.example/port": port}},
        "spec": {"containers": [{"name": "web", "image": PROGRAMS}]},
    }
    arguments = ("apply", "-n", NAMESPACE, "--dry-run=server", "-o", "json", "-f", "-")
    return machine.kubectl(*arguments, given=json.dumps(pod), check=False)


def test_a_deployment_of_a_policy_runs(machine: Machine, namespace: str) -> None:
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": {"side.example/port": "9100"}},
        "spec": {"containers": [{"name": "web", "image": PROGRAMS, "command": ["sleep", "3600"]}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    machine.kubectl("apply", "-n", namespace, "-f", "-", given=json.dumps(deployment))
    machine.rolled_out("web", namespace)
    pods = machine.objects("pods", namespace)
    assert [ready_column(pod) for pod in pods] == ["2/2", "2/2"]
    said = machine.kubectl("exec", "-n", namespace, "deploy/web", "-c", "web", "--", "sh", "-c", 'echo "$SIDE"')
    assert said.strip() == "web of web"


def test_a_pod_that_a_policy_refuses_says_why(machine: Machine, namespace: str) -> None:
    assert namespace == NAMESPACE
    assert f"invalid value 'none' for annotation 'side.example/port': {REFUSAL}" in created(machine, "none")
