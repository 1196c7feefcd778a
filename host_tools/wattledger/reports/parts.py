"""What sections are made of. Every text from a meter or a file is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from wattledger import html_page
from wattledger.html_page import Cell
from wattledger.reports.figures_use import Picture


class Section(NamedTuple):
    """name: of its anchor; body: HTML"""

    name: str
    title: str
    body: str


def section(name: str, title: str, *parts: str) -> Section:
    return Section(name, title, "\n".join(part for part in parts if part))


def says(text: str, kind: str = "") -> str:
    """-> a paragraph"""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def picture(drawn: Picture) -> str:
    """-> a figure with its key and its caption"""
    entries = "".join(
        f'<li><span style="background: var(--{colour})"></span>{escape(text)}</li>'
        for colour, text in drawn.key
    )
    key = f'<ul class="key">{entries}</ul>' if entries else ""
    caption = f"<figcaption>{escape(drawn.says)}</figcaption>"
    return f"<figure>{drawn.svg}{key}{caption}</figure>"


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    total: Sequence[Cell] = (),
) -> str:
    """-> a table that scrolls by itself where it is wider than the page"""
    made = html_page.table(columns, rows, total, caption)
    label = escape(caption, quote=True)
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}">{made}</div>'


def beside(*parts: str) -> str:
    """-> parts in columns where the page is wide enough"""
    kept = [part for part in parts if part]
    inside = "\n".join(f"<div>{part}</div>" for part in kept)
    return f'<div class="beside">{inside}</div>' if len(kept) > 1 else "".join(kept)


def listed(items: Iterable[str], is_ranked: bool = False) -> str:
    """items: HTML"""
    tag = "ol" if is_ranked else "ul"
    return f"<{tag}>{''.join(f'<li>{item}</li>' for item in items)}</{tag}>"
