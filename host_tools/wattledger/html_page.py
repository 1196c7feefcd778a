"""What every HTML file of the tool has in common: one page that needs nothing else.

Bills and reports are kept for years and sent by mail: style and pictures are inside, a browser
that opens the file fetches and runs nothing, whatever the texts of meters and files say.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
LIGHT = {"ink": "#1c2430", "dim": "#55606e", "line": "#d5dbe2", "back": "#ffffff"}
DARK = {"ink": "#e6eaf0", "dim": "#a8b3c1", "line": "#3a4552", "back": "#12171d"}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 62em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; margin: 0 0 .2em; } h2 { font-size: 1.05em; margin: 1.8em 0 .4em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--dim); padding: .6em 0 .2em; }
th, td { text-align: left; padding: .25em .6em .25em 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; color: var(--dim); } .n { text-align: right; white-space: nowrap; }
tr.total td { font-weight: 700; border-top: 2px solid var(--ink); border-bottom: 0; }
.small { font-size: .85em; color: var(--dim); } code { font-size: .9em; word-break: break-all; }
.verdict { border-left: 4px solid var(--dim); padding: .3em .8em; }
.verified { border-color: #1d8348; } .different { border-color: #b03a2e; font-weight: 700; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--ink); }
@media print { body { margin: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; } tr, svg { break-inside: avoid; } .wide { overflow: visible; }
  svg * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


class Number(NamedTuple):
    """A cell whose text is rounded; exact: what it stands for, as str of a Fraction."""

    text: str
    exact: str


Cell = str | Number


def document(title: str, body: str, style: str = "", themes: Sequence[dict[str, str]] = ()) -> str:
    """-> HTML. style: more of it; themes: more colours by name, for light and dark."""
    more_light, more_dark = themes or ({}, {})
    light, dark = colours(LIGHT | more_light), colours(DARK | more_dark)
    styles = (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
        f"{_STYLE}{style}"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{styles}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def colours(by_name: dict[str, str]) -> str:
    """-> as custom properties of CSS"""
    return " ".join(f"--{name}: {value};" for name, value in by_name.items())


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    total: Sequence[Cell] = (),
    caption: str = "",
) -> str:
    """Columns whose name starts with ">" are numbers: to the right. columns: empty for none."""
    right = [column[:1] == ">" for column in columns]
    head = "".join(_cell("th", c.lstrip(">"), c[:1] == ">") for c in columns)
    shown = f"<caption>{escape(caption)}</caption>" if caption else ""
    shown += f"<thead><tr>{head}</tr></thead>" if columns else ""
    body = "".join(f"<tr>{_cells(row, right)}</tr>\n" for row in rows)
    if total:
        body += f'<tr class="total">{_cells(total, right)}</tr>'
    return f"<table>{shown}<tbody>{body}</tbody></table>"


def _cells(row: Sequence[Cell], right: list[bool]) -> str:
    sides = right or [False] * len(row)
    return "".join(_cell("td", cell, side) for cell, side in zip(row, sides, strict=True))


def _cell(tag: str, cell: Cell, is_number: bool) -> str:
    kind = ' class="n"' if is_number else ""
    return f"<{tag}{kind}>{inline(cell)}</{tag}>"


def inline(cell: Cell) -> str:
    """-> HTML of a text or a number"""
    if isinstance(cell, Number):
        return f'<data value="{escape(cell.exact)}">{escape(cell.text)}</data>'
    return escape(cell)
