"""What is shown of a meter as it is now, the same in a terminal and on the page."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from meter.civil import Zone
from meter.price_schedule import Schedule
from wattledger.analysis.history import History
from wattledger.reading import MeterBill

UTC = Zone("UTC0")


@dataclass(frozen=True)
class Now:
    """One reading.

    utc        Unix s by the clock of the meter; zone: None before its first tariff
    facts      (name, text) in the order in which they are shown; what is not known is left out
    alerts     texts of the meter
    measured_s   Unix s by the clock of this machine; the reading is stale after stale_after_s
    edition    another one: the day is to be read again
    """

    utc: int
    zone: Zone | None
    facts: tuple[tuple[str, str], ...]
    alerts: tuple[str, ...]
    measured_s: float
    stale_after_s: int
    edition: Hashable


@dataclass(frozen=True)
class Day:
    """What changes seldom.

    utc        Unix s of the reading
    history    of today and yesterday at least, None: nothing is known
    tariff     meter.tariff.Tariff in force, None: not known
    bill       the open one, None: no_bill says why
    events     records, newest first
    """

    utc: int
    zone: Zone | None
    history: History | None
    tariff: Any
    bill: MeterBill | None
    no_bill: str
    events: tuple[Any, ...]


class Source(Protocol):
    """Where the state is from. ToolError of any of these: no answer.

    name   of the meter
    every_s   seconds between two readings
    """

    name: str
    every_s: float

    def now(self) -> Now: ...

    def day(self) -> Day: ...

    def history(self) -> History:
        """-> all that is known, of one meter. ToolError: nothing is."""

    def tariff(self) -> Any:
        """-> meter.tariff.Tariff in force, None: not known."""

    def schedules(self) -> Sequence[Schedule]:
        """-> prices by interval that are known here, for dynamic rates."""

    def close(self) -> None: ...
