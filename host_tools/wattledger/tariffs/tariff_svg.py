"""A tariff as one SVG file that needs nothing else: the year as day x hour, and all charges."""

from datetime import date
from html import escape
from typing import Any

from meter import civil
from wattledger import show
from wattledger.tariffs import tariff_colours, tariff_terms
from wattledger.tariffs.tariff_file import Compiled

DAY_X, HOUR_Y = 2.4, 11.0  # size of a day and of an hour
LEFT, TOP = 48.0, 104.0
LINE = 18.0  # of text
WIDTH = 980.0
_WORDS = 100  # characters that fit on a line of text

_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.t{font-size:18px;font-weight:600}"
    ".s{fill:#666}.e{text-anchor:end}.m{text-anchor:middle}.b{font-weight:600}"
    "line{stroke:#fff;stroke-width:1}"
)


def svg(compiled: Compiled, year: int) -> str:
    """-> the text of the file. The picture is of `year`."""
    data, tariff = compiled.data, compiled.tariff()
    texts = _Texts()
    texts.add(LEFT, 34, data["name"], "t")
    texts.add(LEFT, 54, data["source"], "s")
    texts.add(LEFT, 72, f"{year} · {data['zone_name']} · {compiled.digest[:16]}", "s")
    picture = _year(data, tariff, year, texts)
    y = _legend(data, texts, TOP + 24 * HOUR_Y + 30)
    y = _terms(data, texts, y + LINE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {y:g}"'
        f' width="{WIDTH:g}" height="{y:g}" role="img">'
        f"<title>{escape(data['name'])}</title><style>{_STYLE}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{picture}{texts}</svg>\n'
    )


class _Texts:
    """Text elements, and coloured squares beside them."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, x: float, y: float, text: str, style: str = "") -> None:
        look = f' class="{style}"' if style else ""
        self._parts.append(f'<text x="{x:g}" y="{y:g}"{look}>{escape(text)}</text>')

    def swatch(self, x: float, y: float, colour: str) -> None:
        box = f'x="{x:g}" y="{y - 11:g}" width="12" height="12"'
        self._parts.append(f'<rect {box} fill="{colour}"/>')

    def __str__(self) -> str:
        return "".join(self._parts)


def _year(data: dict[str, Any], tariff: Any, year: int, texts: _Texts) -> str:
    """One path for each colour; a run of like days is one rectangle."""
    first = civil.days(year, 1, 1)
    count = civil.days(year + 1, 1, 1) - first
    days = [_spans(data["days"][tariff.calendar.day_profile(first + n)]) for n in range(count)]
    paths: dict[str, list[str]] = {}
    colours = tariff_colours.of_rates(data)
    for n, spans in enumerate(days):
        for span in spans:
            if n and span in days[n - 1]:
                continue  # drawn with the day before
            width = next((m for m in range(n, count) if span not in days[m]), count) - n
            start, end, rate = span
            x, y = LEFT + n * DAY_X, TOP + start / 60 * HOUR_Y
            w, h = width * DAY_X, (end - start) / 60 * HOUR_Y
            paths.setdefault(colours[rate], []).append(f"M{x:g} {y:g}h{w:g}v{h:g}h{-w:g}z")
    for month in range(1, 13):
        x = LEFT + (civil.days(year, month, 1) - first) * DAY_X
        texts.add(x + 15 * DAY_X, TOP - 6, f"{date(year, month, 1):%b}", "s m")
    for hour in range(0, 25, 6):
        texts.add(LEFT - 6, TOP + hour * HOUR_Y + 4, f"{hour:02d}:00", "s e")
    starts = (LEFT + (civil.days(year, m, 1) - first) * DAY_X for m in range(2, 13))
    lines = "".join(
        f'<line x1="{x:g}" x2="{x:g}" y1="{TOP:g}" y2="{TOP + 24 * HOUR_Y:g}"/>' for x in starts
    )
    drawn = (f'<path fill="{colour}" d="{"".join(d)}"/>' for colour, d in paths.items())
    return "".join(drawn) + lines


def _spans(switches: list[list[int]]) -> list[tuple[int, int, int]]:
    """-> (from minute, to minute, rate)"""
    ends = [minute for minute, _ in switches[1:]] + [1440]
    return [(minute, end, rate) for (minute, rate), end in zip(switches, ends, strict=True)]


def _legend(data: dict[str, Any], texts: _Texts, y: float) -> float:
    colours = tariff_colours.of_rates(data)
    texts.add(LEFT, y, f"Prices in {data['currency']} per kWh", "b")
    for index, rate in enumerate(data["rates"] + data["exports"]):
        y += LINE
        is_import = index < len(data["rates"])
        if is_import:
            texts.swatch(LEFT, y, colours[index])
        texts.add(LEFT + 20, y, rate["name"] + ("" if is_import else " (fed in)"))
        texts.add(LEFT + 260, y, " / ".join(show.price(nano) for nano in rate["prices"]))
    return y + LINE


def _terms(data: dict[str, Any], texts: _Texts, y: float) -> float:
    for what, words, price in tariff_terms.terms(data):
        texts.add(LEFT, y, what, "b")
        line = words + (f": {price}" if price else "")
        for text in _wrapped(line):
            texts.add(LEFT + 80, y, text)
            y += LINE
    return y + LINE


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= _WORDS:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
