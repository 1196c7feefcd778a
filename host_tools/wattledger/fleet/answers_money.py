"""What a fleet pays, and what it would pay: answers in money."""

from typing import Any

from meter.civil import EPOCH
from wattledger import show
from wattledger.bills import bill_units
from wattledger.fleet.answer import Answer, Table, money, named
from wattledger.fleet.billing import ROWS, SUMS, Billed
from wattledger.fleet.whatif import WhatIf

_ROADS = {SUMS: "from sums of the engine", ROWS: "from their rows"}


def bill(found: Billed, tariff: Any) -> Answer:
    zone, decimals = tariff.calendar.zone, tariff.decimals
    kinds = [kind for kind, sums in found.sums.items() if sums.any()]
    rows = [
        (
            show.instant(part.start + EPOCH, zone),
            show.instant(part.end + EPOCH, zone) + (", open" if part.is_open else ""),
            bill_units.kilo(int(found.used[:, i, : tariff.imports].sum())),
            *(money(int(found.sums[kind][:, i].sum()), decimals) for kind in kinds),
            money(int(found.totals[:, i].sum()), decimals),
        )
        for i, part in enumerate(found.parts)
    ]
    columns = ["from", "to", ">kWh", *(f">{kind}" for kind in kinds), f">{tariff.currency}"]
    energies = [
        (name, bill_units.kilo(int(found.used[:, :, rate].sum())))
        for rate, name in enumerate(tariff.rates)
    ]
    notes = [
        f"{found.road.count(road)} bills {text}"
        for road, text in _ROADS.items()
        if road in found.road
    ]
    notes += [f"{serial}: no bill: {reason}" for serial, reason in found.refused.items()]
    return Answer(
        f"{len(found.serials)} meters, {tariff.name}",
        notes,
        [Table("Bills", columns, rows), Table("Rates", ["rate", ">kWh"], energies)],
        {
            "tariff": tariff.digest,
            "currency": tariff.currency,
            "meters": [_meter(found, tariff, at) for at in range(len(found.serials))],
            "refused": found.refused,
        },
    )


def _meter(found: Billed, tariff: Any, at: int) -> dict[str, Any]:
    zone, decimals, totals = tariff.calendar.zone, tariff.decimals, found.totals
    periods = []
    for i, part in enumerate(found.parts):
        used = found.used[at, i, : len(tariff.rates)].tolist()
        periods.append(
            {
                "start": show.dated(part.start + EPOCH, zone),
                "end": show.dated(part.end + EPOCH, zone),
                "open": part.is_open,
                "used_mwh": dict(zip(tariff.rates, used, strict=True)),
                "lines": {
                    kind: money(int(sums[at, i]), decimals)
                    for kind, sums in found.sums.items()
                    if sums[at, i]
                },
                "total": money(int(totals[at, i]), decimals),
            }
        )
    return {"serial": found.serials[at], "road": found.road[at], "periods": periods}


def whatif(found: WhatIf, old: Any, new: Any) -> Answer:
    def units(value: int) -> str:
        return money(value, found.decimals)

    before, after = int(found.old.sum()), int(found.new.sum())
    count = len(found.serials)
    rows = [(f"{percent} %", units(value)) for percent, value in found.quantiles.items()]
    changes = zip(found.serials, found.old.tolist(), found.new.tolist(), strict=True)
    return Answer(
        f"{count} meters, {new.name} instead of {old.name}",
        [
            f"Revenue {units(before)} {found.currency} becomes {units(after)}:"
            f" {units(after - before)}.",
            f"{found.winners} pay less, {found.losers} pay more,"
            f" {count - found.winners - found.losers} the same.",
        ],
        [Table("Change of at most", ["of the meters", f">{found.currency}"], rows)],
        {
            "currency": found.currency,
            "revenue": {"old": units(before), "new": units(after)},
            "winners": found.winners,
            "losers": found.losers,
            "quantiles": {str(p): units(value) for p, value in found.quantiles.items()},
            "meters": [
                {"serial": serial, "old": units(a), "new": units(b)} for serial, a, b in changes
            ],
        },
    )


def left_out(serials: list[str], why: str) -> list[str]:
    """-> a sentence about meters that are not in an answer, or none."""
    return [f"{len(serials)} left out, {why}: {named(serials)}"] if serials else []
