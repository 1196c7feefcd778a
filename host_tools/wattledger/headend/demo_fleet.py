"""A day of a fleet in two minutes: broker, head-end and meters with mutual TLS, a critical peak
that the load itself raises, a new tariff for all of them, and a table of what became of it."""

import asyncio
import json
import secrets
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from meter.civil import EPOCH, days
from wattledger import session, show
from wattledger.errors import ToolError
from wattledger.headend import broker_config, catalogue, folder, head_end, settings
from wattledger.headend.audit import Audit
from wattledger.headend.head_end import HeadEnd
from wattledger.headend.key_source import KeySource
from wattledger.headend.sim_meter import Road
from wattledger.headend.simulate import SimFleet, serials, with_simulated
from wattledger.headend.store import Store
from wattledger.security import key_file
from wattledger.security.keyring import Fleet
from wattledger.tariffs.tariff_file import compile_text

GROUP = "village"
STEP_S = 900
FIRST_DAY = days(2026, 10, 6)  # a Tuesday
CHANGE_AT_S = 10 * 3600  # local time at which the new tariff is sent
AFTER_S = 3600  # of the new tariff, at the end
TICK_S = 300  # of a meter: the IC counts, so nothing hangs on it
SETTLE_S = 20.0  # real time that an interval may take from the meters into the intake
LINK = {"back_off_s": (1, 2)}
UPLINK = {"wait_s": 1, "again_s": 20, "live_s": 30}
_COUNTED = {
    "taken": "blocks of records",
    "answer": "answers to commands",
    "reading": "readings",
    "refused": "refused",
}
TARIFF = """
schema = 1
name = "{name}"
currency = "EUR"
timezone = "Europe/Berlin"
billing_day = 1
interval_min = 15
fallback = "energy"
[rates.energy]
price = "{price}"
[rates.critical]
price = "0.9000"
[seasons.year]
from = "01-01"
week = "always"
[weeks.always]
mon-sun = "always"
[days.always]
energy = "otherwise"
"""
# Rows, seqs, the highest seq, seconds covered, newest end, and register of each meter.
_KEPT = """SELECT serial, count(*), count(DISTINCT seq), max(seq), sum(duration_s), max(utc),
    max(import_mwh) FROM intervals GROUP BY serial ORDER BY serial"""
_RULES = """
[[rules]]
name = "too much at once"
group = "{group}"
above_kw = {above}
below_kw = {below}
over_intervals = 2
min_min = 120
max_min = 120
rest_min = 1440
currency = "EUR"
rate = "critical"
"""


class FleetDemo:
    """at: an empty folder; count: meters; out: where the story goes."""

    def __init__(self, at: Path, count: int, out: Console) -> None:
        self._at, self._names, self._out = at, serials(count), out
        self._old = compile_text(TARIFF.format(name="Old", price="0.2900"), "old.toml")
        self._new = compile_text(TARIFF.format(name="New", price="0.3100"), "new.toml")
        self._zone = self._old.tariff().calendar.zone
        self._fleet = with_simulated(Fleet.new(), count, GROUP)

    async def run(self) -> None:
        """ToolError: the fleet did not do what it promises."""
        began = time.monotonic()
        found = self._set_up()
        start, midnight = self._local(0), self._local(1)
        meters = SimFleet(self._fleet, self._names, start, tariff=self._old.text, tick_s=TICK_S)
        audit = Audit(self._at / "audit.jsonl", meters.now, self._told, self._clock)
        keys = KeySource(self._fleet)
        with head_end.own_broker(found), Store(found.at(found.store)) as store:
            self._head = HeadEnd(found, keys, store, audit, meters.now)
            async with self._head.running(looking=False):
                self._say(f"broker on {found.host}:{found.port} with mutual TLS, head-end on it")
                tls = lambda serial: folder.meter_tls(found, serial)  # noqa: E731
                meters.connect(Road(found.host, found.port, tls, LINK, UPLINK, hurry=4))
                await self._until_online()
                self._say(f"{len(self._names)} meters online, from {self._when(start)} on")
                await self._day(meters, start, midnight)
                await self._steps(meters, midnight + AFTER_S)
                bills = await self._bills()
                registers = await self._head.commands.read(GROUP, "registers")
                await self._head.server.flush()
                await meters.disconnect()
        self._table(meters, start, bills, registers, time.monotonic() - began)

    def _set_up(self) -> settings.Settings:
        keys = self._at / "fleet.keys"
        key_file.create(keys, self._fleet, secrets.token_hex(16))
        at = self._at / "headend"
        folder.init(at, keys, self._fleet, None, broker_config.free_port())
        above = len(self._names) * 3 // 4  # kW
        rules = _RULES.format(group=GROUP, above=above, below=above * 4 // 5)
        (at / "rules.toml").write_text(rules)
        toml = at / settings.NAME
        toml.write_text(toml.read_text().replace("# [rules]", "[rules]").replace("# file", "file"))
        return settings.load(at)

    async def _day(self, meters: SimFleet, start: int, midnight: int) -> None:
        await self._steps(meters, start + CHANGE_AT_S)
        outcomes = await self._head.commands.tariff(GROUP, self._new, midnight)
        _need({o.problem for o in outcomes.values()} == {""}, "tariff", outcomes)
        self._say(f"{' ' * 7}the new tariff waits for {self._when(midnight)}")
        await self._steps(meters, midnight)

    async def _steps(self, meters: SimFleet, until: int) -> None:
        """Interval by interval; the rules see each one before the next begins."""
        with session.progress_bar("metering", self._out) as bar:
            task = bar.add_task("", total=until - meters.utc)
            while meters.utc < until:
                await meters.advance(meters.utc + STEP_S)
                await _wait(lambda: self._told_all(meters.utc), f"intervals to {meters.utc}")
                await self._head.ruling.look()
                bar.advance(task, STEP_S)

    def _told_all(self, utc: int) -> bool:
        found = self._head.intake.meters
        return all(serial in found and found[serial].utc >= utc for serial in self._names)

    async def _until_online(self) -> None:
        found = self._head.intake.meters
        await _wait(lambda: sum(bool(m.online) for m in found.values()) == len(self._names), "up")

    async def _bills(self) -> dict[str, Any]:
        """-> by serial, the closed part under the old tariff and what is active now."""

        def do(meter: Any) -> Any:
            info, bill = meter.request("info"), meter.request("bill", period=1, line=0)
            return {"active": info["tariff"]["active"], "bill": bill}

        outcomes = await self._head.commands.run("bills", self._names, do)
        _need({o.problem for o in outcomes.values()} == {""}, "bills", outcomes)
        return {serial: outcome.value for serial, outcome in outcomes.items()}

    def _table(
        self, meters: SimFleet, start: int, bills: Any, registers: Any, took_s: float
    ) -> None:
        at, seconds = self._at / "headend/store", meters.utc - start
        rows = catalogue.query(at, _KEPT)[1]
        whole = [r for r in rows if r[1] == r[2] == r[3] and (r[4], r[5]) == (seconds, meters.utc)]
        _need(len(whole) == len(self._names), "intervals", rows)
        now = {s: o.value["registers"]["1.8.0"] for s, o in registers.items()}
        _need(all(now[row[0]] == row[6] for row in rows), "registers", rows)
        _need({b["active"] for b in bills.values()} == {self._new.digest[:16]}, "tariff", bills)
        _need({b["bill"]["digest"] for b in bills.values()} == {self._old.digest}, "bill", bills)
        critical = catalogue.query(
            at, "SELECT count(*), sum(used_mwh) FROM energy WHERE rate = 1"
        )[1][0]
        decisions = [line for line in self._head.audit.lines if line["what"] == "rule"]
        _need(any(line["decision"] == "raise" for line in decisions), "rule", decisions)
        _need(critical[0] > 0, "critical peak", critical)
        counts = self._head.intake.counts
        lines = show.table("", "")
        for name, text in (
            ("meters", f"{len(rows)}, mutual TLS, each with keys and a seal of its own"),
            ("intervals", f"{sum(r[1] for r in rows)} in the store: each once, none missing"),
            ("energy", f"{show.kilo(sum(r[6] for r in rows), 3)} kWh, as the registers say"),
            ("messages", ", ".join(f"{counts[key]} {what}" for key, what in _COUNTED.items())),
            ("critical peak", _peak(decisions, self._when)),
            ("at its price", f"{critical[0]} intervals, {show.kilo(critical[1], 3)} kWh"),
            (
                "new tariff",
                f"active on {len(bills)} of {len(rows)} at {self._when(self._local(1))}",
            ),
            ("bills", _bill(bills)),
            ("time", f"{seconds // 3600} h of {len(rows)} meters in {took_s:.0f} s"),
        ):
            lines.add_row(name, text)
        self._out.print("", show.titled("The fleet's day", lines))
        self._say("\nAll of it is simulated and is gone now; one that stays: docs/headend.md")

    def _local(self, day: int) -> int:
        return int(self._zone.to_utc((FIRST_DAY + day) * 86400)) + int(EPOCH)

    def _when(self, unix_s: int) -> str:
        return show.instant(unix_s, self._zone)

    def _clock(self, unix_s: int) -> str:
        return self._when(unix_s)[11:16]

    def _told(self, text: str) -> None:
        self._out.print(text, markup=False, highlight=False)

    def _say(self, text: str) -> None:
        self._out.print(text, markup=False)


def _peak(decisions: list[dict[str, Any]], when: Any) -> str:
    first = next(line for line in decisions if line["decision"] == "raise")
    last = [line for line in decisions if line["start"] == first["start"]][-1]
    load = f"{first['load_mw'] / 1e6:.1f} kW > {first['above_kw']} kW"
    span = f"{when(first['start'])[11:16]} to {when(last['end'])[11:16]}"
    return f"raised at {when(first['utc'])} by {load}, held from {span}"


def _bill(bills: dict[str, Any]) -> str:
    total = sum(bill["bill"]["total"] for bill in bills.values())
    return f"{len(bills)} closed by the change, {total / 100:.2f} EUR under the old tariff"


async def _wait(condition: Any, what: str) -> None:
    until = time.monotonic() + SETTLE_S
    while not condition():
        if time.monotonic() > until:
            raise ToolError(f"demo: {what}: not in {SETTLE_S:g} s: look at the broker's log")
        await asyncio.sleep(0.01)


def _need(condition: bool, what: str, seen: Any) -> None:
    if not condition:
        raise ToolError(f"demo: {what}: not as promised: {json.dumps(seen, default=str)[:400]}")
