"""Charts of a bill as inline SVG: bars, without a script, a font or a link to anywhere."""

from collections.abc import Sequence
from html import escape

_WIDTH = 700
_BAR = 22  # height of a row of bars, and the gap below
_GAP = 8
_LABEL = 160  # width left of the bars, and right of them
_VALUE = 110
_DAYS_HEIGHT = 150
_FOOT = 18


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """One horizontal bar a row. rows: (label, value >= 0, value as text)"""
    most = max((value for _, value, _ in rows), default=0) or 1
    room = _WIDTH - _LABEL - _VALUE
    parts = []
    for place, (label, value, text) in enumerate(rows):
        top = place * (_BAR + _GAP)
        long = max(1, round(room * value / most)) if value else 0
        parts.append(
            f'<text x="{_LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL}" y="{top}" width="{long}" height="{_BAR}" class="bought"/>'
            f'<text x="{_LABEL + long + 6}" y="{top + 15}">{escape(text)}</text>'
        )
    return _svg(title, len(rows) * (_BAR + _GAP), parts)


def days(title: str, rows: Sequence[tuple[str, float, float]]) -> str:
    """One column a day: what was bought above the line, what was sold below it.

    rows   (date, bought, sold), both >= 0
    """
    most_bought = max((bought for _, bought, _ in rows), default=0)
    most_sold = max((sold for *_, sold in rows), default=0)
    scale = _DAYS_HEIGHT / (most_bought + most_sold or 1)
    zero = most_bought * scale
    step = _WIDTH / max(1, len(rows))
    parts = []
    for place, (date, bought, sold) in enumerate(rows):
        left, wide = place * step + step * 0.1, step * 0.8
        tip = f"<title>{escape(date)}: {bought:.3f} kWh bought, {sold:.3f} kWh sold</title>"
        parts.append(
            f'<g>{tip}<rect x="{left:.1f}" y="{zero - bought * scale:.1f}" width="{wide:.1f}"'
            f' height="{bought * scale:.1f}" class="bought"/>'
            f'<rect x="{left:.1f}" y="{zero:.1f}" width="{wide:.1f}"'
            f' height="{sold * scale:.1f}" class="sold"/></g>'
        )
    parts.append(f'<line x1="0" x2="{_WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" class="zero"/>')
    every = -(-len(rows) // 8) or 1  # as many dates as fit below
    for place in range(0, len(rows), every):
        middle, foot = place * step + step / 2, _DAYS_HEIGHT + _FOOT - 4
        parts.append(
            f'<text x="{middle:.1f}" y="{foot}" text-anchor="middle">'
            f"{escape(rows[place][0][5:])}</text>"
        )
    return _svg(title, _DAYS_HEIGHT + _FOOT, parts)


def _svg(title: str, height: float, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
