"""Previews of what an API server does by policies, in place of the webhook."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from injector.core.model import JsonObject
from injector.core.patch import diff
from injector.manifests.workloads import title_of
from injector.policy import Policy
from injector.policy.application import Applied, apply_all
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


def policy_previews(previews: Iterable[Preview], policies: Sequence[Policy]) -> Iterator[PolicyPreview]:
    """What the policies do to the pods of previewed workloads."""
    for preview in previews:
        if not preview.pod:
            yield PolicyPreview(preview, ())
            continue
        found = preview.namespace_object
        labels = None if found is None else (found.get("metadata") or {}).get("labels") or {}
        yield PolicyPreview(preview, apply_all(policies, preview.pod, preview.namespace, labels))


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
