"""A pod through a policy beside the same pod through the webhook, but for what each records."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from injector.core.admission import Subject, admit
from injector.core.model import EMPTY_SNAPSHOT, OVERRIDES_ANNOTATION, STATUS_ANNOTATION, Admission, JsonObject, Pod
from injector.core.pods import workload_of
from injector.core.setup import Setup
from injector.policy import Policy
from injector.policy.application import Applied, apply
from injector.policy.variables import RECORD_PREFIX
from tests.policy.pods import random_pod
from tests.support import REPOSITORY

NAMESPACE: JsonObject = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
GALLERY = {file.parent.name: file for file in sorted(REPOSITORY.glob("samples/templates/*/injector.yaml"))}
_ANNOTATION = re.compile(r'annotation\("([^"]+)"')
_NAME = re.compile(r"- name: ([a-z0-9-]+)$", re.MULTILINE)
_RECORDS = (STATUS_ANNOTATION, OVERRIDES_ANNOTATION)


def plain(value: Any) -> Any:
    """The value in plain lists and mappings."""
    return orjson.loads(orjson.dumps(value))


def without_records(pod: Pod) -> Pod:
    """The pod without what an injection by either way leaves to remember it by, and without empty lists."""
    found: Pod = plain(pod)
    own = found["metadata"].get("annotations") or {}
    kept = {name: text for name, text in own.items() if name not in _RECORDS and not name.startswith(RECORD_PREFIX)}
    found["metadata"].pop("annotations", None)
    found["metadata"] |= {"annotations": kept} if kept else {}
    found["spec"] = {key: value for key, value in found["spec"].items() if value != []}
    return found


def through_webhook(pod: Pod, setup: Setup) -> Admission:
    """What the webhook makes of the pod."""
    return admit(Subject(pod, "shop", workload_of(pod, "shop"), NAMESPACE), setup, EMPTY_SNAPSHOT)


def by_policy_of(pod: Pod, policy: Policy) -> Applied:
    """What the policy does to the pod, in a namespace that opts in."""
    return apply(policy, pod, "shop", NAMESPACE["metadata"]["labels"])


def through_policy(pod: Pod, policy: Policy) -> Pod:
    """What the policy makes of the pod, which it takes."""
    applied = by_policy_of(pod, policy)
    assert not applied.refusals
    assert not applied.fault
    return applied.pod


def has_repeated_containers(pod: Pod) -> bool:
    """Whether two containers have one name: an API server refuses such a pod."""
    names = [each["name"] for which in ("containers", "initContainers") for each in pod["spec"].get(which) or ()]
    return len(set(names)) < len(names)


def random_pods(file: Path, count: int) -> Iterator[Pod]:
    """Seeded pods that may have the annotations and names which a template reads or gives."""
    text = file.read_text(encoding="utf-8")
    annotations = (*dict.fromkeys(_ANNOTATION.findall(text)), "sidecar.istio.io/nativeSidecar")
    names = tuple(dict.fromkeys(_NAME.findall(text)))
    choice = random.Random(file.parent.name)  # noqa: S311 -- the same pods each time
    for _ in range(count):
        yield random_pod(choice, annotations, names=names)


def compare(pod: Pod, policy: Policy, setup: Setup) -> str:
    """Hold both ways against each other for one pod; what came of it: `refused` or `injected`."""
    by_webhook, by_policy = through_webhook(pod, setup), by_policy_of(pod, policy)
    if "containers named" in by_webhook.message:
        # A policy leaves it to the API server to refuse these.
        assert has_repeated_containers(by_policy.pod)
        return "refused"
    if not by_webhook.allowed:
        assert by_policy.refusals or by_policy.fault, by_webhook.message
        # An expression that fails has words of its own, and CEL does not escape what Python does.
        is_other = by_policy.fault or "\\x" in by_webhook.message or "\\u" in by_webhook.message
        assert is_other or any(each in by_webhook.message for each in by_policy.refusals), by_webhook.message
        return "refused"
    assert not by_policy.refusals
    assert not by_policy.fault
    result = by_policy.pod
    if has_repeated_containers(by_webhook.pod):
        assert has_repeated_containers(result)
        return "refused"
    assert without_records(result) == without_records(by_webhook.pod)
    return "injected"
