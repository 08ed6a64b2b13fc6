"""Kubernetes label selectors over plain labels.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label: `operator` is one of `OPERATORS`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet this condition. NotIn is met by an absent key, as in Kubernetes."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels

    def as_expression(self) -> dict[str, Any]:
        """The entry of `matchExpressions` that says the same."""
        expression: dict[str, Any] = {"key": self.key, "operator": self.operator}
        return {**expression, "values": list(self.values)} if self.values else expression


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of its requirements have to be met; without any, every set of labels matches."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet every requirement."""
        for requirement in self.requirements:  # noqa: SIM110 -- for every pod: `all` would make a generator for each
            if not requirement.matches(labels):
                return False
        return True

    def as_json(self) -> dict[str, Any]:
        """The selector as a Kubernetes LabelSelector object."""
        return {"matchExpressions": [requirement.as_expression() for requirement in self.requirements]}


def parse_selector(document: Any) -> LabelSelector:
    """Read a Kubernetes LabelSelector (`matchLabels`, `matchExpressions`).

    Raises ValueError that says which part is wrong and what would be valid.
    """
    if not isinstance(document, dict):
        raise ValueError(f"a label selector has to be a mapping, not {document!r}")
    unknown = sorted(set(document) - {"matchLabels", "matchExpressions"})
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} in a label selector; valid: matchLabels, matchExpressions")
    labels = document.get("matchLabels") or {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError(f"matchLabels has to map texts to texts, not {labels!r}")
    equalities = tuple(Requirement(key, "In", (value,)) for key, value in labels.items())
    expressions = document.get("matchExpressions") or []
    if not isinstance(expressions, list):
        raise ValueError(f"matchExpressions has to be a list, not {expressions!r}")
    return LabelSelector(equalities + tuple(map(_parse_expression, expressions)))


def _parse_expression(expression: Any) -> Requirement:
    if not isinstance(expression, dict) or not isinstance(expression.get("key"), str) or not expression["key"]:
        raise ValueError(f"an entry of matchExpressions needs a key, unlike {expression!r}")
    operator = expression.get("operator")
    if operator not in OPERATORS:
        raise ValueError(f"operator {operator!r} of key {expression['key']!r} is not one of {', '.join(OPERATORS)}")
    values = expression.get("values") or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"values of key {expression['key']!r} have to be a list of texts, not {values!r}")
    if bool(values) != (operator in ("In", "NotIn")):
        wanted = "at least one value" if operator in ("In", "NotIn") else "no values"
        raise ValueError(f"operator {operator} of key {expression['key']!r} takes {wanted}")
    return Requirement(expression["key"], operator, tuple(values))
