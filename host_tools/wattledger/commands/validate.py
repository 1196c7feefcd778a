"""wattledger validate"""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from meter.civil import Zone
from wattledger import session, show
from wattledger.commands.exchange import ZONE
from wattledger.commands.info import JSON
from wattledger.exchange import files, tables
from wattledger.vee import layer, readings
from wattledger.vee.estimate import Method
from wattledger.vee.layer import Layer
from wattledger.vee.rules import WORDS, Rule

FILE = typer.Argument(help="CSV of wattledger profile, or a load file.", show_default=False)
REGISTERS = typer.Option(
    None, "--registers", help="CSV time,import_kwh[,export_kwh]: makes the sums of holes exact."
)
MAX_KW = typer.Option(None, "--max-kw", min=0.001, help="What can flow at most; above: replaced.")
CSV = typer.Option(None, "--csv", help="Write the layer as a profile CSV, with rules and methods.")
_RUNS_SHOWN = 40


def command(
    file: Path = FILE,
    registers: Path | None = REGISTERS,
    max_kw: float | None = MAX_KW,
    zone: str | None = ZONE,
    csv: Path | None = CSV,
    as_json: bool = JSON,
) -> None:
    """Find missing and doubtful intervals, and estimate them in a layer of their own."""
    history = files.read(file, zone).history
    known = readings.read_csv(registers) if registers else []
    max_mw = None if max_kw is None else int(Decimal(str(max_kw)) * 1_000_000)
    made = layer.of(history, max_mw, known)
    if csv:
        files.whole(csv, lambda new: _write(made, new))
    if as_json:
        session.print_json(_document(made))
    else:
        _print(made, history.zone)
        if csv:
            print(f"{len(made.history)} intervals to {csv}; {file} is as it was")


def _document(made: Layer) -> dict[str, Any]:
    count, energy = made.shares
    return {
        "intervals": len(made.history),
        "estimated": int(made.history.estimated.sum()),
        "estimated_mwh": made.estimated_mwh,
        "share_of_intervals": float(count),
        "share_of_energy": float(energy),
        "raw_import_mwh": int(made.raw.import_mwh.sum()),
        "import_mwh": int(made.history.import_mwh.sum()),
        "added_mwh": made.added_mwh,
        "beyond_registers_mwh": made.beyond_mwh,
        "findings": [
            {**found._asdict(), "rule": f"V{found.rule}", "words": WORDS[found.rule]}
            for found in layer.findings(made)
        ],
    }


def _print(made: Layer, zone: Zone) -> None:
    found = layer.findings(made)
    lines = show.table("rule", "what", "from", "to", ">intervals", ">estimated", ">import kWh")
    for one in found[:_RUNS_SHOWN]:
        lines.add_row(
            *(f"V{one.rule}", WORDS[one.rule]),
            *(show.instant(one.start, zone), show.instant(one.end, zone)),
            *(str(one.intervals), str(one.estimated), show.energy(one.import_mwh)),
        )
    if found:
        session.out().print(lines)
    if len(found) > _RUNS_SHOWN:
        print(f"... and {len(found) - _RUNS_SHOWN} more: see them with --json")
    count, energy = made.shares
    print(
        f"{len(made.history)} intervals, {int(made.history.estimated.sum())} estimated"
        f" ({float(count):.2%}), {float(energy):.2%} of the energy"
    )
    print(
        f"import {show.kilo(int(made.history.import_mwh.sum()), 6)} kWh, of it"
        f" {show.kilo(made.added_mwh, 6)} more than the rows say"
        f" ({show.kilo(made.beyond_mwh, 6)} that no register counted)"
    )


def _write(made: Layer, path: Path) -> None:
    text = io.StringIO()
    tables.write_profile(made.history, text)
    rows = text.getvalue().splitlines()
    marks = [
        " ".join(f"V{rule}" for rule in Rule if mark >> rule & 1) for mark in made.marks.tolist()
    ]
    methods = [f"E{method}" if method != Method.MEASURED else "" for method in made.methods]
    more = zip(["rules", *marks], ["method", *methods], strict=True)
    lines = (f"{row},{rules},{method}\n" for row, (rules, method) in zip(rows, more, strict=True))
    path.write_text("".join(lines), encoding="utf-8", newline="")
