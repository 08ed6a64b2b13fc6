"""Colours, for terminals."""

import typer

from injector.reports.render import STYLES


def painted(text: str, style: str) -> str:
    """`text` in the style of that name (see `preview.terminal`)."""
    return typer.style(text, **STYLES[style])
