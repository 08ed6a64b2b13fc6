"""Templates in, overlays out: Jinja text in which every expression is data (DESIGN: Rendering)."""

from injector.core.render.engine import TemplateSet
from injector.core.render.faults import RenderingError, TemplateFault, TemplateFaults
from injector.core.render.sandbox import KnownNames

__all__ = ["KnownNames", "RenderingError", "TemplateFault", "TemplateFaults", "TemplateSet"]
