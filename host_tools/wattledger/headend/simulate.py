"""A fleet of simulated meters in this process, on one clock that can be as fast as it likes."""

import asyncio
import importlib
import time
from collections.abc import Callable
from typing import Any

from wattledger import bundle
from wattledger.errors import ToolError
from wattledger.headend.sim_meter import TICK_S, Road, SimMeter
from wattledger.security.keyring import Fleet

GROUP = "simulated"
SLICE_S = 0.02  # real time for which meters tick before others get their turn
STEP_S = 300
SETTLE_S = 120.0


def serials(count: int) -> list[str]:
    """-> made up ones: their first bit says that no chip has them"""
    return [f"f{number:011x}" for number in range(1, count + 1)]


def is_one(serial: str) -> bool:
    """Whether it is a simulated meter's."""
    return serial.startswith("f")


def with_simulated(fleet: Fleet, count: int, group: str = GROUP) -> Fleet:
    """-> the fleet with so many of them"""
    for serial in serials(count):
        if serial not in fleet.meters:
            fleet = fleet.with_meter(serial, fleet.generation, group)
    return fleet


def household(seed: int) -> Any:
    bundle.import_boards()
    return importlib.import_module("boards.virtual.household").Household(seed)


class SimFleet:
    """utc    Unix s, the fleet's own clock: that of each meter that nobody talks to
    meters   SimMeter by serial
    """

    def __init__(
        self,
        fleet: Fleet,
        names: list[str],
        utc: int,
        load: Callable[[int], Any] = household,
        tariff: bytes | None = None,
        tick_s: int = TICK_S,
    ) -> None:
        self.utc, self._tick_s = utc, tick_s
        self.meters = {
            serial: SimMeter(fleet, serial, load(seed), utc)
            for seed, serial in enumerate(names, 1)
        }
        for meter in self.meters.values():
            if tariff is not None:
                meter.begin(tariff)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def now(self) -> float:
        return self.utc

    def connect(self, road: Road, only: list[str] | None = None) -> None:
        for serial in only or self.meters:
            task = asyncio.create_task(self.meters[serial].run(road))
            self._tasks[serial] = task

    async def disconnect(self, only: list[str] | None = None) -> None:
        tasks = [self._tasks.pop(serial) for serial in only or list(self._tasks)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def advance(self, until: int, speed: float = 0) -> None:
        """Let time go on up to `until`. speed: seconds in one real second at most, 0: any."""
        began, since = time.monotonic(), self.utc
        while self.utc < until:
            self.utc = min(self.utc + STEP_S, until)
            await self._tick()
            if speed:
                due = began + (self.utc - since) / speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        while not await self._tick():
            await asyncio.sleep(SLICE_S)  # somebody talks to one of them

    async def settle(self, within_s: float = SETTLE_S) -> None:
        """Wait until the head-end has receipted all. ToolError: it has not in time."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            left = [serial for serial, meter in self.meters.items() if not meter.receipted]
            if not left:
                return
            await asyncio.sleep(0.1)
        problems = {self.meters[serial].link.problem for serial in left} - {""}
        raise ToolError(
            f"simulate: {len(left)} meters without all receipts in {within_s:g} s:"
            f" {'; '.join(sorted(problems)) or 'does wattledger headend run?'}"
        )

    async def _tick(self) -> bool:
        """-> whether all meters are at the fleet's time"""
        there, turn = True, time.monotonic() + SLICE_S
        for serial, meter in self.meters.items():
            task = self._tasks.get(serial)
            if task is not None and task.done():
                task.result()
            there &= meter.advance(self.utc, self._tick_s)
            if time.monotonic() > turn:
                await asyncio.sleep(0)
                turn = time.monotonic() + SLICE_S
        await asyncio.sleep(0)
        return there
