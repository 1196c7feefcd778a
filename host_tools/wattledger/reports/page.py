"""A report as one HTML file that needs nothing else; it prints, and follows light and dark."""

from collections.abc import Callable, Sequence
from html import escape

from wattledger import __version__, html_page
from wattledger.html_page import Cell
from wattledger.reports import palette, texts
from wattledger.reports.parts import Section
from wattledger.reports.study import Study

Write = Callable[[Study], Section | None]
_STYLE = """
body { max-width: 72em; }
h2 { font-size: 1.25em; border-top: 1px solid var(--line); padding-top: 1em; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2em 1.2em; }
a { color: var(--use); }
.figures { display: grid; gap: .8em; margin: 1.2em 0;
  grid-template-columns: repeat(auto-fit, minmax(9.5em, 1fr)); }
.figures div { border: 1px solid var(--line); border-radius: .5em; padding: .6em .8em; }
.figures dt { color: var(--dim); font-size: .85em; } .figures dd { margin: 0; font-size: 1.25em;
  font-weight: 600; }
dd small { display: block; font-weight: 400; font-size: .7em; color: var(--dim); }
.beside { display: grid; gap: 0 2.5em; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 60em) { .beside { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
figure { margin: .6em 0 1em; } figcaption { color: var(--dim); font-size: .9em; }
.key { list-style: none; padding: 0; margin: .3em 0; display: flex; flex-wrap: wrap;
  gap: .1em 1em; font-size: .85em; }
.key span { display: inline-block; width: .8em; height: .8em; margin-right: .4em;
  border-radius: .15em; }
ol li, ul li { margin-bottom: .4em; }
table { font-size: .92em; } td:first-child { overflow-wrap: anywhere; }
svg { font-size: 11.5px; } .wide:focus-visible { outline: 2px solid var(--use); }
footer { margin: 3em 0 1em; }
@media print { nav { display: none; } h2 { border: 0; padding: 0; }
  table { font-size: .8em; } th, td { padding: .12em .5em .12em 0; }
  .beside { grid-template-columns: repeat(2, minmax(0, 1fr)); } figure, .figures div, li
  { break-inside: avoid; } .key span { print-color-adjust: exact;
  -webkit-print-color-adjust: exact; } }
@page { margin: 14mm; }
"""


def render(study: Study, edition: str, write: Sequence[Write]) -> str:
    """-> HTML. edition: its name; write: its sections in order"""
    subject = study.subject
    title = f"Electricity report, {subject.name}"
    sections = [section for one in write if (section := one(study))]
    links = "".join(f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in sections)
    body = "\n".join(
        f'<section aria-labelledby="{s.name}">\n<h2 id="{s.name}">{escape(s.title)}</h2>\n'
        f"{s.body}\n</section>"
        for s in sections
    )
    zone, tariff = subject.history.zone, subject.tariff
    when = f"{texts.day(subject.start, zone)} to {texts.last_day(subject.end, zone)}"
    return html_page.document(
        title,
        f"<header>\n<h1>{escape(title)}</h1>\n"
        f"<p>{escape(when)}, under {escape(tariff.name)}."
        f" {escape(edition.capitalize())} edition.</p>\n"
        f"{_figures(study)}\n</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main>\n{body}\n</main>\n'
        f'<footer class="small"><p>Made from {escape(subject.source)} by WattLedger {__version__}.'
        f" Tariff {tariff.digest[:16]}. Every number is that of the bill and of the profile,"
        " rounded for reading only.</p></footer>",
        _STYLE,
        (palette.LIGHT, palette.DARK),
    )


def _figures(study: Study) -> str:
    """The numbers that matter most."""
    subject, history = study.subject, study.subject.history
    currency, decimals = subject.tariff.currency, subject.tariff.decimals
    bought, sold = int(history.import_mwh.sum()), int(history.export_mwh.sum())
    shown: list[tuple[str, Cell, str]] = [
        ("To pay", texts.money(subject.total, decimals), currency),
        ("Bought", texts.kilo(bought), "kWh"),
    ]
    if sold:
        shown.append(("Sold", texts.kilo(sold), "kWh"))
    if bought:
        each = subject.total * 10**6 / bought
        shown.append(("A kWh bought, all in", texts.money(each, 4), currency))
    highest = texts.power(int(history.power_mw.max()))
    estimated = texts.percent(int(history.estimated.sum()), len(history))
    shown += [
        ("Always on", texts.power(study.found.base_mw), "base load"),
        ("Highest", highest, f"mean of {history.interval_s // 60} min"),
        ("Estimated", estimated, "of the intervals"),
    ]
    return (
        '<dl class="figures">'
        + "".join(
            f"<div><dt>{escape(name)}</dt><dd>{html_page.inline(cell)}"
            f" <small>{escape(unit)}</small></dd></div>"
            for name, cell, unit in shown
        )
        + "</dl>"
    )
