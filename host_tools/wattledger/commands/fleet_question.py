"""What all questions of wattledger fleet have: whom, when, by which tariff, of which engine."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from meter.civil import EPOCH, Zone
from wattledger import session
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_file

if TYPE_CHECKING:
    from wattledger.fleet.store import Store

STORE = typer.Argument(help="A head-end's store, or a folder of such Parquet.", show_default=False)
TARIFF = typer.Option(..., "--tariff", help="Whose calendar and prices, a TOML file.")
METERS = typer.Option(None, "--meters", help="CSV: serial,group,feeder,role (docs/fleet.md).")
GROUP = typer.Option([], "--group", help="Of --meters: these alone; more than once for more.")
FROM = typer.Option(None, "--from", help="Local time in the tariff's zone; else all whole days.")
TO = typer.Option(None, "--to", help="Until then.")
ENGINE = typer.Option("duckdb", "--engine", help="duckdb, or spark for more than one machine.")


class Asked:
    """ToolError: a file is wrong, or the engine is not here."""

    def __init__(
        self,
        folder: Path,
        tariff: Path,
        meters: Path | None,
        groups: list[str],
        start: datetime | None,
        end: datetime | None,
        engine: str,
    ) -> None:
        from wattledger.fleet import engines, roster

        self.tariff = compile_file(tariff, wide=True).tariff()
        if groups and meters is None:
            raise ToolError("fleet: --group without --meters: give the CSV that has the groups")
        self.roster = roster.read(meters).of_groups(groups) if meters else roster.Roster(())
        only = tuple(m.serial for m in self.roster.members) if meters else None
        executing = engines.connect(engine)  # which says what is not installed
        from wattledger.fleet.store import Store

        self.store = Store(folder, executing, only)
        zone = self.tariff.calendar.zone
        self._start = None if start is None else core_second(start, zone)
        self._end = None if end is None else core_second(end, zone)

    def span(self) -> tuple[int, int]:
        """-> core seconds"""
        from wattledger.fleet.billing import whole_days

        return whole_days(self.store, self.tariff, self._start, self._end)

    @property
    def customers(self) -> "Store":
        """-> the store without the feeders' own meters"""
        if self.store.only is None:
            return self.store
        return replace(
            self.store, only=tuple(m.serial for m in self.roster.members if not m.is_head)
        )

    def question(self) -> "tuple[Store, Any, int, int]":
        """-> customers, tariff, start, end"""
        return self.customers, self.tariff, *self.span()


def core_second(moment: datetime, zone: Zone) -> int:
    """-> core second. moment: local time of the zone, or with an offset of its own"""
    if moment.tzinfo is not None:
        return int(moment.timestamp()) - int(EPOCH)
    local = (moment - datetime(2020, 1, 1)).total_seconds()
    return int(zone.to_utc(int(local)))


def tell(answer: Any, as_json: bool) -> None:
    if as_json:
        session.print_json(answer.data)
    else:
        session.out().print(answer.shown())
