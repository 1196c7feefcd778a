"""A bill document as one HTML file that needs nothing else: styles and charts are inside."""

from collections.abc import Iterable
from html import escape
from typing import Any

from wattledger.bills import bill_svg
from wattledger.bills.bill_text import at, is_unused, price, quantity, rests, shortest, verdict
from wattledger.bills.bill_units import item

# A browser that opens the file fetches nothing, whatever its texts say.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; max-width: 62em; margin: 2em auto;
  padding: 0 1em; }
h1 { font-size: 1.5em; margin: 0 0 .2em; } h2 { font-size: 1.05em; margin: 1.8em 0 .4em; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25em .6em .25em 0; border-bottom: 1px solid #e3e7ec;
  vertical-align: top; }
th { font-weight: 600; color: #55606e; } .n { text-align: right; white-space: nowrap; }
tr.total td { font-weight: 700; border-top: 2px solid #1c2430; border-bottom: 0; }
.small { font-size: .85em; color: #55606e; } code { font-size: .9em; word-break: break-all; }
.verdict { border-left: 4px solid #8a94a3; padding: .3em .8em; }
.verified { border-color: #1d8348; } .different { border-color: #b03a2e; font-weight: 700; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg .bought { fill: #2f6f9f; } svg .sold { fill: #d68910; } svg .zero { stroke: #1c2430; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; } tr, svg { break-inside: avoid; }
  svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def render(document: dict[str, Any]) -> str:
    """-> HTML. document: as wattledger.bill_document makes it."""
    period = document["period"]
    title = f"Electricity bill, period {period['number']}"
    parts = (_head, _lines, _charts, _demands, _registers, _proof)
    body = "\n".join(part(document) for part in parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


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
    return _table((), [*((k, v) for k, v in rows if v), ("To pay", total)])


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
    return "<h2>What it is made of</h2>\n" + _table((*columns, "Rests on"), rows, total)


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
    return "<h2>Maxima</h2>\n" + _table(columns, rows) if rows else ""


def _registers(document: dict[str, Any]) -> str:
    columns = ("OBIS", "Register", ">Opening", ">Closing", ">Difference", "")
    rows = [
        (r["obis"], r["name"], r["opening"], r["closing"], r["difference"], r["unit"])
        for r in document["registers"]
        if not is_unused(r)
    ]
    return "<h2>Registers</h2>\n" + _table(columns, rows)


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


def _table(
    columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], total: tuple[str, ...] = ()
) -> str:
    """Columns whose name starts with ">" are numbers: to the right."""
    right = [column[:1] == ">" for column in columns]
    head = "".join(_cell("th", c.lstrip(">"), c[:1] == ">") for c in columns)
    shown = f"<thead><tr>{head}</tr></thead>" if columns else ""
    for row in rows:
        shown += f"<tr>{_cells(row, right)}</tr>\n"
    if total:
        shown += f'<tr class="total">{_cells(total, right)}</tr>'
    return f"<table>{shown}</table>"


def _cells(row: tuple[str, ...], right: list[bool]) -> str:
    sides = right or [False] * len(row)
    return "".join(_cell("td", text, side) for text, side in zip(row, sides, strict=True))


def _cell(tag: str, text: str, is_number: bool) -> str:
    kind = ' class="n"' if is_number else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"
