"""What a second configuration would change: workloads in groups of the same consequence, worst first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from injector.core.admission import Setup
from injector.core.model import STATUS_ANNOTATION, JsonObject, Pod, Snapshot
from injector.core.pods import annotations, with_metadata
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
    """Workloads with the same consequence, for the same reason or with the same diff."""

    consequence: str
    detail: tuple[str, ...]
    members: tuple[Comparison, ...]


def compare(
    documents: list[Document], options: PreviewOptions, setups: tuple[Setup, Setup], snapshot: Snapshot
) -> list[Comparison]:
    """Every workload among `documents` under both setups. Raises UnreadableInputError, as `preview` does."""
    before, after = map(partial(_cases, documents, options, snapshot), setups)
    return [Comparison(one, other) for one, other in zip(before, after, strict=True)]


def grouped(compared: Iterable[Comparison]) -> list[Group]:
    """Those that would change, grouped: by consequence, worst first, larger groups before smaller ones."""
    found: dict[tuple[str, tuple[str, ...]], list[Comparison]] = {}
    for each in compared:
        if each.consequence:
            found.setdefault((each.consequence, tuple(each.detail())), []).append(each)
    groups = [Group(consequence, detail, tuple(members)) for (consequence, detail), members in found.items()]
    order = list(CONSEQUENCES)
    return sorted(groups, key=lambda group: (order.index(group.consequence), -len(group.members)))


def _cases(documents: list[Document], options: PreviewOptions, snapshot: Snapshot, setup: Setup) -> list[Preview]:
    return list(preview_documents(documents, options, setup, snapshot))


def _without_record(preview: Preview) -> Pod:
    """The pod without the record of its injection, which tells again what is changed elsewhere."""
    pod = preview.admission.pod
    return with_metadata(pod, "annotations", {k: v for k, v in annotations(pod).items() if k != STATUS_ANNOTATION})


# A comparison of two configurations, for a terminal and as plain JSON.

_STYLES = {"refused": "refuse", "lost": "refuse", "gained": "inject", "changed": "skip"}


def comparison_text(compared: Sequence[Comparison], paint: Paint = plain) -> str:
    """The whole text: how many would change, then each group with its workloads and what they have in common."""
    groups = grouped(compared)
    changing = sum(len(group.members) for group in groups)
    head = f"{changing} of {len(compared)} workloads would change on the next restart of their pods"
    lines = [paint(head, "title"), *(line for group in groups for line in _group_lines(group, paint))]
    return "".join(f"{line}\n" for line in lines)


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


def _group_lines(group: Group, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(f"{len(group.members)} {CONSEQUENCES[group.consequence]}", _STYLES[group.consequence])
    yield from (f"  {preview_title(each.after)}" for each in group.members)
    yield from (f"    {line}" for line in diff_as_shown(group.detail, paint))
