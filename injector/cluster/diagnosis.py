"""What is wrong with an injector's place in a cluster: its registration, its endpoints, the namespaces it should serve.

Pure: documents in, findings out. `survey` is what has to be read for it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from injector.cluster.api import ENDPOINT_SLICES, NAMESPACES, SERVICES, WEBHOOK_CONFIGURATIONS, ApiServer, ClusterError
from injector.cluster.ca_bundles import own_entries
from injector.core.model import JsonObject
from injector.core.selection import NAMESPACE_INJECTION_LABEL, REVISION_KEY, SelectionRule

_INJECTION_VALUES = ("enabled", "disabled")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with what, how, and what to do."""

    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read of a cluster.

    `configurations` are the webhook configurations that call the injector, `endpoints` the number of ready ones of each
    Service (`namespace/name`) that they name; a Service that does not exist has None.
    """

    configurations: tuple[JsonObject, ...]
    namespaces: tuple[JsonObject, ...] = ()
    endpoints: Mapping[str, int | None] = field(default_factory=dict)


def diagnose(found: Surroundings, table: Sequence[SelectionRule], revisions: Sequence[str]) -> list[Finding]:
    """Everything that is wrong. `table` is the opt-in table of the injector, `revisions` what it answers to."""
    return [
        *_registration(found.configurations, table),
        *_endpoints(found),
        *(finding for namespace in found.namespaces for finding in _namespace(namespace, revisions)),
    ]


def services_of(configurations: Sequence[JsonObject]) -> dict[tuple[str, str], None]:
    """The Services, as namespace and name, that the injector's entries call."""
    named = (each["clientConfig"].get("service") for one in configurations for each in own_entries(one))
    return {(service["namespace"], service["name"]): None for service in named if service}


def _registration(configurations: Sequence[JsonObject], table: Sequence[SelectionRule]) -> Iterator[Finding]:
    if not configurations:
        yield Finding("registration", "no webhook configuration calls the injector: no pod is injected")
        return
    entries = [(one["metadata"]["name"], each) for one in configurations for each in own_entries(one)]
    for rule in table:
        if not any(_carries(entry, rule) for _, entry in entries):
            yield Finding(
                "registration", f"no entry calls the injector where {rule.explanation}: the opt-in table has such a row"
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


def _endpoints(found: Surroundings) -> Iterator[Finding]:
    for service, ready in found.endpoints.items():
        if ready is None:
            yield Finding(f"Service {service}", "the webhook calls it, and it does not exist")
        elif not ready:
            yield Finding(f"Service {service}", "no endpoint is ready: pods that opted in cannot be created")


def _namespace(namespace: JsonObject, revisions: Sequence[str]) -> Iterator[Finding]:
    metadata = namespace["metadata"]
    labels = metadata.get("labels") or {}
    subject = f"Namespace {metadata['name']}"
    injection, revision = labels.get(NAMESPACE_INJECTION_LABEL), labels.get(REVISION_KEY)
    if injection is not None and injection not in _INJECTION_VALUES:
        yield Finding(
            subject,
            f"label {NAMESPACE_INJECTION_LABEL}={injection} injects nothing; valid: {', '.join(_INJECTION_VALUES)}",
        )
    if revision is None:
        return
    if injection is not None:
        yield Finding(
            subject, f"label {REVISION_KEY}={revision} has no effect beside {NAMESPACE_INJECTION_LABEL}={injection}"
        )
    elif revision not in revisions:
        valid = ", ".join(revisions)
        yield Finding(subject, f"label {REVISION_KEY}={revision} names a revision that is not served; valid: {valid}")


def _title(configuration: str, entry: JsonObject) -> str:
    return f"{configuration}/{entry['name']}"


# Reading what a diagnosis needs.

_SERVICE_LABEL = "kubernetes.io/service-name"


def survey(server: ApiServer, names: Collection[str] = ()) -> Surroundings:
    """What there is now. `names` are the webhook configurations to look at; without any, all that call an injector.

    Raises ClusterError where something cannot be read.
    """
    listed = server.items(WEBHOOK_CONFIGURATIONS)
    chosen = tuple(each for each in listed if own_entries(each) and (not names or each["metadata"]["name"] in names))
    return Surroundings(
        configurations=chosen,
        namespaces=tuple(server.items(NAMESPACES)),
        endpoints={
            f"{namespace}/{name}": _ready_endpoints(server, namespace, name) for namespace, name in services_of(chosen)
        },
    )


def _ready_endpoints(server: ApiServer, namespace: str, name: str) -> int | None:
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
