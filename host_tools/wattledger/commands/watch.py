"""wattledger watch"""

import time

import typer
from rich.console import Group
from rich.live import Live

from wattledger import session, watch_screen
from wattledger.commands.info import JSON
from wattledger.live.meter_source import MeterSource
from wattledger.live.state import Day

_DAY_EVERY_S = 60


def command(
    ctx: typer.Context,
    every: float = typer.Option(1, min=0.2, max=3600, help="Seconds between two readings."),
    once: bool = typer.Option(False, "--once", help="Print one reading and end."),
    as_json: bool = JSON,
) -> None:
    """Watch the meter: power, rate, price, today, the open bill, events. Ctrl-C ends."""
    with session.meter(ctx) as meter:
        watched = Watched(MeterSource(meter))
        if as_json:
            session.print_json(watched.source.answers())
        elif once:
            session.out().print(watched.screen())
        else:
            _follow(watched, every)


class Watched:
    """Reads a meter again and again, what changes seldom once a minute or when it has to."""

    def __init__(self, source: MeterSource) -> None:
        self.source = source
        self._day: Day | None = None
        self._edition: object = None
        self._read_at = 0.0  # monotonic second of _day

    def screen(self) -> Group:
        now = self.source.now()
        old = time.monotonic() - self._read_at > _DAY_EVERY_S
        if self._day is None or old or now.edition != self._edition:
            self._day, self._edition = self.source.day(), now.edition
            self._read_at = time.monotonic()
        return watch_screen.screen(now, self._day)


def _follow(watched: Watched, every_s: float) -> None:
    with Live(watched.screen(), console=session.out(), auto_refresh=False) as shown:
        try:
            while True:
                time.sleep(every_s)
                shown.update(watched.screen(), refresh=True)
        except KeyboardInterrupt:
            return
