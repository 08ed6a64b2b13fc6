"""The languages of templates: two in one engine."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from injector.core.render.blocks import compile_blocks
from injector.core.render.checks import Fill
from injector.core.render.document import compile_document
from injector.core.render.jinja import TemplateEnvironment
from injector.core.render.partial_evaluation import KnownNames
from injector.core.render.placeholders import Rendering


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """What two languages have of their own in one engine.

    `environment` makes trees of texts, `rendering` is the one that runs, `new_rendering` begins one.
    `names` gives a template's names for a scope, None where they are those of the scope; `document` gives what a
    rendered text means, and `in_blocks` the same by another way. In a language that `is_plain` only long texts go that
    way: what reading them takes is counted, and must be the same with optimisation and without.
    """

    environment: Any
    rendering: ContextVar[Any]
    new_rendering: Callable[[], Rendering]
    names: Callable[[dict[str, Any]], dict[str, Any]] | None
    document: Callable[[str], Fill]
    in_blocks: Callable[..., Fill] | None = None
    is_plain: bool = False


def jinja(
    load: Callable[[str], str | None],
    filters: Mapping[str, Callable[..., Any]],
    known: KnownNames,
    *,
    optimise: bool = True,
) -> Language:
    """Jinja, for templates in whose scopes the names in `known` are known; `load` finds the libraries that they use."""
    rendering: ContextVar[Rendering] = ContextVar("rendering")
    environment = TemplateEnvironment(load, filters, rendering, known, optimise=optimise)
    constants = environment.constants.values
    return Language(
        environment,
        rendering,
        Rendering,
        None,
        lambda text: compile_document(text, constants),
        partial(compile_blocks, constants=constants),
        is_plain=not optimise,
    )


def go(constants: Mapping[str, Any], known: Mapping[str, Any]) -> Language:
    """Go's text/template; `constants` are the names that all scopes share, `known` all that is known of a scope."""
    # A fifth of what a command imports, which most have no use for.
    from injector.core.render.go.data import pod_names  # noqa: PLC0415
    from injector.core.render.go.document import GoBuilder  # noqa: PLC0415
    from injector.core.render.go.environment import GoEnvironment, GoRendering  # noqa: PLC0415

    rendering: ContextVar[GoRendering] = ContextVar("rendering")
    environment = GoEnvironment(rendering, known)
    values = environment.constants.values
    return Language(
        environment,
        rendering,
        GoRendering,
        lambda scope: pod_names(scope, constants),
        lambda text: compile_document(text, values, partial(GoBuilder, text=text)),
    )
