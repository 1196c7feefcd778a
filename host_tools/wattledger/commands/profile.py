"""wattledger profile"""

import sys
from datetime import datetime
from pathlib import Path

import typer

from meter.civil import EPOCH, Zone, days
from wattledger import profile, reading, session, show
from wattledger.commands.info import JSON
from wattledger.verification import heads

ROWS_SHOWN = 96  # of a table without --from: one day of quarter hours
FROM = typer.Option(None, "--from", help="Local time, 2026-10-12 or 2026-10-12T10:00.")
TO = typer.Option(None, "--to", help="Local time; up to and without it.")
CSV = typer.Option(None, "--csv", help="Write a CSV file, - for stdout; simulate reads it.")


def command(
    ctx: typer.Context,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    csv: Path | None = CSV,
    as_json: bool = JSON,
) -> None:
    """Read the load profile; only the rows that were not read before."""
    with session.meter(ctx) as meter:
        info = meter.request("info")
        zone = reading.zone_of(meter, info)
        cache = reading.cache_of(info["serial"])
        with session.progress_bar("profile") as bar:
            task = bar.add_task("", total=None)
            entries = reading.read_ring(
                *(meter, "profile", cache),
                lambda done, of: bar.update(task, completed=done, total=of),
            )
        seen = heads.of_answer(meter.request("registers"))
    heads.store_of(info["serial"]).add(seen + heads.of_rings({"profile": entries}))
    intervals = profile.intervals([entry.record() for entry in entries])
    if start:
        intervals = [i for i in intervals if i.start >= _unix(start, zone)]
    if end:
        intervals = [i for i in intervals if i.end <= _unix(end, zone)]
    if as_json:
        session.print_json([interval.as_dict() for interval in intervals])
    elif csv == Path("-"):
        profile.write_csv(sys.stdout, intervals)
    elif csv:
        with csv.open("w", encoding="utf-8", newline="") as file:
            profile.write_csv(file, intervals)
        print(f"{len(intervals)} rows to {csv}")
    else:
        _print_table(intervals, zone, bool(start or end))


def _print_table(intervals: list[profile.Interval], zone: Zone | None, whole: bool) -> None:
    shown = intervals if whole else intervals[-ROWS_SHOWN:]
    columns = ("end", ">import kWh", ">export kWh", ">rate", ">tier", ">V min", ">V max", "marks")
    lines = show.table(*columns)
    for i in shown:
        lines.add_row(
            *(show.instant(i.end, zone), show.kilo(i.import_mwh, 6), show.kilo(i.export_mwh, 6)),
            *(str(i.rate_register), str(i.tier + 1)),
            *(show.volts(i.v_min_dv), show.volts(i.v_max_dv), show.status(i.status)),
        )
    session.out().print(f"{len(shown)} of {len(intervals)} rows", lines, sep="\n")


def _unix(local: datetime, zone: Zone | None) -> int:
    local_s = days(local.year, local.month, local.day) * 86400
    local_s += local.hour * 3600 + local.minute * 60 + local.second
    return int(zone.to_utc(local_s) if zone else local_s) + int(EPOCH)
