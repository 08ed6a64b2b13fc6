"""The templates in force: what each adds to a pod, the annotations that it declares, and the pods that it is for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from injector.core.errors import suggestion
from injector.core.model import TEMPLATES_ANNOTATION, InjectionError, JsonObject
from injector.core.render import Declaration, RenderingError
from injector.core.setup import Setup
from injector.core.template_check import SAMPLE_NAMES, sample_overlay
from injector.policy import PolicyFault, say
from injector.reports.paint import Paint, plain

# The lists of an overlay whose items have names, with the word for one item.
_NAMED_LISTS = {
    "initContainers": "init container",
    "containers": "container",
    "volumes": "volume",
    "imagePullSecrets": "pull secret",
}
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class TemplateDescription:
    """One template; `source` is its file and line, or `shipped`. `aliases` are the other names that lead to it.

    `injected_by` says whether it may be a policy, or why it needs the webhook; empty where nobody looked.
    """

    name: str
    language: str
    source: str
    is_default: bool
    aliases: tuple[str, ...]
    adds: str
    annotations: tuple[Declaration, ...]
    text: str
    injected_by: str = ""

    @property
    def pods(self) -> str:
        """Which of the pods that are injected get it."""
        asked = " or ".join(f"{TEMPLATES_ANNOTATION}: {name}" for name in (self.name, *self.aliases))
        by_default = "injected pods that name no templates, and those with " if self.is_default else ""
        return f"{by_default or 'injected pods with '}the annotation {asked}"

    def as_json(self) -> JsonObject:
        """The description as data."""
        return {
            "name": self.name,
            "language": self.language,
            "source": self.source,
            "default": self.is_default,
            "aliases": list(self.aliases),
            "adds": self.adds,
            "pods": self.pods,
            "annotations": [
                {"name": each.name, "type": each.type, "default": each.default, "description": each.description}
                for each in self.annotations
            ],
            "text": self.text,
            **({"injectedBy": self.injected_by} if self.injected_by else {}),
        }


def describe_templates(setup: Setup, sources: Mapping[str, str]) -> list[TemplateDescription]:
    """The templates that a pod may name, by name; `sources` says where each was written."""
    return [_described(setup, name, sources) for name in setup.templates.names]


def describe_template(setup: Setup, name: str, sources: Mapping[str, str]) -> TemplateDescription:
    """Template `name`. Raises ValueError, with the nearest name, where there is none."""
    if name not in setup.templates.names:
        raise ValueError(f"there is no template {name!r}; {suggestion(name, setup.templates.names)}")
    return replace(_described(setup, name, sources), injected_by=_injected_by(setup, name))


def _injected_by(setup: Setup, name: str) -> str:
    """Whether an API server can inject the template without the webhook, or why not."""
    found = say(setup.config, name)
    if not isinstance(found, PolicyFault):
        return "policy or webhook"
    shown = f"{found.expression}: " if found.expression else ""
    return f"webhook only: line {found.line}: {shown}{found.why}"


def _described(setup: Setup, name: str, sources: Mapping[str, str]) -> TemplateDescription:
    config = setup.config
    is_go = name in config.go_templates
    default = {real for each in config.default_templates for real in config.aliases.get(each, (each,))}
    return TemplateDescription(
        name=name,
        language="Go" if is_go else "Jinja",
        source=sources[name],
        is_default=name in default,
        aliases=tuple(alias for alias, names in config.aliases.items() if name in names),
        adds=_adds(setup, name),
        annotations=tuple(setup.templates.declarations(name)),
        text=config.go_templates[name] if is_go else config.templates[name],
    )


def _adds(setup: Setup, name: str) -> str:
    """What the template adds to a sample pod, in one line."""
    try:
        overlay = sample_overlay(setup, name)
    except RenderingError as error:
        why = "refuses sample pods" if error.is_refusal else "fails"
        return f"{why}: {str(error).splitlines()[0]}"
    except InjectionError as error:
        return f"fails: {error}"
    return "; ".join(_parts(overlay)) or "nothing"


def _parts(overlay: JsonObject) -> Iterator[str]:
    spec: JsonObject = overlay.get("spec") or {}
    for field, word in _NAMED_LISTS.items():
        # A container of the sample pod is only changed.
        names = [str(item["name"]) for item in spec.get(field) or () if item["name"] not in SAMPLE_NAMES]
        if names:
            yield f"{word}{'s' if len(names) > 1 else ''} {_few(names)}"
    others = [field for field in spec if field not in _NAMED_LISTS]
    if others:
        yield f"spec {_few(others)}"
    for field in ("annotations", "labels"):
        names = list((overlay.get("metadata") or {}).get(field) or ())
        if names:
            yield f"{len(names)} {field if len(names) > 1 else field[:-1]}"


def _few(names: Sequence[str]) -> str:
    left = len(names) - _MOST_NAMES
    return ", ".join(names) if left <= 1 else f"{', '.join(names[:_MOST_NAMES])} and {left} more"


# As text for a terminal.


def columns(rows: Sequence[Sequence[str]], paint: Paint = plain) -> str:
    """Rows in columns, as `kubectl get` writes them; the first one is the heading."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{paint(line, 'title') if at == 0 else line}\n" for at, line in enumerate(lines))


def list_text(templates: Sequence[TemplateDescription], paint: Paint = plain) -> str:
    """One line for each template; `*` marks those that pods get by default."""
    rows = [
        (f"{each.name}{'*' if each.is_default else ''}", each.language, each.source, each.adds) for each in templates
    ]
    return columns([("NAME", "LANGUAGE", "SOURCE", "ADDS"), *rows], paint)


def template_text(template: TemplateDescription, paint: Paint = plain) -> str:
    """All that is known of one template, its text at the end."""
    head = paint(f"template {template.name}", "title")
    lines = [
        f"{head} ({template.language}, {template.source})",
        f"adds: {template.adds}",
        f"for:  {template.pods}",
        f"by:   {template.injected_by}",
    ]
    if template.annotations:
        rows = [(each.name, each.type, _shown(each.default), each.description) for each in template.annotations]
        table = columns([("ANNOTATION", "TYPE", "DEFAULT", "DESCRIPTION"), *rows], paint)
        lines += ["", *table.splitlines()]
    return "".join(f"{line}\n" for line in (*lines, "", paint("text", "title"), *template.text.splitlines()))


def _shown(default: Any) -> str:
    if default is None or default == "":
        return "-"
    return default if isinstance(default, str) else orjson.dumps(default).decode()
