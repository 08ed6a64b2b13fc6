"""Who else changes the pods that a release serves: other injectors, Istio's too, other webhooks. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from injector.cluster.ca_bundles import own_entries
from injector.cluster.findings import Finding, ok, warning
from injector.cluster.release import Release, is_of_istio
from injector.cluster.trial_pods import labels_of, selected, selector_of, trial_pod
from injector.core.model import JsonObject

_NAMED = 5
_ANY = "*"


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an entry of this release is called for: namespaces that are here, or one that its selector would take."""

    subject: str
    entry: JsonObject
    namespaces: tuple[JsonObject, ...]


def rival_findings(
    release: Release, configurations: Sequence[JsonObject], namespaces: Sequence[JsonObject]
) -> list[Finding]:
    """What `configurations`, all that there are, mean for the pods of `release`."""
    own = {each["metadata"]["name"] for each in release.configurations}
    others = [each for each in configurations if each["metadata"]["name"] not in own]
    claims = list(_claims(release, namespaces))
    found = [finding for other in others for finding in _double_injection(other, claims)]
    found += _reinvocation(release, [each for each in others if _changes_pods_of(each, claims)])
    return found or [ok(release.name, "nobody else claims its namespaces")]


def _claims(release: Release, namespaces: Sequence[JsonObject]) -> Iterator[_Claim]:
    for configuration in release.configurations:
        for entry in own_entries(configuration):
            here = tuple(each for each in namespaces if selected(entry, each))
            subject = f"{configuration['metadata']['name']}/{entry['name']}"
            yield _Claim(subject, entry, here or (_imagined_namespace(entry),))


def _imagined_namespace(entry: JsonObject) -> JsonObject:
    """A namespace that the entry selects, where there is none yet: the next one may be of this kind."""
    wanted = {
        each.key: each.values[0] if each.operator == "In" else "true"
        for each in selector_of(entry, "namespaceSelector").requirements
        if each.operator in ("In", "Exists")
    }
    return {"metadata": {"name": "", "labels": wanted}}


def _double_injection(other: JsonObject, claims: Iterable[_Claim]) -> Iterator[Finding]:
    """Entries of another injector that are called for the same pods."""
    name, who = other["metadata"]["name"], "Istio" if is_of_istio(other) else "another release"
    for claim in claims:
        labels = trial_pod(claim.entry)["metadata"]["labels"]
        for entry in own_entries(other):
            shared = [each for each in claim.namespaces if selected(entry, each)]
            if shared and selector_of(entry, "objectSelector").matches(labels):
                where = _listed(shared)
                yield Finding(
                    claim.subject,
                    f"{name}/{entry['name']} of {who} is called for the same pods{where}: they would be injected "
                    "twice; give one of the two another revision, or uninstall it",
                    command=f"kubectl get mutatingwebhookconfiguration {name} -o yaml",
                )


def _listed(namespaces: Sequence[JsonObject]) -> str:
    names = [each["metadata"]["name"] for each in namespaces if each["metadata"]["name"]]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f", as in {', '.join(names[:_NAMED])}{more}" if names else ""


def _changes_pods_of(other: JsonObject, claims: Sequence[_Claim]) -> bool:
    """Whether a configuration has an entry, not of an injector, that is called when pods of the claims are created."""
    injectors = {each["name"] for each in own_entries(other)}
    return any(
        entry["name"] not in injectors
        and any(map(_is_for_new_pods, entry.get("rules") or ()))
        and any(
            selector_of(entry, "namespaceSelector").matches(labels_of(each))
            for claim in claims
            for each in claim.namespaces
        )
        for entry in other.get("webhooks") or ()
    )


def _is_for_new_pods(rule: JsonObject) -> bool:
    groups, operations, resources = (rule.get(key) or () for key in ("apiGroups", "operations", "resources"))
    return (
        any(each in groups for each in ("", _ANY))
        and any(each in operations for each in ("CREATE", _ANY))
        and any(each in resources for each in ("pods", _ANY, "*/*"))
    )


def _reinvocation(release: Release, others: Sequence[JsonObject]) -> Iterator[Finding]:
    """Mutating webhooks are called in the order of their configurations' names; later ones may change injected pods.

    Source: k8s.io/apiserver pkg/admission/configuration/mutating_webhook_manager.go sorts by name;
    https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy
    """
    if not others:
        return
    for configuration in release.configurations:
        name = configuration["metadata"]["name"]
        names = sorted(each["metadata"]["name"] for each in others)
        before, after = [each for each in names if each < name], [each for each in names if each > name]
        never = [each["name"] for each in own_entries(configuration) if each.get("reinvocationPolicy") != "IfNeeded"]
        order = "; ".join(
            f"{', '.join(each)} {word} it"
            for each, word in ((before, "is called before"), (after, "is called after"))
            if each
        )
        if after and never:
            message = (
                f"{order}, and reinvocationPolicy of {', '.join(never)} is Never: containers added after it "
                "are not seen; set webhook.reinvocationPolicy to IfNeeded"
            )
            yield warning(name, message, f"kubectl get mutatingwebhookconfiguration {', '.join(after)}")
        else:
            yield ok(name, f"{order}; reinvocationPolicy {'Never' if never else 'IfNeeded'}")
