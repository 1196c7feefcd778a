"""wattledger watch"""

import time
from typing import Any

import typer
from rich.console import Group
from rich.live import Live

from wattledger import reading, session, watch_screen
from wattledger.commands.info import JSON
from wattledger.link import Link
from wattledger.verification.evidence import NO_TARIFF


def command(
    ctx: typer.Context,
    every: float = typer.Option(1, min=0.2, max=3600, help="Seconds between two readings."),
    once: bool = typer.Option(False, "--once", help="Print one reading and end."),
    as_json: bool = JSON,
) -> None:
    """Watch the meter: power, rate, price, cost so far, demand, limiter, alerts. Ctrl-C ends."""
    with session.meter(ctx) as meter:
        watched = Watched(meter)
        if as_json:
            session.print_json(watched.read())
        elif once:
            session.out().print(watched.screen())
        else:
            _follow(watched, every)


class Watched:
    """Reads a meter again and again, its tariff file only when another one is in force."""

    def __init__(self, meter: Link) -> None:
        self._meter = meter
        self._digest, self._tariff = "", None

    def read(self) -> dict[str, Any]:
        """-> {"info", "live"}: the answers of these names"""
        return {name: self._meter.request(name) for name in ("info", "live")}

    def screen(self) -> Group:
        seen = self.read()
        digest = seen["info"]["tariff"]["active"] or NO_TARIFF
        if digest != self._digest:
            self._tariff = reading.tariff_of(self._meter, digest)
            self._digest = digest
        return watch_screen.screen(seen["info"], seen["live"], self._tariff)


def _follow(watched: Watched, every_s: float) -> None:
    with Live(watched.screen(), console=session.out(), auto_refresh=False) as shown:
        try:
            while True:
                time.sleep(every_s)
                shown.update(watched.screen(), refresh=True)
        except KeyboardInterrupt:
            return
