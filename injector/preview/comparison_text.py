"""A comparison of two configurations, for a terminal and as plain JSON."""

from collections.abc import Iterator, Sequence

from injector.core.model import JsonObject
from injector.preview.comparison import CONSEQUENCES, Compared, Group, grouped
from injector.preview.terminal import Paint, diff_as_shown, plain, title_of_case

_STYLES = {"refused": "refuse", "lost": "refuse", "gained": "inject", "changed": "skip"}


def comparison_text(compared: Sequence[Compared], paint: Paint = plain) -> str:
    """The whole text: how many would change, then each group with its workloads and what they have in common."""
    groups = grouped(compared)
    changing = sum(len(group.members) for group in groups)
    head = f"{changing} of {len(compared)} workloads would change on the next restart of their pods"
    lines = [paint(head, "title"), *(line for group in groups for line in _group_lines(group, paint))]
    return "".join(f"{line}\n" for line in lines)


def comparison_items(compared: Sequence[Compared]) -> list[JsonObject]:
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
    yield from (f"  {title_of_case(each.after)}" for each in group.members)
    yield from (f"    {line}" for line in diff_as_shown(group.detail, paint))
