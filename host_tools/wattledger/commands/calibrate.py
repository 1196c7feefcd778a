"""wattledger calibrate"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from meter import codes
from wattledger import partitions, reading, session, show
from wattledger.calibration import meter_access, plan, report
from wattledger.calibration.person import Person, ratings
from wattledger.calibration.procedure import Procedure, Row
from wattledger.calibration.source import Command, Recorded, Source
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.security.ordering import Signer


def command(
    ctx: typer.Context,
    points: Path | None = typer.Option(
        None, "--points", help="TOML of reference points; without it the tool asks."
    ),
    reference: str | None = typer.Option(None, help="Which instrument says what is true."),
    pulses: bool = typer.Option(
        False, "--pulses", help="Count the CF output against a reference meter."
    ),
    no_load: bool = typer.Option(
        False, "--no-load", help="Also test that nothing is counted without current (minutes)."
    ),
    check_only: bool = typer.Option(False, "--check-only", help="Load points; write nothing."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Compute registers; write nothing."),
    kept: bool = typer.Option(False, "--show", help="Show the calibration the meter has."),
    yes: bool = typer.Option(False, "--yes", help="Write without asking."),
    as_json: bool = JSON,
) -> None:
    """Compare the meter with a reference, compute its IC's registers, write and check them."""
    with session.meter(ctx) as meter:
        if kept:
            _show(meter, as_json)
            return
        made, source = _plan(meter, points, reference, pulses)
        if no_load:
            made = replace(made, check=(*made.check, made.no_load_point()))
        quiet = as_json or isinstance(source, Person)
        say, signer = _ignore if quiet else typer.echo, Signer(session.of(ctx))
        procedure = Procedure(meter, made, source, say=say, signer=signer)
        computed, rows = None, []
        if not check_only:
            computed = procedure.compute()
            if not as_json:
                session.out().print(report.sensors(computed), report.registers(computed))
            if not dry_run:
                asks = isinstance(source, Person) and not yes
                if asks and not typer.confirm("Write these to the meter?", default=True):
                    raise typer.Exit(1)
                procedure.write(computed.after, [])
        if not dry_run:
            rows = procedure.check()
            if computed:
                procedure.write(computed.after, rows)
    _end(made, computed, rows, as_json)


def _end(made: plan.Plan, computed: Any, rows: list[Row], as_json: bool) -> None:
    if as_json:
        session.print_json(report.as_data(computed, rows))
    elif rows:
        session.out().print(report.load_points(rows))
        session.out().print(report.footnote(made))
    outside = [row for row in rows if not row.good]
    if outside:
        raise ToolError(
            f"calibrate: {len(outside)} of {len(rows)} load points are outside class"
            f" {made.class_name}: check sensors and wiring, then calibrate again"
        )


def _plan(
    meter: Link, points: Path | None, reference: str | None, pulses: bool
) -> tuple[plan.Plan, Source]:
    info = meter.request("info")
    defaults = _ratings(info["board"])
    shown = [n for n, v_mv in enumerate(info["v_mv"], 1) if v_mv]
    defaults.setdefault("phases", shown or [1])
    if reference:
        defaults["reference"] = reference
    if points:
        made = plan.read(points, defaults)
        return made, Command(made.source) if made.source else Recorded()
    asked = ratings(defaults, {"reference": reference} if reference else {})
    made = plan.of(asked, {}, "calibrate")
    if pulses:
        made = replace(
            made,
            adjust=tuple(point for point in made.adjust if point.i > 0),
            check=tuple(point for point in made.check if point.i >= made.ib_a * 0.05),
        )
    return made, Person(pulses)


def _ratings(board: str) -> dict[str, Any]:
    """-> what board.toml says that a plan wants to know."""
    try:
        known = partitions.board_toml(board)["ratings"]
    except ToolError:
        return {}  # somebody's own board: the plan or the person says it
    found: dict[str, Any] = {
        key: float(known[key]) for key in ("imp_per_kwh", "line_hz") if key in known
    }
    if known.get("wiring") == "1pn":
        found["phases"] = [1]  # the second channel sees the neutral and bills nothing
    return found


def _show(meter: Link, as_json: bool) -> None:
    found = meter_access.read(meter)
    if as_json:
        session.print_json({"digest": found.digest, "fault": found.fault, "record": found.record})
        return
    if found.fault:
        print(found.fault)
    if not found.record:
        print("never calibrated: the IC has its datasheet values")
        return
    record = found.record
    print(f"{record['ic']}, {show.instant(record['utc'])}, reference: {record['reference']}")
    print(f"digest {found.digest}")
    print(_vouched(meter, str(found.digest)))
    table = show.table("register", "value")
    for name, value in sorted(record["registers"].items()):
        table.add_row(name, f"0x{value:x}")
    session.out().print(table, report.kept(record))


def _vouched(meter: Link, digest: str) -> str:
    """-> whether the event log knows the record that is in force."""
    group = codes.GROUPS[codes.CONFIGURATION]
    records = [entry.record() for entry in reading.read_from(meter, group, 1)]
    written = [r for r in records if r.code == codes.EVENT_CALIBRATION & 0xFF]
    if not written:
        return "no event in the log says who wrote it: older than the log, or not by a meter"
    if f"{written[-1].after:014x}" == digest[:14]:
        return f"as the event {written[-1].seq} of the configuration log says"
    return f"NOT the record of event {written[-1].seq} of the configuration log: calibrate again"


def _ignore(_line: str) -> None:
    pass
