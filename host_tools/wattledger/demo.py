"""A month in a minute: a virtual board, deployed and configured over its serial port like a real
one, metered through a power cut to a bill that is checked line by line."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from meter import codes
from meter.civil import EPOCH, days
from wattledger import bundle, load_file, session, show, virtual
from wattledger.bills.bill_document import Verdict
from wattledger.commands import deploy as deploy_command
from wattledger.commands import tariff as tariff_command
from wattledger.commands.virtual import load_options
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.reports import editions, from_meter
from wattledger.reports.editions import Edition
from wattledger.tariffs import tariff_file
from wattledger.verification import evidence
from wattledger.verification.verify import verify

TARIFF = "docs/tariffs/three-prices-two-seasons.toml"
FIRST_DAY = days(2026, 10, 1)
TICK_S = 120  # of the held clock: 15 kW fill half of the IC's energy register in it
CUT_CLOCK_S = 19 * 3600 + 22 * 60  # local time of the cut, and some seconds after a commit
CUT_AFTER_S = 37
OFF_S = 7 * 60
_BEFORE_S = 60  # the board is set up in the minute before the month, without a load


@dataclass(frozen=True)
class Cut:
    """utc: when the power went; registers before it, and when it was back."""

    utc: int
    before: dict[str, Any]
    after: dict[str, Any]


class Demo:
    """folder: state of the board; load: its options; out: where the story goes."""

    def __init__(self, folder: Path, load: Path | None, out: Console) -> None:
        self._folder, self._out = folder, out
        self._tariff = tariff_file.compile_file(bundle.root() / TARIFF)
        self._zone = self._tariff.tariff().calendar.zone
        self._start = self._local(0)
        if load:
            load_file.opened(load, self._start, None)  # before anything is started
        self._load = load_options(load, self._start, None, repeat=True)

    def set_up(self) -> None:
        at = self._start - _BEFORE_S
        virtual.start(self._folder, clock="held", unix_s=at)
        self._say(f"virtual board on, its clock held at {self._at(at)}")
        with self._meter() as meter:
            deploy_command.run(meter, "virtual")
        virtual.advance(self._folder, until=self._start)
        with self._meter() as meter:
            at = tariff_command.run(meter, self._tariff, "now")
        self._say(f"tariff {self._tariff.digest[:16]} in force from {self._at(at)}")
        virtual.set_load(self._folder, **self._load)

    def cut_power(self, day: int) -> Cut:
        """Meter up to a day, take the power away between two commits, and give it back."""
        at = self._local(day, CUT_CLOCK_S)
        self._advance(at, "metering")
        virtual.advance(self._folder, seconds=CUT_AFTER_S, step_s=1)
        before = self._request("registers")
        virtual.cut(self._folder)
        virtual.start(self._folder, outage_s=OFF_S, load=self._load)
        after = self._request("registers")
        return Cut(at + CUT_AFTER_S, before, after)

    def go_on(self, day: int) -> None:
        end = self._local(day)
        minute = end - (end - self._local(day - 1)) % 60
        self._advance(minute, "metering")

    def show(self, cut: Cut, checked: evidence.Evidence) -> None:
        """What was counted, what it costs, and what the cut cost."""
        tariff = self._tariff.tariff()
        self._say("", show.registers(checked.registers, self._zone))
        self._say("", show.bill(checked.bills[1], tariff), "")
        self._show_cut(cut, checked)

    def collect(self) -> evidence.Evidence:
        with self._meter() as meter, session.progress_bar("reading") as bar:
            task = bar.add_task("", total=None)
            return evidence.collect(
                meter, lambda done, of: bar.update(task, completed=done, total=of)
            )

    def _show_cut(self, cut: Cut, checked: evidence.Evidence) -> None:
        event = next(
            e for e in checked.records("power") if e.group << 8 | e.code == codes.EVENT_POWER_FAIL
        )
        before, after = (r["registers"]["1.8.0"] for r in (cut.before, cut.after))
        row = next(row for row in checked.records("profile") if row.utc > cut.utc)
        lines = show.table("", "")
        lines.add_row("power lost", f"{self._at(cut.utc)}, without warning (SIGKILL)")
        lines.add_row(
            "last commit", f"{self._at(event.before)}, {cut.utc - event.before} s before"
        )
        lines.add_row("power back", self._at(event.after))
        lines.add_row("import before", f"{show.kilo(before, 6)} kWh")
        lines.add_row("import after", f"{show.kilo(after, 6)} kWh")
        lines.add_row("lost", f"{show.kilo(before - after, 6)} kWh: what came after the commit")
        lines.add_row("event", f"{self._at(event.utc)} power failed")
        lines.add_row(
            "profile", f"interval to {self._at(row.utc)} marked: {show.status(row.status)}"
        )
        self._say(show.titled("The power cut", lines))

    def _meter(self) -> Link:
        return Link(virtual.port(self._folder))

    def _request(self, do: str) -> dict[str, Any]:
        with self._meter() as meter:
            return dict(meter.request(do))

    def _advance(self, until: int, text: str) -> None:
        with session.progress_bar(text) as bar:
            task = bar.add_task("", total=None)
            virtual.advance(
                self._folder,
                until=until,
                step_s=TICK_S,
                on_progress=lambda done, of: bar.update(task, completed=done, total=of),
            )

    def _local(self, day: int, clock_s: int = 0) -> int:
        """-> Unix second of a local time, `day` days after the first."""
        return int(self._zone.to_utc((FIRST_DAY + day) * 86400 + clock_s)) + int(EPOCH)

    def _at(self, unix_s: int) -> str:
        return show.instant(unix_s, self._zone)

    def _say(self, *parts: Any) -> None:
        for part in parts:
            self._out.print(part)


def run(folder: Path, load: Path | None, day_count: int, report: Path, out: Console) -> None:
    """The whole story, and a report of its bill. Difference: the meter did not hold what it
    promised."""
    began = time.monotonic()
    story = Demo(folder, load, out)
    story.set_up()
    cut = story.cut_power(day_count // 2)
    story.go_on(day_count)
    checked = story.collect()
    story.show(cut, checked)
    out.print()
    said = verify(checked)
    for line in said:
        out.print(f"ok  {line}")
    out.print(
        f"verified: {day_count} days in {time.monotonic() - began:.0f} s", style="bold green"
    )
    out.print(_report(checked, Verdict("verified", said), report), soft_wrap=True)


def _report(checked: evidence.Evidence, verdict: Verdict, path: Path) -> str:
    """-> where it is, or why there is none"""
    try:
        editions.write(from_meter.subject(checked, 1, [], verdict), Edition.HOUSEHOLD, path)
    except ToolError as error:
        return str(error)
    return f"What it tells a household: {path}"


def power_off(folder: Path) -> None:
    if virtual.is_running(folder):
        virtual.cut(folder)
