"""What the head-end knows of each meter, as data and as a table."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from wattledger import show
from wattledger.headend.intake import Intake
from wattledger.headend.key_source import KeySource
from wattledger.headend.records import PROFILE, RINGS
from wattledger.headend.watching import missing

_ROWS_MAX = 60


def status(
    intake: Intake, keys: KeySource, now: float, interval_s: int, after: int
) -> dict[str, Any]:
    """-> JSON: the fleet's sums, and each meter."""
    late = {one.serial for one in missing(intake, keys, now, interval_s, after)}
    meters = []
    for serial in keys.group("*"):
        meter = intake.meters.get(serial)
        if meter is None:
            meters.append({"serial": serial, "missing": True})
            continue
        meters.append(
            {
                "serial": serial,
                "group": keys.fleet.meters[serial].group,
                "online": meter.online,
                "missing": serial in late,
                "last_interval": meter.utc,
                "power_mw": meter.intervals[-1].mw if meter.intervals else None,
                "stored": {ring: meter.stored.get((meter.salt or 0, ring), 0) for ring in RINGS},
                "gaps": meter.gaps,
                "refused": dict(meter.refused),
            }
        )
    return {
        "utc": int(now),
        "counts": dict(intake.counts),
        "refused": dict(intake.refused),
        "meters": meters,
    }


def table(told: Mapping[str, Any]) -> Table:
    """-> those with something to look at first."""
    lines = show.table("meter", "group", "", "last interval", "kW", "intervals", "gaps", "refused")
    meters = sorted(told["meters"], key=lambda m: (not m["missing"], m["serial"]))
    for meter in meters[:_ROWS_MAX]:
        if "stored" not in meter:
            lines.add_row(meter["serial"], "", "never heard of", "", "", "", "", "")
            continue
        state = "missing" if meter["missing"] else "online" if meter["online"] else "offline"
        mw = meter["power_mw"]
        lines.add_row(
            meter["serial"],
            meter["group"],
            state,
            show.instant(meter["last_interval"]) if meter["last_interval"] else "",
            "" if mw is None else f"{mw / 1e6:.3f}",
            str(meter["stored"][PROFILE]),
            str(meter["gaps"] or ""),
            ", ".join(f"{n} x {why}" for why, n in meter["refused"].items()),
        )
    return lines
