"""What a grid loses, and where: answers of balances."""

from typing import Any

from meter.civil import EPOCH
from wattledger import show
from wattledger.bills import bill_units
from wattledger.engine.peaks import local_days
from wattledger.fleet.answer import Answer, Table, day, named, percent
from wattledger.fleet.losses import Balance
from wattledger.fleet.suspects import ANSWERED, DROP, Suspects

_DAYS_SHOWN = 10
kilo = bill_units.kilo


def losses(found: list[Balance], tariff: Any) -> Answer:
    feeders, unusual, data = [], [], []
    for balance in found:
        days, band = balance.by_day(tariff), balance.band()
        of_days = days.band()
        supplied, lost = int(balance.supplied_mwh.sum()), int(balance.lost_mwh.sum())
        share = percent(lost / supplied) if supplied else ""
        outside = f"{int(band.outside.sum())} of {len(band.outside)}"
        feeders.append(
            (balance.feeder, kilo(supplied), kilo(lost), share, outside, str(balance.left_out))
        )
        dates = local_days(tariff, days.start).tolist()
        columns = (days.lost_mwh.tolist(), of_days.expected_mwh.tolist(), of_days.outside.tolist())
        for date, gone, expected, is_outside in zip(dates, *columns, strict=True):
            if is_outside:
                unusual.append((balance.feeder, day(date), kilo(gone), kilo(round(expected))))
        data.append(_feeder(balance, band, days, dates, of_days))
    unusual.sort(key=lambda row: float(row[3]) - float(row[2]))
    columns_of = ["feeder", ">supplied kWh", ">lost kWh", ">%", ">intervals outside", ">left out"]
    return Answer(
        "Losses: what went in and reached no meter",
        [] if found else ["No feeder has two instants at which all its meters were read."],
        [
            Table("Feeders", columns_of, feeders),
            Table(
                "Days outside of the technical band",
                ["feeder", "day", ">lost kWh", ">expected kWh"],
                unusual[:_DAYS_SHOWN],
            ),
        ],
        {"feeders": data},
    )


def _feeder(
    balance: Balance, band: Any, days: Balance, dates: list[int], of_days: Any
) -> dict[str, Any]:
    intervals = zip(
        (balance.start + EPOCH).tolist(),
        (balance.end + EPOCH).tolist(),
        balance.supplied_mwh.tolist(),
        balance.used_mwh.tolist(),
        band.outside.tolist(),
        strict=True,
    )
    of_day = zip(
        dates,
        days.supplied_mwh.tolist(),
        days.used_mwh.tolist(),
        of_days.outside.tolist(),
        strict=True,
    )
    names = ("supplied_mwh", "used_mwh", "outside")
    return {
        "feeder": balance.feeder,
        "left_out": balance.left_out,
        "days": [{"day": day(d), **dict(zip(names, rest, strict=True))} for d, *rest in of_day],
        "intervals": [
            {"start": start, "end": end, **dict(zip(names, rest, strict=True))}
            for start, end, *rest in intervals
        ],
    }


def suspects(found: Suspects) -> Answer:
    rows = [
        (
            *(s.serial, s.feeder, day(s.day), percent(s.drop)),
            *(percent(s.answered), kilo(s.missing_mwh)),
        )
        for s in found.found
    ]
    columns = ["meter", "feeder", "since", ">drop %", ">answered %"]
    notes = [
        f"A step down of {DROP:.0%} or more, of which the feeder's losses answer"
        f" {ANSWERED:.0%} or more. It proves nothing: look at the meter and its events."
    ]
    if found.left_out:
        notes.append(f"Feeders with too few whole days: {named(found.left_out)}")
    return Answer(
        f"{len(rows)} meters that may not measure all",
        notes,
        [Table("Suspects", [*columns, ">missing kWh"], rows)],
        {
            "suspects": [{**vars(s), "day": day(s.day)} for s in found.found],
            "left_out": found.left_out,
        },
    )


def instants(window: tuple[int, int], tariff: Any) -> str:
    """-> "from - to" in local time."""
    zone = tariff.calendar.zone
    return " to ".join(show.instant(t + EPOCH, zone) for t in window)
