"""A bill document as one HTML file that needs nothing else: styles and charts are inside."""

from html import escape
from typing import Any

from wattledger import html_page
from wattledger.bills import bill_svg
from wattledger.bills.bill_text import at, is_unused, price, quantity, rests, shortest, verdict
from wattledger.bills.bill_units import item
from wattledger.html_page import table

# What is bought and what is sold: colours of the charts, light and dark.
_THEMES = (
    {"bought": "#2f6f9f", "sold": "#b35c00"},
    {"bought": "#6fb3e0", "sold": "#f0a04b"},
)
_STYLE = """
svg .bought { fill: var(--bought); } svg .sold { fill: var(--sold); }
svg .zero { stroke: var(--ink); }
"""


def render(document: dict[str, Any]) -> str:
    """-> HTML. document: as wattledger.bill_document makes it."""
    period = document["period"]
    title = f"Electricity bill, period {period['number']}"
    parts = (_head, _lines, _charts, _demands, _registers, _proof)
    body = "\n".join(part(document) for part in parts)
    heading = f"<h1>{escape(title)}</h1>"
    return html_page.document(title, f"<main>\n{heading}\n{body}\n</main>", _STYLE, _THEMES)


def _head(document: dict[str, Any]) -> str:
    meter, period, tariff = (document[key] for key in ("meter", "period", "tariff"))
    rows = [
        ("Meter", f"{meter['serial']} ({meter['board']})"),
        ("From", at(period["start"])),
        ("To", f"{at(period['end'])}, {period['days']} days, {period['state']}"),
        ("Tariff", tariff["name"]),
        ("Source", tariff["source"]),
        ("Valid from", at(tariff["valid_from"]) if tariff["valid_from"] else ""),
    ]
    total = f"{document['total']['value']} {tariff['currency']}"
    return table((), [*((k, v) for k, v in rows if v), ("To pay", total)])


def _lines(document: dict[str, Any]) -> str:
    columns = ("", "Item", ">Tier", ">Quantity", ">Price", f">{document['tariff']['currency']}")
    rows = []
    for line in document["lines"]:
        counted = f"{quantity(line, document['tariff'])} {line['quantity']['unit']}"
        rows.append(
            (
                *(str(line["number"]), item(line), str(line["tier"] or "")),
                *(counted, price(line), line["rounded"]["value"], rests(line)),
            )
        )
    total = ("", "Total", "", "", "", document["total"]["value"], "")
    return "<h2>What it is made of</h2>\n" + table((*columns, "Rests on"), rows, total)


def _charts(document: dict[str, Any]) -> str:
    rates: dict[str, float] = {}
    for line in document["lines"]:
        if line["kind"] == "energy":
            energy = float(line["quantity"]["value"])
            rates[line["name"]] = rates.get(line["name"], 0.0) + energy
    shown = ""
    if any(rates.values()):
        bars = [(name, energy, f"{energy:.3f} kWh") for name, energy in rates.items()]
        shown += "<h2>Energy by rate</h2>\n" + bill_svg.bars("Energy by rate", bars)
    daily = [
        (day["date"], float(day["import_kwh"]), float(day["export_kwh"]))
        for day in document["daily"]
    ]
    if daily:
        shown += "\n<h2>Energy by day</h2>\n" + bill_svg.days("Energy by day", daily)
    return shown


def _demands(document: dict[str, Any]) -> str:
    rows = [(d["charge"], shortest(d["kw"]), at(d["ended"])) for d in document["demands"]]
    columns = ("Charge", ">kW", "Window ended")
    return "<h2>Maxima</h2>\n" + table(columns, rows) if rows else ""


def _registers(document: dict[str, Any]) -> str:
    columns = ("OBIS", "Register", ">Opening", ">Closing", ">Difference", "")
    rows = [
        (r["obis"], r["name"], r["opening"], r["closing"], r["difference"], r["unit"])
        for r in document["registers"]
        if not is_unused(r)
    ]
    return "<h2>Registers</h2>\n" + table(columns, rows)


def _proof(document: dict[str, Any]) -> str:
    state = document["verification"]["state"]
    said = "<br>\n".join(escape(text) for text in verdict(document))
    chain = document["chain"]
    heads = ", ".join(f"{h['ring']} {h['seq']} {h['tag']}" for h in chain["heads"])
    rows = [
        ("Tariff digest", document["tariff"]["digest"]),
        ("Software digest", document["meter"]["software"]),
        ("Seal of the meter", document["meter"]["seal"]),
        ("Chain heads", heads),
        ("Chains", "keyed" if chain["keyed"] else "without a key of their own"),
    ]
    shown = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>"
        for name, value in rows
    )
    name = state if state in ("verified", "different") else ""
    return (
        f'<h2>Proof</h2>\n<p class="verdict {name}">{said}</p>\n'
        f'<table class="small">{shown}</table>'
    )
