"""Templates as admission policies: one that changes pods, and one that refuses them where the template does.

Source: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from injector.core.errors import InjectorError, suggestion
from injector.core.model import DEFAULT_PROXY_ID, NETWORK_LABEL, PROXY_CONTAINER, Config, JsonObject
from injector.core.platform import OPENSHIFT
from injector.core.render import KnownNames, TemplateSet
from injector.core.render.context import SAFE_FUNCTIONS, configured_by
from injector.core.render.functions import FILTERS
from injector.policy.cel import (
    EMPTY_LIST,
    FALSE,
    TRUE,
    Expression,
    Index,
    Literal,
    choice,
    conjunction,
    disjunction,
    negation,
    or_value,
    text_of,
)
from injector.policy.compilation import Compiled, compiled, patch_of
from injector.policy.conditions import Conditions, conditions_of
from injector.policy.scope import LABELS, variable
from injector.policy.statements import Refused
from injector.policy.values import CannotSayError
from injector.policy.variables import record, record_key, standard_variables

API_VERSION = "admissionregistration.k8s.io/v1"
# The API server has these policies from this release on; its nodes are at most three older, and run native sidecars.
SINCE = "1.36"
# By these a policy in a cluster is known again.
TEMPLATE_ANNOTATION, DIGEST_ANNOTATION = "sidecar-injector.io/template", "sidecar-injector.io/digest"
_DIGEST_LENGTH = 16
_USED = re.compile(r"\bvariables\.([A-Za-z]+)\b")
_NO_NAME = re.compile(r"[^a-z0-9]+")
_RECORDABLE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,40}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """What of a template CEL cannot say: the line, the expression, if it is one, and why."""

    template: str
    line: int
    expression: str
    why: str

    def __str__(self) -> str:
        """One line for a report."""
        shown = f"{self.expression}: " if self.expression else ""
        return f"template {self.template!r}, line {self.line}: {shown}{self.why}"


class PolicyFaults(InjectorError):  # noqa: N818 -- a collection of faults
    """Templates that cannot be said in CEL: all that was found, one a template."""

    def __init__(self, faults: Sequence[PolicyFault]) -> None:
        """Hold the faults."""
        super().__init__(*map(str, faults))
        self.templates = tuple(faults)


@dataclass(frozen=True, slots=True)
class Policy:
    """A template in CEL: when it applies, its variables by name, the patch, and what it refuses."""

    template: str
    name: str
    digest: str
    conditions: Conditions
    variables: Mapping[str, Expression]
    patch: Expression
    refused: tuple[tuple[Expression, Expression], ...]

    def documents(self) -> list[JsonObject]:
        """The policies and their bindings for `kubectl apply`: first what refuses pods, which is in time then."""
        documents: list[JsonObject] = []
        if self.refused:
            binding = _binding("ValidatingAdmissionPolicyBinding", self.name)
            binding["spec"]["validationActions"] = ["Deny"]
            documents += [self._validating(), binding]
        return [*documents, self._mutating(), _binding("MutatingAdmissionPolicyBinding", self.name)]

    def _metadata(self) -> JsonObject:
        return {
            "name": self.name,
            "labels": {"app.kubernetes.io/managed-by": "sidecar-injector"},
            "annotations": {TEMPLATE_ANNOTATION: self.template, DIGEST_ANNOTATION: self.digest},
        }

    def _mutating(self) -> JsonObject:
        return {
            "apiVersion": API_VERSION,
            "kind": "MutatingAdmissionPolicy",
            "metadata": self._metadata(),
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "IfNeeded",
                "matchConstraints": self.conditions.match_constraints(),
                **self._match_conditions(),
                "variables": _written(self.variables, [self.patch]),
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": text_of(self.patch)}}],
            },
        }

    def _validating(self) -> JsonObject:
        expressions = [each for pair in self.refused for each in pair]
        return {
            "apiVersion": API_VERSION,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": self._metadata(),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": self.conditions.match_constraints(),
                **self._match_conditions(),
                "variables": _written(self.variables, expressions),
                "validations": [
                    {"expression": text_of(negation(test)), "messageExpression": text_of(message)}
                    for test, message in self.refused
                ],
            },
        }

    def _match_conditions(self) -> JsonObject:
        conditions = [
            {"name": _NO_NAME.sub("-", name.lower()), "expression": text_of(test)}
            for name, test in self.conditions.tests.items()
        ]
        return {"matchConditions": conditions} if conditions else {}


def policies(config: Config, names: Iterable[str] = ()) -> list[Policy]:
    """The policies of templates under `config`: of those named, else of the default ones.

    Raises PolicyFaults with what CEL cannot say of each template, and InjectorError for a name that there is none of.
    """
    chosen = _chosen(config, names)
    results = {name: say(config, name) for name in chosen}
    faults = [found for found in results.values() if isinstance(found, PolicyFault)]
    if faults:
        raise PolicyFaults(faults)
    said = {name: found for name, found in results.items() if isinstance(found, Compiled)}
    records = {record_key(name, config.revision): (found.containers, found.volumes) for name, found in said.items()}
    return [_policy(config, name, found, records) for name, found in said.items()]


def say(config: Config, name: str) -> Compiled | PolicyFault:
    """A template in CEL, or the first thing of it that cannot be said."""
    try:
        return _compiled(config, name, {})
    except CannotSayError as error:
        return PolicyFault(name, error.line or 1, error.shown, error.why)


def _chosen(config: Config, names: Iterable[str]) -> list[str]:
    known = sorted(each for each in {*config.templates, *config.go_templates} if not each.startswith("_"))
    wanted = list(names) or [real for name in config.default_templates for real in config.aliases.get(name, (name,))]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InjectorError(*(f"unknown template {name!r}; {suggestion(name, known)}" for name in unknown))
    return list(dict.fromkeys(wanted))


def _compiled(config: Config, name: str, annotations: Mapping[str, Expression]) -> Compiled:
    if name in config.go_templates:
        raise CannotSayError("it is written in Go's text/template")
    if config.platform == OPENSHIFT:
        raise CannotSayError("on OpenShift users come from ranges of the namespace, which the webhook reads")
    if config.denied_annotations:
        raise CannotSayError("the configuration has deniedAnnotations, which the webhook checks")
    if not _RECORDABLE.fullmatch(name):
        raise CannotSayError("its name cannot be that of an annotation")
    constants = _constants(config)
    templates = TemplateSet(config.templates, FILTERS, KnownNames(frozen=constants, trusted=SAFE_FUNCTIONS))
    found = compiled(templates.evaluated(name), constants, _fixed(config, annotations))
    if PROXY_CONTAINER in found.containers:
        raise CannotSayError(
            f"it gives a container {PROXY_CONTAINER!r}, for which the webhook does more than its template says"
        )
    return found


def _constants(config: Config) -> dict[str, Any]:
    return {
        **configured_by(config).names,
        "native_sidecars": config.native_sidecars != "disabled",
        "proxy_uid": DEFAULT_PROXY_ID,
        "proxy_gid": DEFAULT_PROXY_ID,
    }


def _fixed(config: Config, annotations: Mapping[str, Expression]) -> dict[str, Mapping[str, Expression]]:
    """The annotations and labels that an injection adds whatever the template says."""
    own = {key: Literal(value) for key, value in config.injected_annotations.items()}
    network = config.values["global"].get("network") or ""
    label = or_value(Index(LABELS, Literal(NETWORK_LABEL), optional=True), Literal(network))
    return {"annotations": {**own, **annotations}, "labels": {NETWORK_LABEL: label} if network else {}}


def _policy(
    config: Config, name: str, found: Compiled, records: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
) -> Policy:
    conditions = conditions_of(config, name)
    digest = _digest(found, conditions)
    own = record(digest, found.containers, found.volumes, found.ordered)
    found = _compiled(config, name, {record_key(name, config.revision): own})
    selected = TRUE if conditions.selected == TRUE else variable("selected")
    refused = tuple((conjunction(selected, test), message) for message, test in _by_message(found.refused).items())
    is_changed = conjunction(selected, negation(disjunction(*(each.test for each in found.refused))))
    return Policy(
        template=name,
        name=_name(name, config),
        digest=digest,
        conditions=conditions,
        variables={
            "selected": conditions.selected,
            **standard_variables(records, record_key(name, config.revision)),
            **{field.variable: field.overlay for field in found.fields},
        },
        patch=choice(is_changed, patch_of(found.fields), EMPTY_LIST),
        refused=refused,
    )


def _by_message(refused: Iterable[Refused]) -> dict[Expression, Expression]:
    """When pods are refused, by the message: what a template says in several places is said once."""
    tests: dict[Expression, Expression] = {}
    for each in refused:
        tests[each.message] = disjunction(tests.get(each.message, FALSE), each.test)
    return tests


def _digest(found: Compiled, conditions: Conditions) -> str:
    texts = [text_of(patch_of(found.fields)), *(text_of(field.overlay) for field in found.fields)]
    texts += [text_of(test) for test in (conditions.selected, *conditions.tests.values())]
    return sha256("\n".join(texts).encode()).hexdigest()[:_DIGEST_LENGTH]


def _name(template: str, config: Config) -> str:
    parts = ("sidecar-injector", template.lower(), config.revision if config.revision != "default" else "")
    return "-".join(_NO_NAME.sub("-", part).strip("-") for part in parts if part)


def _binding(kind: str, name: str) -> JsonObject:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": {"policyName": name}}


def _written(variables: Mapping[str, Expression], expressions: Iterable[Expression]) -> list[JsonObject]:
    """The variables that expressions use, themselves or through others, in their order."""
    texts = {name: text_of(expression) for name, expression in variables.items()}
    used: set[str] = set()
    waiting = list(_used(map(text_of, expressions)))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _used([texts[name]])
    return [{"name": name, "expression": text} for name, text in texts.items() if name in used]


def _used(texts: Iterable[str]) -> Iterator[str]:
    return (name for text in texts for name in _USED.findall(text))
