"""A pod for each entry of the registration, which the API server admits as a dry run: what it says, and why.

The pods go the whole way that a user's pod goes: network, CA bundle, serving certificate, decision, template, and every
other admission webhook. Nothing is kept of them.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from injector.cluster.api import PODS, ApiServer, ClusterError
from injector.cluster.ca_bundles import own_entries
from injector.cluster.findings import Finding, ok, warning
from injector.core.model import (
    PROXY_CONTAINER,
    STATUS_ANNOTATION,
    Admission,
    JsonObject,
    Pod,
)
from injector.core.pods import all_containers, annotations
from injector.core.selection import LabelSelector, namespace_labels, parse_selector

_PREFIX = "injector-check-"
# Refusals that say nothing of the injector; another namespace may do without them.
_TRIED_NAMESPACES = 3
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Trial:
    """A pod that the entry `entry` of a webhook configuration has to be called for, and where it is tried, in order."""

    configuration: str
    entry: str
    pod: Pod
    namespaces: tuple[str, ...]

    @property
    def subject(self) -> str:
        """What findings call it."""
        return f"{self.configuration}/{self.entry}"


def trials(configurations: Iterable[JsonObject], namespaces: Sequence[JsonObject]) -> list[Trial]:
    """A trial for each entry that calls the injector; without a namespace where the entry selects none."""
    return [
        Trial(configuration["metadata"]["name"], entry["name"], trial_pod(entry), tuple(_places(entry, namespaces)))
        for configuration in configurations
        for entry in own_entries(configuration)
    ]


def selected(entry: JsonObject, namespace: JsonObject) -> bool:
    """Whether the namespace selector of `entry` takes `namespace`; one that cannot be read takes none."""
    return selector_of(entry, "namespaceSelector").matches(labels_of(namespace))


def labels_of(namespace: JsonObject) -> Mapping[str, str]:
    """The labels of a namespace, its name among them."""
    metadata = namespace["metadata"]
    return namespace_labels(metadata["name"], metadata.get("labels") or {})


def selector_of(entry: JsonObject, which: str) -> LabelSelector:
    """A selector of a webhook's entry."""
    return parse_selector(entry.get(which) or {})


def trial_pod(entry: JsonObject) -> Pod:
    """A pod that the object selector of `entry` takes, and that every Pod Security Standard allows."""
    wanted = {
        each.key: each.values[0] if each.operator == "In" else "true"
        for each in selector_of(entry, "objectSelector").requirements
        if each.operator in ("In", "Exists")
    }
    return {
        "apiVersion": PODS.api_version,
        "kind": PODS.kind,
        "metadata": {"generateName": _PREFIX, "labels": wanted},
        "spec": {
            "serviceAccountName": "default",
            "containers": [
                {
                    "name": "app",
                    "image": "app",
                    "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def _places(entry: JsonObject, namespaces: Sequence[JsonObject]) -> Iterator[str]:
    alive = [each for each in namespaces if not each["metadata"].get("deletionTimestamp") and selected(entry, each)]
    for each in alive[:_TRIED_NAMESPACES]:
        yield each["metadata"]["name"]


def try_pod(server: ApiServer, trial: Trial, expected: Mapping[str, Admission], place: Mapping[str, str]) -> Finding:
    """What becomes of the pod of `trial`.

    `expected` is, for each namespace, what the injector would answer; `place` fills in the commands of `CAUSES`.
    """
    if not trial.namespaces:
        return ok(trial.subject, "not tried: it selects no namespace that is here")
    found = None
    for namespace in trial.namespaces:
        where = {**place, "namespace": namespace, "configuration": trial.configuration}
        try:
            answered = server.try_create(PODS, trial.pod, namespace)
        except ClusterError as error:
            found = found or refusal(trial.subject, str(error), where)
            if not _is_of_namespace(str(error)):
                return found
        else:
            return _admitted(trial, namespace, answered, expected[namespace], where)
    return found or ok(trial.subject, "not tried")


def _admitted(trial: Trial, namespace: str, answered: Pod, expected: Admission, where: Mapping[str, str]) -> Finding:
    is_injected = STATUS_ANNOTATION in annotations(answered)
    decision = expected.decision
    is_expected = expected.allowed and decision is not None and decision.inject
    reason = decision.message if decision else expected.message
    logs = _command("kubectl logs -n {release_namespace} {workload} --all-containers --tail=50", where)
    if is_injected and is_expected:
        names = [each["name"] for _, _, each in all_containers(answered)]
        carrier = PROXY_CONTAINER if PROXY_CONTAINER in names else "what its templates give"
        return ok(trial.subject, f"a pod in {namespace} gets {carrier} (dry run)")
    if is_injected:
        return warning(trial.subject, f"a pod in {namespace} is injected, though it should not be: {reason}", logs)
    if is_expected:
        return Finding(
            trial.subject,
            f"a pod in {namespace} is admitted without a sidecar, though it should get one ({reason}): "
            "the webhook cannot be reached and its failurePolicy is Ignore, or its server has another configuration",
            command=logs,
        )
    if not expected.allowed:
        return warning(trial.subject, f"a pod in {namespace} should be refused and was admitted: {reason}", logs)
    return ok(trial.subject, f"a pod in {namespace} is not injected, as it should be: {reason}")


# Why a pod is refused: what the API server says, what is mostly behind it, and what to look at.


@dataclass(frozen=True, slots=True)
class Cause:
    """Words of the API server (a regular expression), what causes them, and a command that shows or mends it."""

    words: str
    cause: str
    command: str
    is_of_namespace: bool = False


_PODS = "kubectl get pods -n {release_namespace} -o wide"
_ENDPOINTS = "kubectl get endpointslices -n {release_namespace} -l kubernetes.io/service-name={service}"
_LOGS = "kubectl logs -n {release_namespace} {workload} --tail=50"
_REGISTERED = "kubectl get mutatingwebhookconfiguration {configuration} -o yaml"

CAUSES = (
    Cause("no endpoints available for service", "no replica is ready", _PODS),
    Cause(
        r'service "[^"]*" not found',
        "the Service that the webhook calls is gone",
        "helm upgrade --install, with the values of the release",
    ),
    Cause("no such host", "the API server cannot resolve the host of the webhook's url", _REGISTERED),
    Cause(
        "connection refused",
        "nothing listens there: the replica is starting or dead, or the Service's target port is not the server's",
        _ENDPOINTS,
    ),
    Cause(
        "deadline exceeded|i/o timeout|Client.Timeout|no route to host|network is unreachable",
        "packets from the API server do not arrive (NetworkPolicy, the firewall of a private cluster, an overlay "
        "network), or a replica hangs",
        _ENDPOINTS,
    ),
    Cause(
        "signed by unknown authority|certificate is not trusted",
        "the CA bundle of the webhook is not the authority of the serving certificate: no replica may write it",
        _LOGS,
    ),
    Cause(
        "expired or is not yet valid",
        "the serving certificate was not renewed, or a node's clock is wrong",
        "kubectl exec -n {release_namespace} {workload} -- injector rotate",
    ),
    Cause(
        "certificate is (not )?valid for|doesn't contain any IP SANs|not standards compliant",
        "the serving certificate does not name the host that the API server calls",
        _REGISTERED,
    ),
    Cause(
        "HTTP response to HTTPS client|first record does not look like a TLS handshake",
        "something else answers there, without TLS",
        _ENDPOINTS,
    ),
    Cause(
        "certificate required|remote error: tls|the server has asked for the client to provide credentials|"
        "webhook.*(401|403)",
        "the server asks for a client certificate (server.clients) that the API server does not show",
        _LOGS,
    ),
    Cause(
        "could not find the requested resource|the server returned 404",
        "the path of the webhook is not one that the server has; valid: /inject, /inject/cluster/NAME/net/NAME",
        _REGISTERED,
    ),
    Cause(
        "unable to handle the request|503|not known yet|too many requests",
        "the replica does not know the cluster yet, or sheds load",
        _LOGS,
    ),
    Cause(
        r'webhook "[^"]*sidecar-injector\.istio\.io" denied the request',
        "the injector refuses this pod: its message names the annotation or the template",
        "injector preview -f FILE",
    ),
    Cause(
        "denied the request",
        "another admission webhook refuses the pod",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        is_of_namespace=True,
    ),
    Cause(
        "does not support dry run",
        "another admission webhook takes no dry runs, so that nothing can be tried here",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        is_of_namespace=True,
    ),
    Cause(
        "violates PodSecurity",
        "the namespace's Pod Security Standard does not allow what the template adds",
        "kubectl get namespace {namespace} --show-labels",
        is_of_namespace=True,
    ),
    Cause(
        "exceeded quota|failed quota|maximum .* usage per|minimum .* usage per",
        "a ResourceQuota or LimitRange of the namespace has no room for the sidecar",
        "kubectl describe resourcequota,limitrange -n {namespace}",
        is_of_namespace=True,
    ),
    Cause(
        "error looking up service account",
        "the namespace has no ServiceAccount of that name",
        "kubectl get serviceaccounts -n {namespace}",
        is_of_namespace=True,
    ),
    Cause(
        "is invalid: ",
        "what the template gives is no valid pod",
        "injector preview -n {namespace} -f FILE",
    ),
    Cause(
        'cannot create resource "pods"',
        "this account may not create pods, so that nothing can be tried; take another --context",
        "kubectl auth can-i create pods -n {namespace}",
        is_of_namespace=True,
    ),
)


def refusal(subject: str, words: str, where: Mapping[str, str]) -> Finding:
    """The finding about a pod that was refused with `words`, which are shown with their likely cause."""
    said = words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}..."
    cause = _cause_of(words)
    if cause is None:
        return Finding(subject, f"a pod in {where['namespace']} is refused: {said}", command=_command(_LOGS, where))
    message = f"a pod in {where['namespace']} is refused: {said}; likely cause: {cause.cause}"
    command = _command(cause.command, where)
    return warning(subject, message, command) if cause.is_of_namespace else Finding(subject, message, command=command)


def _cause_of(words: str) -> Cause | None:
    return next((each for each in CAUSES if re.search(each.words, words)), None)


def _is_of_namespace(words: str) -> bool:
    cause = _cause_of(words)
    return cause is not None and cause.is_of_namespace


def _command(template: str, where: Mapping[str, str]) -> str:
    return template.format_map(where)
