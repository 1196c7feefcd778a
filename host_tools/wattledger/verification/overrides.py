"""What may stand above the calendar: levels of a limiter that re-price, and price events."""

import json
from collections.abc import Iterable
from typing import Any

from meter import codes
from meter.civil import EPOCH

RULED = codes.LIMITED | codes.PRICE_EVENT  # marks of an interval that one of them ruled


class Overrides:
    """The rates that limiter and price events can give under one tariff.

    schedules   canonical bytes of the price schedules that are known
    """

    def __init__(self, tariff: Any, schedules: Iterable[bytes] = ()) -> None:
        self.tariff = tariff
        levels = tariff.limiter[1] if tariff.limiter else ()
        self._repriced = {rate for _, action, *_, rate, _ in levels if action == "reprice"}
        self._events = [event for text in schedules for event in _events(json.loads(text), tariff)]

    def rates(self, calendar: set[int], start: int, end: int, status: int) -> set[int] | None:
        """-> the import rates that energy from start to end (core s) may have gone to; None: of a
        price event whose schedule is not known.

        calendar   the rates that the calendar has in that time
        status     of the interval: only what is marked is ruled by anything else
        """
        found = set(calendar)
        if status & codes.PRICE_EVENT:
            named = {rate for begin, over, rate in self._events if begin < end and start < over}
            if not named:
                return None
            # Events go from border to border of intervals; whatever else happened in this one
            # may have cut it.
            whole = not status & codes.DISTURBED & ~RULED
            found = named if whole else found | named
        if status & codes.LIMITED:
            found |= self._repriced
        return found


def _events(schedule: dict[str, Any], tariff: Any) -> Iterable[tuple[int, int, int]]:
    """Yields (core s, core s, import rate), from border to border of the profile."""
    calendar, interval_s = tariff.calendar, tariff.interval_s
    for begin, end, name in schedule["events"]:
        if name in tariff.rates[: tariff.imports]:
            borders = [calendar.interval_end(t - EPOCH - 1, interval_s) for t in (begin, end)]
            yield borders[0], borders[1], tariff.rates.index(name)
