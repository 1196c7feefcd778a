"""Time zones: the POSIX rule of an IANA zone, checked against the zone itself.

A meter holds one rule (IEEE Std 1003.1, chapter 8.3), the one that a TZif file (RFC 9636)
carries in its footer for the years after its table. Where the table says otherwise for the
years to come, as for Morocco's Ramadan, no rule would be true and the zone is refused.
"""

import difflib
import importlib.resources
from datetime import UTC, datetime, timedelta
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

from meter.civil import EPOCH, Zone
from meter.errors import MeterError
from wattledger.errors import ToolError

YEARS_CHECKED = 10


def posix_rule(name: str) -> str:
    """IANA name, e.g. "Europe/Madrid" -> "CET-1CEST,M3.5.0,M10.5.0/3".

    ToolError: no such zone, or one that does not follow its rule in the next ten years.
    """
    rule = _footer(name)
    try:
        zone = Zone(rule)
    except MeterError:
        raise ToolError(f"{name}: its rule {rule!r} has no M dates: choose another zone") from None
    differs = first_difference(zone, table(name), datetime.now(UTC).year)
    if differs is not None:
        raise ToolError(
            f"{name}: the rule {rule!r} is wrong at {differs:%Y-%m-%d %H:%M} UTC:"
            f" this zone cannot be held in one rule: choose another"
        )
    return rule


def first_difference(zone: Zone, table: ZoneInfo, year: int) -> datetime | None:
    """-> the first instant from `year` on at which rule and table differ, or None.

    Asked at each noon, and just before and at each transition of the rule.
    """
    start = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + YEARS_CHECKED, 1, 1, tzinfo=UTC)
    instants = [start + timedelta(days=n, hours=12) for n in range((end - start).days)]
    change = zone.next_transition(int(start.timestamp()) - EPOCH)
    while change is not None and change + EPOCH < end.timestamp():
        at = datetime.fromtimestamp(change + EPOCH, UTC)
        instants += [at - timedelta(seconds=1), at]
        change = zone.next_transition(change)
    for instant in sorted(instants):
        offset = instant.astimezone(table).utcoffset()
        assert offset is not None
        if zone.offset_at(int(instant.timestamp()) - EPOCH) != offset.total_seconds():
            return instant
    return None


def _footer(name: str) -> str:
    return _file(name).read_bytes().rsplit(b"\n", 2)[1].decode("ascii")


def table(name: str) -> ZoneInfo:
    """The zone with all its changes, as zoneinfo reads it."""
    with _file(name).open("rb") as file:
        return ZoneInfo.from_file(file, name)


def _file(name: str) -> Traversable:
    """The zone in the tzdata package: one version everywhere, so one digest everywhere."""
    package = importlib.resources.files("tzdata")
    names = package.joinpath("zones").read_text().split()
    if name not in names:
        near = difflib.get_close_matches(name, names, 1) or ["Europe/Madrid"]
        raise ToolError(f"{name}: no such time zone: give an IANA name such as {near[0]}")
    return package.joinpath("zoneinfo", *name.split("/"))
