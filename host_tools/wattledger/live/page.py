"""The page as it is before its script runs: every number is in it already."""

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib import resources
from string import Template
from typing import Any

from wattledger.live import whatif

_NONE = "None."
_CELLS = {"r": '<th scope="row">{}</th>', "n": '<td class="n">{}</td>', "t": "<td>{}</td>"}


def render(now: dict[str, Any], day: dict[str, Any] | None) -> str:
    """now, day: of wattledger.live.view -> HTML; whatever they hold is text in it."""
    known = day or {"summary": "", "hours": [], "events": [], "bill": None}
    bill = known["bill"] or {"title": "", "lines": [], "total": "", "currency": ""}
    is_stale = now["silence"] or (now["age_s"] or 0) > now["stale_after_s"]
    return _template().substitute(
        meter=escape(now["meter"]),
        at=escape(now["at"]),
        stale=' class="stale"' if is_stale else "",
        silence=escape(now["silence"]),
        facts="".join(map(_fact, now["facts"])),
        alerts="".join(f"<li>{escape(text)}</li>" for text in now["alerts"] or [_NONE]),
        summary=escape(known["summary"]),
        hours=_rows(known["hours"], "rnn"),
        bill_title=escape(bill["title"]),
        bill_lines=_rows(bill["lines"], "rnnn"),
        total=escape(bill["total"]),
        currency=escape(bill["currency"]),
        events=_rows(known["events"], "rtt"),
        examples="".join(f"<option>{escape(name)}</option>" for name in whatif.examples()),
    )


def _fact(fact: dict[str, Any]) -> str:
    big = ' class="big"' if fact["big"] else ""
    return f"<div{big}><dt>{escape(fact['name'])}</dt><dd>{_breakable(fact['text'])}</dd></div>"


def _rows(rows: Iterable[list[str]], kinds: str) -> str:
    """kinds: of the cells: r: heads the row, n: a number, t: a text"""
    shown = ""
    for row in rows:
        cells = (_CELLS[k].format(_breakable(text)) for k, text in zip(kinds, row, strict=True))
        shown += f"<tr>{''.join(cells)}</tr>"
    return shown


def _breakable(text: str) -> str:
    """Names of rates are long: a line may break after each _ in them."""
    return escape(text).replace("_", "_<wbr>")


@cache
def _template() -> Template:
    file = resources.files("wattledger.live").joinpath("static", "page.html")
    return Template(file.read_text("utf-8"))
