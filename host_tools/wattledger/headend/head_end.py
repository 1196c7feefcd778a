"""Composition: broker, server, commands, rules and watch, as one thing that runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from wattledger.errors import ToolError
from wattledger.headend import folder, mosquitto, rules, status, watching
from wattledger.headend.audit import Audit
from wattledger.headend.broker import Broker
from wattledger.headend.clocks import Clocks
from wattledger.headend.commands import Commands
from wattledger.headend.key_source import KeySource
from wattledger.headend.road import Road
from wattledger.headend.ruling import Ruling
from wattledger.headend.server import USUAL, Pace, Server
from wattledger.headend.settings import Settings
from wattledger.headend.store import Store

LOOK_S = 2.0
CONNECT_S = 20.0


class HeadEnd:
    """To be made in the loop that it runs in. now: Unix s, another clock in a simulation."""

    def __init__(
        self,
        settings: Settings,
        keys: KeySource,
        store: Store,
        audit: Audit,
        now: Callable[[], float] = time.time,
        pace: Pace = USUAL,
    ) -> None:
        self.settings, self.keys, self.audit, self.now = settings, keys, audit, now
        self.server = Server(settings, keys, store, audit, pace)
        self.intake = self.server.intake
        self.commands = Commands(Road(self.server), keys, audit, now)
        given = rules.load(settings.at(settings.rules)) if settings.rules else []
        self.ruling = Ruling(
            given, self.intake, keys, self.commands, audit, now, settings.interval_s
        )
        self.clocks = Clocks(self.intake, keys, self.commands, now, settings.every_s)
        self._watch = watching.Watch(audit)

    @contextlib.asynccontextmanager
    async def running(self, looking: bool = True) -> AsyncIterator[None]:
        """Connected to its broker, until the end of the block.

        looking   rules and watch go by themselves; else the caller calls `ruling.look`
        """
        self._tasks = [asyncio.create_task(self.server.run())]
        if looking:
            self._tasks.append(asyncio.create_task(self._looking()))
            self._tasks.append(asyncio.create_task(self._disciplining()))
        try:
            await self._connected(self._tasks[0])
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.commands.close()

    async def wait(self) -> None:
        """As long as all goes well; raises what ended it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def status(self) -> dict[str, Any]:
        at = self.settings
        told = status.status(self.intake, self.keys, self.now(), at.interval_s, at.missing_after)
        return {**told, "broker": self.server.problem or "connected"}

    async def _connected(self, task: "asyncio.Task[None]") -> None:
        until = time.monotonic() + CONNECT_S
        while not self.server.connects:
            if task.done():
                task.result()
            if time.monotonic() > until:
                where = f"{self.settings.host}:{self.settings.port}"
                raise ToolError(f"broker: {where}: {self.server.problem}: is it running?")
            await asyncio.sleep(0.02)

    async def _disciplining(self) -> None:
        """Beside the rules: a meter that does not answer holds up no peak."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.clocks.look()

    async def _looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self.ruling.look()
            at = self.settings
            self._watch.look(
                watching.missing(
                    self.intake, self.keys, self.now(), at.interval_s, at.missing_after
                )
            )


def own_broker(settings: Settings) -> contextlib.AbstractContextManager[Any]:
    """-> our broker to be entered, or nothing if it is somebody else's."""
    if not settings.start:
        return contextlib.nullcontext()
    found = settings.folder / "broker"
    tls = folder.tls_of(settings)
    return Broker(mosquitto.find(), found, settings.port, tls, addresses=settings.listen)
