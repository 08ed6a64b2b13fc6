"""Growth curves as small SVG files: cost by size, beside the floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _MARGIN = 560, 280, 56
_COLOURS = ("#1f6feb", "#8b949e", "#bf3989")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its name and its points (size, cost)."""

    name: str
    points: Sequence[tuple[float, float]]


def chart(title: str, across: str, lines: Sequence[Line], unit: str = "µs") -> str:
    """An SVG document; costs are in `unit`.

    Both axes begin at zero and are linear: what grows linearly is a straight line.
    """
    furthest = max(x for line in lines for x, _ in line.points)
    highest = max(y for line in lines for _, y in line.points)
    axes = _axes(across, furthest, f"{highest:,.0f} {unit}")
    drawn = "".join(_line(line, furthest, highest, at) for at, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img"><title>{escape(title)}</title><rect width="{_WIDTH}" height="{_HEIGHT}" '
        f'fill="white"/><text x="{_MARGIN}" y="18" font-weight="bold">{escape(title)}</text>'
        f"{axes}{drawn}</svg>\n"
    )


def _axes(across: str, furthest: float, highest: str) -> str:
    left, bottom, right, top = _MARGIN, _HEIGHT - _MARGIN, _WIDTH - _MARGIN, _MARGIN
    return (
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="black"/>'
        f'<text x="{left - 6}" y="{top + 4}" text-anchor="end">{highest}</text>'
        f'<text x="{left - 6}" y="{bottom}" text-anchor="end">0</text>'
        f'<text x="{right}" y="{bottom + 18}" text-anchor="end">{furthest:,.0f} {escape(across)}</text>'
    )


def _line(line: Line, furthest: float, highest: float, at: int) -> str:
    points = [_place(x / furthest, y / highest) for x, y in line.points]
    colour = _COLOURS[at]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    legend = f'<text x="{_MARGIN + 10}" y="{_MARGIN + 16 * (at + 1)}" fill="{colour}">{escape(line.name)}</text>'
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}{legend}'


def _place(share_across: float, share_up: float) -> tuple[float, float]:
    across, up = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    return _MARGIN + share_across * across, _HEIGHT - _MARGIN - share_up * up
