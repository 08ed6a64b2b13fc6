"""Previews of what an API server does by policies, in place of the webhook."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from injector.core.injection import template_names
from injector.core.model import Config, JsonObject, Pod
from injector.core.patch import diff
from injector.core.pods import annotations
from injector.manifests.workloads import title_of
from injector.policy import Policy, PolicyFaults, policies
from injector.policy.application import Applied, apply_all
from injector.policy.variables import record_key, recorded_policies
from injector.reports.evaluate import Preview
from injector.reports.paint import Paint, plain


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """A workload and what each policy does to the pod that its controller would create."""

    preview: Preview
    applied: Sequence[Applied]

    @property
    def patch(self) -> list[JsonObject]:
        """What the policies change, together."""
        return list(diff(self.preview.pod, self.applied[-1].pod)) if self.applied else []

    @property
    def is_refused(self) -> bool:
        """Whether the API server would refuse the pod."""
        return not self.preview.pod or any(each.refusals or each.fault for each in self.applied)

    def as_json(self) -> JsonObject:
        """The preview as data."""
        return {
            "object": self.preview.document,
            "policies": [
                {
                    "name": each.policy.name,
                    "template": each.policy.template,
                    "conditions": dict(each.conditions),
                    "applies": all(each.conditions.values()),
                    "refusals": [*each.refusals, *filter(None, [each.fault])],
                }
                for each in self.applied
            ],
            "patch": self.patch,
        }


def policy_previews(previews: Iterable[Preview], found: Sequence[Policy]) -> Iterator[PolicyPreview]:
    """What the policies do to the pods of previewed workloads."""
    for preview in previews:
        if not preview.pod:
            yield PolicyPreview(preview, ())
            continue
        namespace = preview.namespace_object
        labels = None if namespace is None else (namespace.get("metadata") or {}).get("labels") or {}
        yield PolicyPreview(preview, apply_all(found, preview.pod, preview.namespace, labels))


def policies_text(previews: Iterable[PolicyPreview], paint: Paint = plain) -> str:
    """For each workload its policies, whether each condition holds, and the patch, one operation a line."""
    return "\n".join("".join(f"{line}\n" for line in _lines(preview, paint)) for preview in previews)


def _lines(preview: PolicyPreview, paint: Paint) -> Iterator[str]:
    yield paint(title_of(preview.preview.document), "title")
    if not preview.preview.pod:
        yield f"  refused: {preview.preview.admission.message}"
    for each in preview.applied:
        applies = "applies" if all(each.conditions.values()) else "does not apply"
        yield f"  policy {each.policy.name} (template {each.policy.template}): {applies}"
        yield from (f"    {'yes' if holds else 'no ':3} {name}" for name, holds in each.conditions.items())
        yield from (f"    refused: {message}" for message in each.refusals)
        if each.fault:
            yield f"    refused: an expression fails: {each.fault}"
    yield from (f"  {line}" for line in patch_lines(preview))


def patch_lines(preview: PolicyPreview) -> Iterator[str]:
    """The patch, one operation a line."""
    return (orjson.dumps(operation).decode() for operation in preview.patch)


class CurrentPolicies:
    """The policies that a configuration gives now, beside those whose records pods carry. Each is made when needed."""

    def __init__(self, config: Config) -> None:
        """Know nothing yet of the policies of `config`."""
        self._config = config
        self._keys = {record_key(name, config.revision): name for name in config.templates}
        self._digests: dict[str, str] = {}

    def templates_of(self, pod: Pod) -> set[str]:
        """The templates that policies have injected into a pod, as it says."""
        return {self._keys[key] for key in recorded_policies(annotations(pod)) if key in self._keys}

    def wanted_by(self, pod: Pod) -> tuple[str, ...]:
        """The templates that a pod is to have."""
        return template_names(annotations(pod), self._config)

    def changes(self, pod: Pod) -> Iterator[str]:
        """How the policies of a pod differ from those that there would be now, one line each."""
        for key, digest in recorded_policies(annotations(pod)).items():
            name = self._keys.get(key)
            now = self._digest(name) if name else ""
            if name and digest != now:
                yield f"policy of template {name!r}: {digest}, now {now or 'the template cannot be a policy'}"

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            try:
                self._digests[name] = policies(self._config, [name])[0].digest
            except PolicyFaults:
                self._digests[name] = ""
        return self._digests[name]
