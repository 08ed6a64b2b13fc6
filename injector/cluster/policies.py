"""Admission policies in a cluster: which of an injector's templates they inject, and whether they would be taken."""

from collections.abc import Iterable, Iterator, Sequence

from injector.cluster.api import MUTATING_POLICIES, VALIDATING_POLICIES, ApiServer, ClusterError
from injector.cluster.findings import Finding, ok, warning
from injector.core.model import Config, JsonObject
from injector.policy import PolicyFaults, policies
from injector.policy.render import DIGEST_ANNOTATION, SINCE, TEMPLATE_ANNOTATION

_RESOURCES = {each.kind: each for each in (MUTATING_POLICIES, VALIDATING_POLICIES)}
_TOO_LARGE = ("too long", "limit", "exceeded", "cost")


def policy_findings(config: Config, found: Sequence[JsonObject]) -> list[Finding]:
    """What the MutatingAdmissionPolicies of a cluster mean for a webhook whose configuration is `config`.

    A template that both inject is a fault: it is one of them that was forgotten when the template was moved.
    """
    default = {real for name in config.default_templates for real in config.aliases.get(name, (name,))}
    own = [each for each in found if TEMPLATE_ANNOTATION in (each["metadata"].get("annotations") or {})]
    findings = [finding for each in own for finding in _findings(each, config, default)]
    return findings or [ok("policies", f"{len(own)} inject templates, none of them one of the webhook's")]


def _findings(policy: JsonObject, config: Config, default: Iterable[str]) -> Iterator[Finding]:
    name, template = policy["metadata"]["name"], policy["metadata"]["annotations"][TEMPLATE_ANNOTATION]
    subject = f"MutatingAdmissionPolicy {name}"
    if template in default:
        message = f"it injects template {template!r}, and so does the webhook: take it from `defaultTemplates`"
        yield Finding(subject, message, command=f"kubectl delete mutatingadmissionpolicybinding {name}")
    if template in config.templates and _digest(config, template) != policy["metadata"]["annotations"].get(
        DIGEST_ANNOTATION
    ):
        message = f"it is not what this configuration makes of template {template!r}"
        yield warning(subject, message, f"injector policy render --template {template} | kubectl apply -f -")


def _digest(config: Config, template: str) -> str:
    try:
        return policies(config, [template])[0].digest
    except PolicyFaults:
        return ""


def refusals(server: ApiServer, documents: Iterable[JsonObject]) -> Iterator[str]:
    """What the API server says against policies (a dry run), with what would help. Raises ClusterError."""
    for document in documents:
        resource = _RESOURCES.get(document["kind"])
        if resource is None:
            continue
        title = f"{document['kind']} {document['metadata']['name']}"
        try:
            server.try_create(resource, document)
        except ClusterError as error:
            if error.is_conflict:
                yield from _replacement(server, document, title)
            elif error.is_missing:
                yield f"{title}: the API server has no such policies: they are there from Kubernetes {SINCE} on"
            elif error.may_pass:
                raise
            else:
                yield f"{title}: {error}{_hint(str(error))}"


def _replacement(server: ApiServer, document: JsonObject, title: str) -> Iterator[str]:
    """What is said against a policy in place of the one of its name: that is tried under another name."""
    trial = {**document, "metadata": {**document["metadata"], "name": f"{document['metadata']['name']}-trial"}}
    try:
        server.try_create(_RESOURCES[document["kind"]], trial)
    except ClusterError as error:
        if error.may_pass:
            raise
        yield f"{title}: {error}{_hint(str(error))}"


def _hint(message: str) -> str:
    if not any(word in message for word in _TOO_LARGE):
        return ""
    return "; make it cheaper: divide the template in two, and loop over containers once"
