"""A bill document as plain text, to be printed."""

from collections.abc import Iterable
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from wattledger.bills.bill_units import item

WIDTH = 99
_VERDICTS = {
    "verified": "Verified: recomputed from what the meter keeps, to the last unit.",
    "different": "NOT VERIFIED: the meter does not hold what this bill says.",
    "not checked": "Not checked: `wattledger bill --verify` recomputes each line.",
}


def render(document: dict[str, Any]) -> str:
    """-> the printed bill. document: as wattledger.bill_document makes it."""
    shown = StringIO()
    console = Console(file=shown, width=WIDTH, highlight=False, markup=False, color_system=None)
    for part in (_head, _lines, _demands, _registers, _proof):
        part(document, console)
    return "\n".join(line.rstrip() for line in shown.getvalue().splitlines()) + "\n"


def at(instant: dict[str, Any]) -> str:
    """ "2026-10-01 00:00:00 +02:00" """
    text = instant["local"]
    return f"{text[:10]} {text[11:19]} {text[19:]}"


def shortest(value: str, least: int = 0) -> str:
    """A decimal without the zeros at its end, but for `least` of them."""
    whole, _, part = value.partition(".")
    part = part.rstrip("0").ljust(least, "0")
    return f"{whole}.{part}" if part else whole


def price(line: dict[str, Any]) -> str:
    if line["price"]:
        return f"{line['price']['value']} {line['price']['unit']}"
    return "by interval" if line["kind"] in ("energy", "export") else ""


def rests(line: dict[str, Any]) -> str:
    """ "ledger 3, 4; profile 97-2976" """
    found: dict[str, list[str]] = {}
    for rest in line["rests_on"]:
        if "lines" in rest:
            found.setdefault("lines", []).extend(_spans(rest["lines"]))
        elif "carry" in rest:
            found.setdefault("credit before", [])
        elif rest["ring"] == "profile":
            found.setdefault("profile", []).append(f"{rest['first']}-{rest['last']}")
        elif rest["ring"] == "registers":
            found.setdefault("registers now", [])
        else:
            found.setdefault(rest["ring"].rstrip("s"), []).append(str(rest["seq"]))
    return "; ".join(f"{ring} {', '.join(values)}".rstrip() for ring, values in found.items())


def quantity(line: dict[str, Any], tariff: dict[str, Any]) -> str:
    """Sums of money with all their decimals, anything else with those that count."""
    shown = line["quantity"]
    is_money = shown["unit"] == tariff["currency"]
    return shortest(shown["value"], tariff["decimals"] if is_money else 0)


def verdict(document: dict[str, Any]) -> list[str]:
    """-> what was checked, and how it ended."""
    checked = document["verification"]
    said = [_VERDICTS[checked["state"]]]
    if checked["difference"]:
        said.append(checked["difference"])
    return [*said, *checked["checks"]]


def _head(document: dict[str, Any], console: Console) -> None:
    meter, period, tariff = (document[key] for key in ("meter", "period", "tariff"))
    rows = [
        ("meter", f"{meter['serial']} ({meter['board']})"),
        ("period", f"{period['number']}, {period['state']}, {period['days']} days"),
        ("from", at(period["start"])),
        ("to", at(period["end"])),
        ("tariff", tariff["name"]),
    ]
    if tariff["valid_from"]:
        rows.append(("valid from", at(tariff["valid_from"])))
    if tariff["source"]:
        rows.append(("source", tariff["source"]))
    _print(console, "ELECTRICITY BILL", ("", ""), rows)


def _lines(document: dict[str, Any], console: Console) -> None:
    tariff = document["tariff"]
    due = f">{tariff['currency']}"
    columns = ("", "item", ">tier", ">quantity", "", ">price", "", due, "rests on")
    rows = []
    for line in document["lines"]:
        amount, _, unit = price(line).partition(" ") if line["price"] else (price(line), "", "")
        rows.append(
            (
                *(str(line["number"]), item(line), str(line["tier"] or "")),
                *(quantity(line, tariff), line["quantity"]["unit"], amount, unit),
                *(line["rounded"]["value"], rests(line)),
            )
        )
    rows.append(("", "TOTAL", "", "", "", "", "", document["total"]["value"], ""))
    _print(console, "", columns, rows)


def _demands(document: dict[str, Any], console: Console) -> None:
    rows = [(d["charge"], shortest(d["kw"]), at(d["ended"])) for d in document["demands"]]
    if rows:
        _print(console, "Maxima", ("charge", ">kW", "window ended"), rows)


def _registers(document: dict[str, Any], console: Console) -> None:
    columns = ("OBIS", "register", ">opening", ">closing", ">difference", "")
    rows = [
        (r["obis"], r["name"], r["opening"], r["closing"], r["difference"], r["unit"])
        for r in document["registers"]
        if not is_unused(r)
    ]
    _print(console, "Registers", columns, rows)


def is_unused(register: dict[str, str]) -> bool:
    return not register["closing"].strip("0.")


def _proof(document: dict[str, Any], console: Console) -> None:
    for said in verdict(document):
        console.print(said)
    chain = document["chain"]
    rows = [
        ("tariff digest", document["tariff"]["digest"]),
        ("software digest", document["meter"]["software"]),
        ("seal of the meter", document["meter"]["seal"]),
        ("chains", "keyed" if chain["keyed"] else "without a key of their own"),
        *((f"head, {h['ring']}", f"{h['seq']} {h['tag']}") for h in chain["heads"]),
    ]
    _print(console, "", ("", ""), rows)


def _spans(numbers: list[int]) -> list[str]:
    """[1, 2, 3, 7] -> ["1-3", "7"]"""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ["-".join(map(str, span)) for span in spans]


def _print(
    console: Console, title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]
) -> None:
    shown = Table(box=None, pad_edge=False, show_header=any(columns), header_style="")
    for column in columns:
        shown.add_column(
            column.lstrip(">"),
            justify="right" if column[:1] == ">" else "left",
            no_wrap=column[:1] == ">",
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*row)
    if title:
        console.print(title)
    console.print(shown)
    console.print()
