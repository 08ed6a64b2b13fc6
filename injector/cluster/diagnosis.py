"""What is wrong with an injector's place in a cluster: its registration, its endpoints, the namespaces it should serve.

Pure: documents in, findings out; only `ready_endpoints` asks the cluster.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from injector.cluster.api import ENDPOINT_SLICES, SERVICES, ApiServer, ClusterError
from injector.cluster.ca_bundles import own_entries
from injector.cluster.findings import Finding, ok, warning
from injector.cluster.trial_pods import labels_of, selected, selector_of
from injector.core.decision import decide, facts_of
from injector.core.model import Decision, JsonObject
from injector.core.selection import NAMESPACE_INJECTION_LABEL, REVISION_KEY, SelectionRule
from injector.core.setup import Setup

_INJECTION_VALUES = ("enabled", "disabled")
_PLAIN_POD: JsonObject = {"metadata": {"name": "app"}, "spec": {"containers": [{"name": "app"}]}}
# Reasons for which nobody has pods sent to an injector on purpose.
_NOT_MEANT = ("IgnoredNamespace", "NamespaceNotSelected", "RevisionMismatch")


def services_of(configurations: Sequence[JsonObject]) -> dict[tuple[str, str], None]:
    """The Services, as namespace and name, that the injector's entries call."""
    named = (each["clientConfig"].get("service") for one in configurations for each in own_entries(one))
    return {(service["namespace"], service["name"]): None for service in named if service}


def registration_findings(configurations: Sequence[JsonObject], table: Sequence[SelectionRule]) -> Iterator[Finding]:
    """What is wrong with the entries of an injector whose opt-in table is `table`."""
    entries = [(one["metadata"]["name"], each) for one in configurations for each in own_entries(one)]
    for rule in table:
        if not any(_carries(entry, rule) for _, entry in entries):
            yield Finding(
                "registration",
                f"no entry calls the injector where {rule.explanation}: the opt-in table has such a row",
                command="helm upgrade, which writes the entries anew",
            )
    for name, entry in entries:
        if not any(_carries(entry, rule) for rule in table):
            message = "its selectors are no row of the opt-in table: pods are sent that the injector then skips"
            yield Finding(_title(name, entry), message)
        yield from _settings(name, entry)


def _settings(name: str, entry: JsonObject) -> Iterator[Finding]:
    operations = {operation for rule in entry.get("rules") or () for operation in rule.get("operations") or ()}
    if operations != {"CREATE"}:
        yield Finding(_title(name, entry), f"it is called for {', '.join(sorted(operations))}; valid: CREATE only")
    if not entry["clientConfig"].get("caBundle"):
        message = "it has no CA bundle: every call fails; is an injector running that keeps it (--webhook-config)?"
        yield Finding(_title(name, entry), message)


def _carries(entry: JsonObject, rule: SelectionRule) -> bool:
    """Whether the entry asks for all that the row asks for; it may leave out further namespaces."""
    return all(
        _expressions(entry.get(which) or {}) >= _expressions(selector.as_json())
        for which, selector in (("namespaceSelector", rule.namespace), ("objectSelector", rule.pod))
    )


def _expressions(selector: JsonObject) -> set[tuple[str, str, tuple[str, ...]]]:
    listed: list[Any] = selector.get("matchExpressions") or []
    equal = [(key, "In", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    return {*equal, *((each["key"], each["operator"], tuple(each.get("values") or ())) for each in listed)}


def endpoint_finding(service: str, ready: int | None) -> Finding:
    """What the number of ready endpoints of a Service means; None: there is no such Service."""
    namespace = service.partition("/")[0]
    if ready is None:
        message = "the webhook calls it, and it does not exist"
        return Finding(f"Service {service}", message, command="helm upgrade --install")
    if not ready:
        message = "no endpoint is ready: pods that opted in cannot be created"
        return Finding(f"Service {service}", message, command=f"kubectl get pods -n {namespace} -o wide")
    return ok(f"Service {service}", f"{ready} endpoints are ready")


def namespace_findings(
    namespaces: Sequence[JsonObject], setup: Setup, configurations: Sequence[JsonObject], others: Sequence[JsonObject]
) -> list[Finding]:
    """Namespaces whose labels do not do what they seem to.

    `configurations` are those of the release whose configuration is `setup`, `others` those of all other injectors:
    what they claim is theirs.
    """
    config = setup.config
    revisions = (config.revision or "default", *config.revision_tags)
    found: list[Finding] = []
    for namespace in namespaces:
        if not any(selected(entry, namespace) for each in others for entry in own_entries(each)):
            found += _label_findings(namespace, revisions) or _selection_findings(namespace, setup, configurations)
    return found


def _label_findings(namespace: JsonObject, revisions: Sequence[str]) -> list[Finding]:
    metadata = namespace["metadata"]
    labels = metadata.get("labels") or {}
    subject = f"Namespace {metadata['name']}"
    injection, revision = labels.get(NAMESPACE_INJECTION_LABEL), labels.get(REVISION_KEY)
    found: list[Finding] = []
    if injection is not None and injection not in _INJECTION_VALUES:
        message = (
            f"label {NAMESPACE_INJECTION_LABEL}={injection} injects nothing; valid: {', '.join(_INJECTION_VALUES)}"
        )
        command = f"kubectl label namespace {metadata['name']} {NAMESPACE_INJECTION_LABEL}=enabled --overwrite"
        found.append(Finding(subject, message, command=command))
    if revision is not None and injection is not None:
        message = f"label {REVISION_KEY}={revision} has no effect beside {NAMESPACE_INJECTION_LABEL}={injection}"
        found.append(Finding(subject, message, command=f"kubectl label namespace {metadata['name']} {REVISION_KEY}-"))
    elif revision is not None and revision not in revisions:
        message = f"label {REVISION_KEY}={revision} names a revision that is not served; valid: {', '.join(revisions)}"
        command = f"kubectl label namespace {metadata['name']} {REVISION_KEY}={revisions[0]} --overwrite"
        found.append(Finding(subject, message, command=command))
    return found


def _selection_findings(namespace: JsonObject, setup: Setup, configurations: Sequence[JsonObject]) -> list[Finding]:
    """Whether the API server and the injector agree about a plain pod of the namespace, and with its labels."""
    labels = namespace["metadata"].get("labels") or {}
    subject = f"Namespace {namespace['metadata']['name']}"
    decision = plain_decision(namespace, setup)
    is_sent = any(
        selected(entry, namespace) and selector_of(entry, "objectSelector").matches({})
        for each in configurations
        for entry in own_entries(each)
    )
    is_labelled = labels.get(NAMESPACE_INJECTION_LABEL) == "enabled" or REVISION_KEY in labels
    if decision.inject and not is_sent:
        message = f"its pods should be injected ({decision.message}), and no entry of the registration selects it"
        return [Finding(subject, message, command=f"kubectl get namespace {namespace['metadata']['name']} -o yaml")]
    if is_labelled and not decision.inject and decision.reason in _NOT_MEANT:
        return [Finding(subject, f"is labelled for injection, and its pods are not injected: {decision.message}")]
    if is_sent and decision.reason in _NOT_MEANT:
        return [warning(subject, f"its pods are sent to the injector, which skips them: {decision.message}")]
    return []


def plain_decision(namespace: JsonObject, setup: Setup) -> Decision:
    """What is decided about a pod that says nothing itself."""
    name = namespace["metadata"]["name"]
    return decide(facts_of(_PLAIN_POD, name, labels_of(namespace), setup.config, setup.selection))


def _title(configuration: str, entry: JsonObject) -> str:
    return f"{configuration}/{entry['name']}"


_SERVICE_LABEL = "kubernetes.io/service-name"


def ready_endpoints(server: ApiServer, namespace: str, name: str) -> int | None:
    """How many endpoints of a Service are ready; None where there is no such Service. Raises ClusterError."""
    try:
        server.get(SERVICES, name, namespace)
    except ClusterError as error:
        if error.is_missing:
            return None
        raise
    slices = server.items(ENDPOINT_SLICES, namespace, labelSelector=f"{_SERVICE_LABEL}={name}")
    return sum(_is_ready(endpoint) for each in slices for endpoint in each.get("endpoints") or ())


def _is_ready(endpoint: JsonObject) -> bool:
    """Whether it takes requests; unknown counts as ready.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
    """
    return (endpoint.get("conditions") or {}).get("ready") is not False
