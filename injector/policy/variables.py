"""The variables of a policy: the pod without what policies have put there, and what it belongs to.

A policy leaves a record in an annotation: the digest of the policy, the names that it added, and in which order it saw
the pod's containers. A second evaluation leaves out what was added, and sees the others in that order, so that it gives
the same again. As every record it is a claim of the pod's author: it counts only for names that the template gives.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from injector.core.pods import OWNER_RULES
from injector.core.selection import DEFAULT_REVISION
from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_MAP,
    EMPTY_TEXT,
    FALSE,
    Comprehension,
    Expression,
    Index,
    Literal,
    Name,
    Operation,
    bound,
    choice,
    conjunction,
    contains,
    disjunction,
    equal,
    field,
    list_of,
    macro,
    method,
    negation,
    optional_field,
    or_value,
    plus,
    size,
)

RECORD_PREFIX = "policy.sidecar-injector.io/"
_OBJECT = Name("object")
_SEPARATOR = "/"
_NAMES_SEPARATOR = ","
# The parts of a record behind the digest.
_CONTAINERS, _VOLUMES, _ORDER = 1, 2, {"containers": 3, "initContainers": 4}
_PARTS = 5


def record_key(template: str, revision: str) -> str:
    """The annotation in which a policy says what it added."""
    return (
        f"{RECORD_PREFIX}{template}" if revision in ("", DEFAULT_REVISION) else f"{RECORD_PREFIX}{template}.{revision}"
    )


def recorded_policies(annotations: Mapping[str, str]) -> dict[str, str]:
    """The records among a pod's annotations: name of the annotation → digest of the policy."""
    return {name: text.partition(_SEPARATOR)[0] for name, text in annotations.items() if name.startswith(RECORD_PREFIX)}


def _variable(name: str) -> Expression:
    return field(Name("variables"), name)


def _recorded(key: str, part: int) -> Expression:
    """The names in a part of the record under `key`."""
    text = or_value(optional_field(_OBJECT, "metadata", "annotations", key), EMPTY_TEXT)
    padded = plus(text, Literal(_SEPARATOR * _PARTS))
    return method(
        Index(method(padded, "split", Literal(_SEPARATOR)), Literal(part)), "split", Literal(_NAMES_SEPARATOR)
    )


def _recorded_of(key: str, part: int, names: Iterable[str]) -> Expression:
    """Those of `names` that the record under `key` says were added."""
    listed = _recorded(key, part)
    return macro(list_of(map(Literal, names)), "filter", "name", lambda name: contains(listed, name))


def record(digest: str, containers: Iterable[str], volumes: Iterable[str], ordered: Collection[str]) -> Expression:
    """The record of a policy: its digest, the names that it adds or added before, and those in the `ordered` lists."""
    present = [
        or_value(optional_field(_OBJECT, "spec", name), EMPTY_LIST)
        for name in ("containers", "initContainers", "volumes")
    ]
    parts = [
        Literal(digest),
        _added(containers, "recordedContainers", plus(*(_names(each) for each in present[:2]))),
        _added(volumes, "recordedVolumes", _names(present[2])),
        *(
            method(_names(_variable(name)), "join", Literal(_NAMES_SEPARATOR)) if name in ordered else EMPTY_TEXT
            for name in _ORDER
        ),
    ]
    while parts[-1] == EMPTY_TEXT:
        parts.pop()
    return plus(parts[0], *(plus(Literal(_SEPARATOR), part) for part in parts[1:]))


def _names(items: Expression) -> Expression:
    return macro(items, "map", "item", lambda item: field(item, "name"))


def _added(names: Iterable[str], variable: str, present: Expression) -> Expression:
    texts = list_of(map(Literal, names))
    if not texts.items:
        return EMPTY_TEXT
    added = macro(
        texts,
        "filter",
        "name",
        lambda name: disjunction(contains(_variable(variable), name), negation(contains(present, name))),
    )
    return method(added, "join", Literal(_NAMES_SEPARATOR))


def standard_variables(records: Mapping[str, tuple[Iterable[str], Iterable[str]]], own: str) -> dict[str, Expression]:
    """The variables by name, each after those that it uses.

    `records` has the annotation of each policy, with the names of the containers and volumes that its template gives;
    `own` is that of the policy itself.
    """
    keys = list_of(map(Literal, records))
    annotations = or_value(optional_field(_OBJECT, "metadata", "annotations"), EMPTY_MAP)
    others = Comprehension(
        annotations, "transformMap", ("key", "value"), (negation(contains(keys, Name("key"))), Name("value"))
    )
    named = {
        "recordedContainers": plus(
            EMPTY_LIST, *(_recorded_of(key, _CONTAINERS, each[0]) for key, each in records.items() if each[0])
        ),
        "recordedVolumes": plus(
            EMPTY_LIST, *(_recorded_of(key, _VOLUMES, each[1]) for key, each in records.items() if each[1])
        ),
        "annotations": others,
        "labels": or_value(optional_field(_OBJECT, "metadata", "labels"), EMPTY_MAP),
        "containers": _as_seen("containers", own),
        "initContainers": _as_seen("initContainers", own),
        "volumes": _without("volumes", "recordedVolumes"),
        "namespace": _namespace(),
        "controllers": _controllers(),
    }
    return {**named, **_workload()}


def _without(name: str, recorded_names: str) -> Expression:
    items = or_value(optional_field(_OBJECT, "spec", name), EMPTY_LIST)
    return macro(
        items, "filter", "item", lambda item: negation(contains(_variable(recorded_names), field(item, "name")))
    )


def _as_seen(name: str, key: str) -> Expression:
    """The containers without those that were added: first those that the policy saw before, in that order."""
    seen = method(_recorded(key, _ORDER[name]), "distinct")

    def body(items: Expression) -> Expression:
        found = macro(items, "filter", "other", lambda other: equal(field(other, "name"), Name("name")))
        before = method(macro(Name("seen"), "map", "name", lambda _: found), "flatten")
        return plus(
            before, macro(items, "filter", "item", lambda item: negation(contains(Name("seen"), field(item, "name"))))
        )

    return bound(
        _without(name, "recordedContainers"), "items", lambda items: bound(seen, "seen", lambda _: body(items))
    )


def _namespace() -> Expression:
    own = or_value(optional_field(_OBJECT, "metadata", "namespace"), EMPTY_TEXT)
    return choice(Operation("!=", (own, EMPTY_TEXT)), own, field(Name("request"), "namespace"))


def _controllers() -> Expression:
    """The pod's controllers, of which the first counts; see `core.pods`.

    They are a list, since an optional value in a variable has lost its type: its fields are never there.
    """
    generated = or_value(optional_field(_OBJECT, "metadata", "generateName"), EMPTY_TEXT)
    references = or_value(optional_field(_OBJECT, "metadata", "ownerReferences"), EMPTY_LIST)
    controllers = macro(
        references, "filter", "owner", lambda owner: or_value(optional_field(owner, "controller"), FALSE)
    )
    return choice(Operation("!=", (generated, EMPTY_TEXT)), controllers, EMPTY_LIST)


def _workload() -> dict[str, Expression]:
    """Name, kind and API version of what the pod belongs to, by the rules of `core.pods`."""
    own = or_value(optional_field(_OBJECT, "metadata", "name"), EMPTY_TEXT)
    first = Index(_variable("controllers"), Literal(0), optional=True)
    owner = {key: or_value(optional_field(first, key), EMPTY_TEXT) for key in ("name", "kind", "apiVersion")}
    name, kind, version = owner["name"], owner["kind"], owner["apiVersion"]
    for rule in reversed(OWNER_RULES):
        applies, found = _FOUND[rule.kind](owner["name"])
        test = conjunction(equal(owner["kind"], Literal(rule.owner_kind)), applies)
        name, kind = choice(test, found, name), choice(test, Literal(rule.kind), kind)
        version = choice(test, Literal(rule.api_version), version) if rule.api_version else version
    has = Operation(">", (size(_variable("controllers")), Literal(0)))
    controlled = choice(Operation("!=", (name, EMPTY_TEXT)), name, own)
    return {
        "workloadName": choice(has, controlled, own),
        "workloadKind": choice(has, kind, Literal("Pod")),
        "workloadVersion": choice(has, version, Literal("v1")),
    }


def _label(name: str) -> Expression:
    return or_value(Index(_variable("labels"), Literal(name), optional=True), EMPTY_TEXT)


def _without_hash(label: str) -> Callable[[Expression], tuple[Expression, Expression]]:
    def found(owner: Expression) -> tuple[Expression, Expression]:
        pod_hash, suffix = _label(label), plus(Literal("-"), _label(label))
        applies = conjunction(Operation("!=", (pod_hash, EMPTY_TEXT)), method(owner, "endsWith", pod_hash))
        rest = method(owner, "substring", Literal(0), Operation("-", (size(owner), size(suffix))))
        return applies, choice(method(owner, "endsWith", suffix), rest, owner)

    return found


def _deployment_config(_: Expression) -> tuple[Expression, Expression]:
    name = _label("deploymentconfig")
    return Operation("!=", (name, EMPTY_TEXT)), name


def _cron_job(owner: Expression) -> tuple[Expression, Expression]:
    end = method(owner, "lastIndexOf", Literal("-"))
    return method(owner, "matches", Literal("^.+-[0-9]{8,10}$")), method(owner, "substring", Literal(0), end)


# By the kind that a rule of `core.pods` finds: when it applies to the name of an owner, and the name that it gives.
_FOUND: Mapping[str, Callable[[Expression], tuple[Expression, Expression]]] = {
    "Deployment": _without_hash("pod-template-hash"),
    "Rollout": _without_hash("rollouts-pod-template-hash"),
    "DeploymentConfig": _deployment_config,
    "CronJob": _cron_job,
}
