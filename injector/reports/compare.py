"""What a second configuration would change: workloads in groups of the same consequence, worst first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from injector.core.model import STATUS_ANNOTATION, JsonObject, Pod, Snapshot
from injector.core.pods import all_containers, annotations, labels, with_metadata
from injector.core.setup import Setup
from injector.manifests.workloads import pod_of
from injector.reports.changes import changes_between, diff_lines
from injector.reports.documents import Document
from injector.reports.evaluate import Preview, PreviewOptions, preview_documents
from injector.reports.paint import Paint, plain
from injector.reports.render import diff_as_shown, preview_title

# Worst first: pods that no longer start, pods that leave the mesh, pods that come to it, pods with another sidecar.
CONSEQUENCES = {
    "refused": "would be refused",
    "lost": "would lose the sidecar",
    "gained": "would get a sidecar",
    "changed": "would get another sidecar",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One workload under both configurations."""

    before: Preview
    after: Preview

    @property
    def consequence(self) -> str:
        """A key of CONSEQUENCES; empty where nothing would change."""
        if not self.after.admission.allowed:
            return "refused" if self.before.admission.allowed else ""
        if self.before.is_injected != self.after.is_injected:
            return "gained" if self.after.is_injected else "lost"
        return "changed" if self.after.is_injected and any(self.detail()) else ""

    def detail(self) -> Iterator[str]:
        """How, line by line: the message of a refusal, the reason of a decision, the diff between the two results."""
        if not self.after.admission.allowed:
            yield from self.after.admission.message.splitlines()
        elif self.before.is_injected and self.after.is_injected:
            yield from diff_lines(changes_between(_without_record(self.before), _without_record(self.after)))
        elif self.after.admission.decision:
            yield f"{self.after.admission.decision.reason}: {self.after.admission.decision.message}"


@dataclass(frozen=True, slots=True)
class Group:
    """Workloads with the same consequence, for the same reason or with the same change.

    In `detail` the names of a workload and its containers are placeholders where its members differ only in them.
    """

    consequence: str
    detail: tuple[str, ...]
    members: tuple[Comparison, ...]


def compare(
    documents: list[Document], options: PreviewOptions, setups: tuple[Setup, Setup], snapshot: Snapshot
) -> Iterator[Comparison]:
    """Every workload among `documents` under both setups. Raises UnreadableInputError, as `preview_documents` does."""
    before, after = (preview_documents(documents, options, setup, snapshot) for setup in setups)
    return (Comparison(one, other) for one, other in zip(before, after, strict=True))


def grouped(compared: Iterable[Comparison]) -> list[Group]:
    """Those that would change, grouped: by consequence, worst first, larger groups before smaller ones."""
    members: dict[tuple[str, tuple[str, ...]], list[tuple[Comparison, tuple[str, ...]]]] = {}
    for each in compared:
        if each.consequence:
            detail = tuple(each.detail())
            key = each.consequence, tuple(_without_names(detail, each.after))
            members.setdefault(key, []).append((each, detail))
    groups = [
        Group(consequence, _common(common, [own for _, own in listed]), tuple(each for each, _ in listed))
        for (consequence, common), listed in members.items()
    ]
    order = list(CONSEQUENCES)
    return sorted(groups, key=lambda group: (order.index(group.consequence), -len(group.members)))


def _common(common: tuple[str, ...], details: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The detail of a group: its members' own where it is the same, else what they have in `common`."""
    return details[0] if len(set(details)) == 1 else common


def _without_names(detail: Sequence[str], preview: Preview) -> Iterator[str]:
    """The lines of `detail` with placeholders for the names of the workload, its namespace and its containers."""
    metadata = preview.document.get("metadata") or {}
    names = {
        **{each["name"]: "<container>" for _, _, each in all_containers(preview.pod)},
        preview.namespace: "<namespace>",
        str(metadata.get("name") or ""): "<name>",
    }
    # Only labels that are written there: those that a controller adds hold hashes and numbers.
    own = labels(pod_of(preview.document, preview.place)) if preview.pod else {}
    placeholders = {**{str(value): "<label>" for value in own.values()}, **names}
    # The value of a label may be a word that is in many others, such as the `v1` of `apis/apps/v1`.
    ordered = sorted(filter(None, placeholders), key=len, reverse=True)
    parts = [
        rf"(?<![\w{extra}-]){re.escape(each)}(?![\w{extra}-])"
        for each in ordered
        for extra in ["" if each in names else "/.:"]
    ]
    pattern = re.compile("|".join(parts)) if parts else None
    for line in detail:
        # A key is never a name of the user's; a value and the path of a hunk may hold some.
        key, colon, value = line.partition(": ") if line[:1] in "+-" else ("", "", line)
        text = value if colon else line
        replaced = pattern.sub(lambda found: placeholders[found[0]], text) if pattern else text
        yield f"{key}: {replaced}" if colon else replaced


def _without_record(preview: Preview) -> Pod:
    """The pod without the record of its injection, which tells again what is changed elsewhere."""
    pod = preview.admission.pod
    return with_metadata(pod, "annotations", {k: v for k, v in annotations(pod).items() if k != STATUS_ANNOTATION})


# A comparison of two configurations, for a terminal and as plain JSON.

_MEMBERS_SHOWN = 20
_STYLES = {"refused": "refuse", "lost": "refuse", "gained": "inject", "changed": "skip"}


def comparison_text(compared: Sequence[Comparison], paint: Paint = plain, *, is_summary: bool = False) -> str:
    """The whole text: how many would change, then each group with its workloads and what they have in common.

    A summary has a line for each consequence instead.
    """
    groups = grouped(compared)
    changing = sum(len(group.members) for group in groups)
    head = f"{changing} of {len(compared)} workloads would change on the next restart of their pods"
    lines = [paint(head, "title")]
    if is_summary:
        lines += _consequences(groups, paint)
    else:
        lines += [line for group in groups for line in ("", _heading(group, paint), *_group_lines(group, paint))]
    return "".join(f"{line}\n" for line in lines)


def _consequences(groups: Sequence[Group], paint: Paint) -> Iterator[str]:
    for consequence, words in CONSEQUENCES.items():
        sizes = [len(group.members) for group in groups if group.consequence == consequence]
        if sizes:
            ways = f", in {len(sizes)} different ways" if len(sizes) > 1 else ""
            yield paint(f"{sum(sizes)} {words}{ways}", _STYLES[consequence])


def comparison_items(compared: Sequence[Comparison]) -> list[JsonObject]:
    """The groups as plain JSON."""
    return [
        {
            "consequence": group.consequence,
            "count": len(group.members),
            "workloads": [
                {
                    "kind": each.after.document["kind"],
                    "namespace": each.after.namespace,
                    "name": (each.after.document.get("metadata") or {}).get("name", ""),
                }
                for each in group.members
            ],
            "detail": list(group.detail),
        }
        for group in grouped(compared)
    ]


def _heading(group: Group, paint: Paint) -> str:
    return paint(f"{len(group.members)} {CONSEQUENCES[group.consequence]}", _STYLES[group.consequence])


def _group_lines(group: Group, paint: Paint) -> Iterator[str]:
    yield from (f"  {preview_title(each.after)}" for each in group.members[:_MEMBERS_SHOWN])
    if len(group.members) > _MEMBERS_SHOWN:
        yield f"  and {len(group.members) - _MEMBERS_SHOWN} more; -o json lists them"
    yield from (f"    {line}" for line in diff_as_shown(group.detail, paint))
