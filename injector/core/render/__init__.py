"""Templates in, overlays out: Jinja text in which every expression is data (DESIGN: Rendering)."""

from injector.core.render.declarations import Declaration
from injector.core.render.errors import RenderingError, TemplateFault, TemplateFaults
from injector.core.render.origins import Origin, Traced
from injector.core.render.partial_evaluation import KnownNames
from injector.core.render.template_set import TemplateSet

__all__ = [
    "Declaration",
    "KnownNames",
    "Origin",
    "RenderingError",
    "TemplateFault",
    "TemplateFaults",
    "TemplateSet",
    "Traced",
]
