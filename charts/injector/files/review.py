"""What `helm test` runs: one dry-run review over verified TLS, arguments URL and CA file; no side effect."""

import json
import ssl
import sys
from urllib.request import Request, urlopen

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "helm-test", "labels": {"sidecar.istio.io/inject": "true"}},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}
REQUEST = {"uid": "helm-test", "operation": "CREATE", "namespace": "helm-test", "dryRun": True, "object": POD}
REVIEW = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": REQUEST}


def main(url: str, authority: str) -> None:
    """Ask for the injection of a pod; ends with a message where there is no answer, or not the expected one."""
    asked = Request(f"{url}/inject", json.dumps(REVIEW).encode(), {"Content-Type": "application/json"})
    with urlopen(asked, timeout=10, context=ssl.create_default_context(cafile=authority)) as answer:
        response = json.load(answer)["response"]
    if not response["allowed"] or response["uid"] != REQUEST["uid"]:
        sys.exit(f"{url} does not answer as it should: {response}")
    print(f"{url} answers: {response.get('auditAnnotations')}")


main(*sys.argv[1:])
