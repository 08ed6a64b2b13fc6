"""Templates in, overlays out: Jinja text in which every expression is data (DESIGN: Rendering)."""

from injector.core.render.engine import TemplateSet
from injector.core.render.faults import RenderingError, TemplateFault, TemplateFaults

__all__ = ["RenderingError", "TemplateFault", "TemplateFaults", "TemplateSet"]
