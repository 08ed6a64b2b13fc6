"""A configuration and its templates, ready for use: made once, before the first pod comes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from injector.core.decision import selection_of
from injector.core.denied import Denial, denials_of
from injector.core.injection import digest_of
from injector.core.misspelling import by_domain
from injector.core.model import DEFAULT_PROXY_ID, Config, InjectionError, Pod
from injector.core.pods import workload_of
from injector.core.reinjection.footprint import ANY, Shape, footprint_of
from injector.core.render import KnownNames, TemplateSet
from injector.core.render.context import SAFE_FUNCTIONS, Configured, TemplateInput, configured_by, pod_view, scope_of
from injector.core.render.functions import FILTERS
from injector.core.render.partial_evaluation import usual_scopes
from injector.core.selection import SelectionRule


@dataclass(frozen=True, slots=True)
class Setup:
    """A configuration and its templates, ready for use.

    `config` is the configuration in force, `configured` what follows from it, and `digest` stands for it and its
    templates in records. `footprint` gives what any of the templates can change of a pod, `asked_annotations` are those
    that only templates know, by domain.
    """

    config: Config
    configured: Configured
    templates: TemplateSet
    selection: tuple[SelectionRule, ...]
    denials: tuple[Denial, ...]
    digest: str
    footprint: Callable[[], Shape]
    asked_annotations: Mapping[str, frozenset[str]]


def set_up(config: Config, *, optimise: bool = True) -> Setup:
    """Make `config` ready for use. Templates are compiled when first needed; `Setup.templates.check` compiles all.

    `optimise` as in TemplateSet.
    """
    configured = configured_by(config)
    known = KnownNames(frozen=configured.names, trusted=SAFE_FUNCTIONS)
    templates = TemplateSet(
        config.templates, FILTERS, known, usual_scopes(configured), config.go_templates, optimise=optimise
    )
    footprint = cache(lambda: _footprint_of_all(configured, templates))
    return Setup(
        config,
        configured,
        templates,
        selection_of(config),
        denials_of(config.denied_annotations),
        digest_of(config),
        footprint,
        by_domain(templates.asked_annotations),
    )


# A pod whose one container stands for any of an application.
_SAMPLE: Pod = {"metadata": {"name": "sample"}, "spec": {"containers": [{"name": ANY, "image": "sample"}]}}


def _footprint_of_all(configured: Configured, templates: TemplateSet) -> Shape:
    """What any of the templates writes into a pod, with native sidecars and without, its traffic redirected."""
    overlays = []
    redirecting = {**configured.proxy_config, "interceptionMode": "REDIRECT"}
    for native in (True, False):
        scope = scope_of(
            TemplateInput(
                pod=pod_view(_SAMPLE),
                workload=workload_of(_SAMPLE, "default"),
                configured=configured,
                proxy_config=redirecting,
                native_sidecars=native,
                proxy_uid=DEFAULT_PROXY_ID,
                proxy_gid=DEFAULT_PROXY_ID,
                namespace={},
            )
        )
        for name in templates.names:
            with suppress(InjectionError):
                overlays.append(templates.render(name, scope))
    return footprint_of(overlays)
