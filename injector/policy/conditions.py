"""The decision table in the words of a policy: selectors as far as they can say it, conditions in CEL for the rest.

Each rule of `core.decision` has its row here, under its name, so that a rule that is added there is missed here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from injector.core.decision import MIRROR_ANNOTATION, MOST_TERMS, OS_LABELS, WINDOWS, selection_of
from injector.core.model import TEMPLATES_ANNOTATION, Config, JsonObject
from injector.core.selection import (
    INJECT_KEY,
    NAMESPACE_NAME_LABEL,
    NOT_OPTED_OUT,
    LabelSelector,
    Requirement,
    SelectionRule,
)
from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_MAP,
    EMPTY_TEXT,
    FALSE,
    TRUE,
    Comprehension,
    Expression,
    Index,
    Literal,
    Name,
    Operation,
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
    size,
)
from injector.policy.filters import trimmed

_OBJECT, _NAMESPACE = Name("object"), Name("namespaceObject")
_ANNOTATIONS = or_value(optional_field(_OBJECT, "metadata", "annotations"), EMPTY_MAP)
_LABELS = or_value(optional_field(_OBJECT, "metadata", "labels"), EMPTY_MAP)
_NAMESPACE_LABELS = or_value(optional_field(_NAMESPACE, "metadata", "labels"), EMPTY_MAP)


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a policy changes a pod: both selectors match, every condition holds, by its name, and the pod is `selected`.

    Whether it is selected may depend on the labels of its namespace, which matchConditions do not see: there
    `namespaceObject` is null. So it is looked at behind them.
    """

    namespaces: LabelSelector
    pods: LabelSelector
    tests: Mapping[str, Expression]
    selected: Expression

    def match_constraints(self) -> JsonObject:
        """The `matchConstraints` of a policy for new pods."""
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        return {
            "resourceRules": [rule],
            "namespaceSelector": self.namespaces.as_json(),
            "objectSelector": self.pods.as_json(),
        }


def conditions_of(config: Config, template: str) -> Conditions:
    """When the webhook would apply `template` to a pod under `config`."""
    rules = selection_of(config)
    namespaces = _common(rule.namespace for rule in rules)
    # Whatever selects the pod, its label has the last word.
    pods = tuple(dict.fromkeys((*_common(rule.pod for rule in rules), NOT_OPTED_OUT)))
    tests = {name: say(config) for name, say in RULES.items()}
    tests["templates"] = _asks_for(template, config)
    return Conditions(
        LabelSelector((*namespaces, *_not_ignored(config))),
        LabelSelector(pods),
        {name: test for name, test in tests.items() if test != TRUE},
        disjunction(*(_selects(rule, namespaces, pods) for rule in rules)),
    )


def _common(selectors: Iterable[LabelSelector]) -> tuple[Requirement, ...]:
    """The requirements of every selector: a policy has one of them, where a webhook has an entry for each row."""
    lists = [selector.requirements for selector in selectors]
    return tuple(each for each in lists[0] if all(each in others for others in lists)) if lists else ()


def _not_ignored(config: Config) -> tuple[Requirement, ...]:
    ignored = tuple(sorted(config.ignored_namespaces))
    return (Requirement(NAMESPACE_NAME_LABEL, "NotIn", ignored),) if ignored else ()


def _selects(rule: SelectionRule, namespaces: Iterable[Requirement], pods: Iterable[Requirement]) -> Expression:
    """What a row of the opt-in table asks beyond the selectors."""
    of_namespace = (each for each in rule.namespace.requirements if each not in namespaces)
    of_pod = (each for each in rule.pod.requirements if each not in pods)
    return conjunction(
        *(_meets(each, _NAMESPACE_LABELS) for each in of_namespace), *(_meets(each, _LABELS) for each in of_pod)
    )


def _meets(requirement: Requirement, labels: Expression) -> Expression:
    key = Literal(requirement.key)
    is_there, values = contains(labels, key), list_of(map(Literal, requirement.values))
    is_one = contains(values, Index(labels, key))
    match requirement.operator:
        case "In":
            return conjunction(is_there, is_one)
        case "NotIn":
            return negation(conjunction(is_there, is_one))
        case "Exists":
            return is_there
        case _:
            return negation(is_there)


def _mirror_pod(_: Config) -> Expression:
    return negation(contains(_ANNOTATIONS, Literal(MIRROR_ANNOTATION)))


def _host_network(_: Config) -> Expression:
    return negation(or_value(optional_field(_OBJECT, "spec", "hostNetwork"), FALSE))


def _windows_pod(_: Config) -> Expression:
    system = or_value(optional_field(_OBJECT, "spec", "os", "name"), EMPTY_TEXT)
    selector = or_value(optional_field(_OBJECT, "spec", "nodeSelector"), EMPTY_MAP)
    labels = [Literal(label) for label in OS_LABELS]
    windows = Literal(WINDOWS)
    selected = (equal(or_value(Index(selector, label, optional=True), EMPTY_TEXT), windows) for label in labels)
    terms = or_value(
        optional_field(
            _OBJECT,
            "spec",
            "affinity",
            "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
            "nodeSelectorTerms",
        ),
        EMPTY_LIST,
    )
    asks = conjunction(
        Operation("<", (Name("place"), Literal(MOST_TERMS))),
        contains(list_of(labels), field(Name("term"), "key")),
        equal(field(Name("term"), "operator"), Literal("In")),
        equal(or_value(optional_field(Name("term"), "values"), EMPTY_LIST), list_of([windows])),
    )
    expressions = or_value(optional_field(Name("alternative"), "matchExpressions"), EMPTY_LIST)
    required = conjunction(
        Operation(">", (size(terms), Literal(0))),
        Operation("<=", (size(terms), Literal(MOST_TERMS))),
        macro(terms, "all", "alternative", lambda _: Comprehension(expressions, "exists", ("place", "term"), (asks,))),
    )
    asked = disjunction(*selected, required)
    return choice(equal(system, EMPTY_TEXT), negation(asked), Operation("!=", (system, windows)))


def _readable_policy(config: Config) -> Expression:
    return Literal(config.policy in ("enabled", "disabled"))


def _own_word(config: Config) -> Expression:
    """The pod's label, its annotation, the selectors and the policy, the first that has a word.

    These rules are one condition: whether a later one counts depends on those before it.
    """
    said = list_of([Literal("true"), Literal("false")])
    label, annotation = (
        or_value(Index(each, Literal(INJECT_KEY), optional=True), EMPTY_TEXT) for each in (_LABELS, _ANNOTATIONS)
    )
    never, always = (
        disjunction(*(_matches(selector) for selector in selectors if selector.requirements))
        for selectors in (config.never_inject_selector, config.always_inject_selector)
    )
    selectors = choice(never, FALSE, choice(always, TRUE, Literal(config.policy == "enabled")))
    has_no_label = negation(contains(_LABELS, Literal(INJECT_KEY)))
    by_annotation = choice(
        conjunction(has_no_label, contains(said, annotation)), equal(annotation, Literal("true")), selectors
    )
    return choice(contains(said, label), equal(label, Literal("true")), by_annotation)


def _matches(selector: LabelSelector) -> Expression:
    return conjunction(*(_meets(each, _LABELS) for each in selector.requirements))


def _elsewhere(_: Config) -> Expression:
    return TRUE


# By the names of the rules in `core.decision`. What the selectors say, and what `_own_word` says with others, is true.
RULES: Mapping[str, Callable[[Config], Expression]] = {
    "mirror pod": _mirror_pod,
    "host network": _host_network,
    "Windows pod": _windows_pod,
    "ignored namespace": _elsewhere,
    "namespace and revision": _elsewhere,
    "readable policy": _readable_policy,
    "pod label": _own_word,
    "pod annotation": _elsewhere,
    "neverInjectSelector": _elsewhere,
    "alwaysInjectSelector": _elsewhere,
    "policy": _elsewhere,
}


def _asks_for(template: str, config: Config) -> Expression:
    """Whether the template is among those of the pod: its annotation's, else the default ones."""
    names = [template, *(alias for alias, real in config.aliases.items() if template in real)]
    own = template not in config.aliases
    asked = [name for name in names if own or name != template]
    default = any(name in asked for name in config.default_templates)
    text = Index(_ANNOTATIONS, Literal(TEMPLATES_ANNOTATION))
    named = macro(
        method(text, "split", Literal(",")),
        "exists",
        "name",
        lambda name: contains(list_of(map(Literal, asked)), trimmed(name)),
    )
    return choice(contains(_ANNOTATIONS, Literal(TEMPLATES_ANNOTATION)), named, Literal(default))
