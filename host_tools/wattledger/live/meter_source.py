"""The state of a meter on a line, read again and again."""

import threading
import time
from collections.abc import Sequence
from typing import Any, cast

from meter import codes
from meter.civil import DAY_S, Zone
from meter.price_schedule import Schedule
from wattledger import profile, reading
from wattledger.analysis import history as histories
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.live import facts
from wattledger.live.state import UTC, Day, Now
from wattledger.reading import Entry, MeterBill
from wattledger.verification.evidence import NO_TARIFF

EVENTS = 8  # shown
_STALE_AFTER_S = 10
_MORE_ROWS = 16  # of restarts and changes, beside those of the grid


class MeterSource:
    """A Source. link: to be used by nobody else; closed with this."""

    every_s = 1.0

    def __init__(self, link: Link) -> None:
        self._link = cast(Link, _Taken(link))
        self.name = str(self._link.request("info")["serial"])
        self._digest = ""
        self._tariff: Any = None
        self._rings: dict[str, list[Entry]] = {}

    def close(self) -> None:
        self._link.close()

    def answers(self) -> dict[str, Any]:
        """-> {"info", "live"}: the answers of these names"""
        return {name: self._link.request(name) for name in ("info", "live")}

    def now(self) -> Now:
        seen = self.answers()
        info = seen["info"]
        self._follow(info)
        return Now(
            utc=info["utc"],
            zone=self._zone,
            facts=facts.of_answers(info, seen["live"], self._tariff),
            alerts=tuple(info["alerts"]),
            measured_s=time.time(),
            stale_after_s=_STALE_AFTER_S,
            edition=(self._digest, info["period"]["number"], info["rate"], *info["alerts"]),
        )

    def day(self) -> Day:
        info = self._link.request("info")
        self._follow(info)
        rows = self._newest("profile", 2 * DAY_S // info["interval_s"] + _MORE_ROWS)
        found = profile.intervals([entry.record() for entry in rows])
        records = [e.record() for group in codes.GROUPS for e in self._newest(group, EVENTS)]
        records.sort(key=lambda record: (record.utc, record.group, record.seq), reverse=True)
        bill, why = self._bill(info)
        return Day(
            utc=info["utc"],
            zone=self._zone,
            history=self._history(found) if any(i.end > i.start for i in found) else None,
            tariff=self.tariff(),
            bill=bill,
            no_bill=why,
            events=tuple(records[:EVENTS]),
        )

    def history(self) -> History:
        rows = reading.read_ring(self._link, "profile", reading.cache_of(self.name))
        return self._history(profile.intervals([entry.record() for entry in rows]))

    def tariff(self) -> Any:
        return self._tariff if self._digest != NO_TARIFF else None

    def schedules(self) -> Sequence[Schedule]:
        return ()

    @property
    def _zone(self) -> Zone | None:
        return self._tariff.calendar.zone if self._tariff and self._digest != NO_TARIFF else None

    def _follow(self, info: dict[str, Any]) -> None:
        """Read the tariff in force if it is another one."""
        digest = info["tariff"]["active"] or NO_TARIFF
        if digest != self._digest:
            self._tariff = reading.tariff_of(self._link, digest)
            self._digest = digest

    def _bill(self, info: dict[str, Any]) -> tuple[MeterBill | None, str]:
        """-> (the open bill, "" or why there is none)"""
        if not info["period"]["number"]:
            return None, "No tariff is in force: there is nothing to bill."
        try:
            bill = reading.read_bill(self._link, None)
            is_current = bill.digest == self._tariff.digest
            return (bill, "") if is_current else (None, "The tariff is changing.")
        except ToolError as error:
            self._link.request("info")  # a line that broke is no reason without a bill
            return None, str(error)

    def _history(self, found: list[profile.Interval]) -> History:
        return histories.of_intervals(found, self._zone or UTC, self.name)

    def _newest(self, ring: str, count: int) -> list[Entry]:
        """-> the newest entries of a ring, `count` at the most; only new ones are read."""
        kept = self._rings.get(ring, [])
        if kept:
            seq = kept[-1].record().seq + 1
        else:
            last = self._link.request("rows", ring=ring, from_seq=1, n=1)["last"]
            seq = max(1, last - count + 1)
        self._rings[ring] = (kept + reading.read_from(self._link, ring, seq))[-count:]
        return self._rings[ring]


class _Taken:
    """A Link that two threads ask: one request goes at a time, so that a long reading by one of
    them does not keep the other from asking what is true now."""

    def __init__(self, link: Link) -> None:
        self._link, self._lock = link, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """-> the method of this name, alone on the line while it runs"""
        method = getattr(self._link, name)

        def alone(*args: Any, **named: Any) -> Any:
            with self._lock:
                return method(*args, **named)

        return alone
