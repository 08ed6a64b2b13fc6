"""Delegates: a VirtualService that leaves some of its routes to another one, which has no hosts.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate. A route of the delegate
takes over where its conditions are at least as narrow as those of the route that delegates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from injector.core.model import JsonObject
from injector.gateway.documents import Resources, mapping_in, validated
from injector.gateway.hosts import qualified_gateway, selects
from injector.gateway.model import Report, Resource
from injector.gateway.virtual_services import VIRTUAL_SERVICE

# Fields of a route that a delegate takes over where it has none of its own.
_INHERITED = (
    "rewrite timeout retries fault mirror mirrorPercentage mirrorPercent mirrors corsPolicy headers directResponse"
).split()
_TEXT_CONDITIONS = ("uri", "scheme", "method", "authority")
_NAMED_CONDITIONS = ("headers", "withoutHeaders", "queryParams")


def is_delegate(service: Resource) -> bool:
    """Whether it has no hosts of its own, so that only others lead to it."""
    return not mapping_in(service, "spec").get("hosts")


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One rule of `http` as it is in effect: `owner` and `index` say where it is written."""

    owner: Resource
    index: int
    body: JsonObject

    @property
    def name(self) -> str:
        """Its name, or one made of where it is."""
        return str(self.body.get("name") or f"{self.owner.namespace}/{self.owner.name}/{self.index}")

    def matches(self) -> list[JsonObject]:
        """Its matches; without any, one that every request meets."""
        found: list[JsonObject] = self.body.get("match") or [{}]
        return found


def http_rules(service: Resource, resources: Resources, report: Report) -> Iterator[HttpRule]:
    """The rules of a validated VirtualService, those of its delegates in the place of the rules that delegate.

    A rule of nothing but a corsPolicy, which by itself could answer nothing, is meant for those after it.
    """
    common: JsonObject = {}
    for index, written in enumerate(service.body.get("http") or ()):
        rule = {**common, **written}
        if "delegate" in rule:
            yield from _delegated(HttpRule(service, index, rule), resources, report)
        elif "corsPolicy" in written and written.keys() <= {"corsPolicy", "name"}:
            common = {"corsPolicy": written["corsPolicy"]}
            report.warn(service, ("http", index), "is taken for the corsPolicy of the rules after it that have none")
        elif not any(rule.get(answer) for answer in ("route", "redirect", "directResponse")):
            report.warn(service, ("http", index), "is left out: it has no route, redirect, directResponse or delegate")
        else:
            yield HttpRule(service, index, rule)


def _delegated(root: HttpRule, resources: Resources, report: Report) -> Iterator[HttpRule]:
    owner, named, path = root.owner, root.body["delegate"], ("http", root.index, "delegate")
    namespace = named.get("namespace", owner.namespace)
    raw = resources.find("VirtualService", namespace, named["name"])
    title = f'VirtualService "{namespace}/{named["name"]}"'
    if raw is None or not is_delegate(raw):
        reason = "is not among the documents" if raw is None else "has hosts, so that nothing can be delegated to it"
        report.refuse(owner, path, f"{title} {reason}")
        return
    delegate = validated(raw, VIRTUAL_SERVICE, report)
    if delegate is None:
        return
    if not any(selects(each, namespace, owner.namespace) for each in delegate.body.get("exportTo") or ["*"]):
        report.refuse(owner, path, f"{title} is not exported to namespace {owner.namespace}")
        return
    for index, rule in enumerate(delegate.body.get("http") or ()):
        if "delegate" in rule:
            report.refuse(delegate, ("http", index, "delegate"), "cannot be set in a delegate")
            continue
        body = _merged(_in_any_namespace(root), rule)
        if body is None:
            message = f'is left out: it matches nothing that "{owner.namespace}/{owner.name}" delegates'
            report.warn(delegate, ("http", index, "match"), message)
        else:
            yield HttpRule(delegate, index, body)


def _in_any_namespace(rule: HttpRule) -> JsonObject:
    """The rule's body, with names of Gateways that mean the same in the delegate's namespace."""
    matches = [
        {**match, "gateways": [qualified_gateway(name, rule.owner.namespace) for name in match["gateways"]]}
        if "gateways" in match
        else match
        for match in rule.body.get("match") or ()
    ]
    return {**rule.body, "match": matches}


def _merged(root: JsonObject, rule: JsonObject) -> JsonObject | None:
    """The delegate's rule within the root's; None where their matches have nothing in common."""
    matches = _merged_matches(root.get("match") or [], rule.get("match") or [])
    if matches is None:
        return None
    inherited = {name: root[name] for name in _INHERITED if name in root}
    name = "-".join(each["name"] for each in (root, rule) if "name" in each)
    return {**inherited, **rule, "match": matches, **({"name": name} if name else {})}


def _merged_matches(roots: list[JsonObject], leaves: list[JsonObject]) -> list[JsonObject] | None:
    if not roots or not leaves:
        return roots or leaves
    merged: list[JsonObject] = []
    for leaf in leaves:
        found = [_merged_match(root, leaf) for root in roots if _narrows(root, leaf)]
        if not found:
            return None
        merged += found
    return merged


def _merged_match(root: JsonObject, leaf: JsonObject) -> JsonObject:
    name = "-".join(each["name"] for each in (root, leaf) if "name" in each)
    merged = {**root, **leaf, **({"name": name} if name else {})}
    for field in _NAMED_CONDITIONS:
        if field in root and field in leaf:
            merged[field] = {**root[field], **leaf[field]}
    return merged


def _narrows(root: JsonObject, leaf: JsonObject) -> bool:
    """Whether whatever meets `leaf` may meet `root` too, with conditions that are at least as narrow."""
    texts = [(root.get(name), leaf.get(name)) for name in _TEXT_CONDITIONS]
    for field in _NAMED_CONDITIONS:
        texts += [(root.get(field, {}).get(name), condition) for name, condition in (leaf.get(field) or {}).items()]
    if not all(_narrows_text(one, other) for one, other in texts):
        return False
    if bool(root.get("ignoreUriCase")) != bool(leaf.get("ignoreUriCase")) and "uri" in root and "uri" in leaf:
        return False
    gateways = root.get("gateways")
    return root.get("port", leaf.get("port")) == leaf.get("port", root.get("port")) and (
        not gateways or set(leaf.get("gateways") or gateways) <= set(gateways)
    )


def _narrows_text(root: Any, leaf: Any) -> bool:
    if not root or not leaf:
        return True
    if "regex" in root or "regex" in leaf:
        return False
    if "exact" in root:
        return bool(leaf.get("exact") == root["exact"])
    (value,) = leaf.values()
    return str(value).startswith(root["prefix"])
