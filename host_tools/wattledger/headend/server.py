"""The head-end: listens to the broker, stores, and only then receipts. docs/headend.md."""

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import aiomqtt

from wattledger.errors import ToolError
from wattledger.headend import catalogue
from wattledger.headend.audit import Audit
from wattledger.headend.intake import ROOT, Intake
from wattledger.headend.key_source import KeySource
from wattledger.headend.settings import Settings
from wattledger.headend.store import Store

IDENTITY = "headend"
REFRESH_S = 10.0
QUEUED_MAX = 100_000  # messages; what finds no room has no receipt, and its meter sends it again

_QUIET = logging.getLogger("wattledger.headend")
_QUIET.setLevel(logging.CRITICAL)  # what is wrong stands in `problem`

Answered = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Pace:
    """back_off_s   most before the first attempt to connect again, and before any
    keepalive_s  a broker that is silent for longer is asked, and then dropped
    timeout_s    of one exchange with it
    """

    back_off_s: tuple[float, float] = (0.5, 30.0)
    keepalive_s: int = 20
    timeout_s: float = 10.0


USUAL = Pace()


class _Many(asyncio.Queue[Any]):
    """Hands out all that is there at once: aiomqtt makes a task for each time it is asked."""

    async def get(self) -> Any:
        found = [await super().get()]
        while not self.empty():
            found.append(self.get_nowait())
        return found


class Server:
    """on_answer   (serial, line): what came up as an answer to a command
    connects    how often the broker took us; problem: what is wrong now, "" for nothing
    """

    def __init__(
        self,
        settings: Settings,
        keys: KeySource,
        store: Store,
        audit: Audit,
        pace: Pace = USUAL,
    ) -> None:
        self.settings, self.keys, self.store, self.audit = settings, keys, store, audit
        self.on_answer: Answered | None = None
        self.intake = Intake(keys, catalogue.known(store.folder), self._answered, self._gap)
        self.connects, self.problem, self.stored_rows = 0, "not connected yet", 0
        self._client: aiomqtt.Client | None = None
        self._pace = pace
        self._due, self._stopping = asyncio.Event(), False
        self._storing = asyncio.Lock()

    async def run(self) -> None:
        """Until it is cancelled; what has come is stored before it ends."""
        tasks = [asyncio.create_task(work) for work in (self._connected(), self._flushing())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping = True
            self._due.set()
            tasks[0].cancel()  # the other one is never broken off: a thread works for it
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for problem in ended:
            if isinstance(problem, Exception):
                raise problem

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """ToolError: not connected, or the connection broke."""
        if self._client is None:
            raise ToolError(f"broker: {self.problem}: try again")
        try:
            await self._client.publish(topic, payload, qos=1, retain=retain)
        except aiomqtt.MqttError as error:
            raise ToolError(f"broker: {error}: try again") from None

    async def _connected(self) -> None:
        wait_s = self._pace.back_off_s[0]
        while True:
            try:
                async with self._new_client() as client:
                    wait_s = self._pace.back_off_s[0]
                    await self._listen(client)
            except aiomqtt.MqttError as error:
                self.problem = str(error) or type(error).__name__
            except ssl.SSLError as error:
                self.problem = f"TLS: {error.reason or error}: look at the certificates"
            except OSError as error:
                self.problem = error.strerror or str(error)
            finally:
                self._client = None
            await asyncio.sleep(random.uniform(0, wait_s))
            wait_s = min(2 * wait_s, self._pace.back_off_s[1])

    def _new_client(self) -> aiomqtt.Client:
        at = self.settings
        return aiomqtt.Client(
            at.host,
            at.port,
            identifier=IDENTITY,
            keepalive=self._pace.keepalive_s,
            tls_context=None if at.plain else tls_context(at),
            queue_type=_Many,
            max_queued_incoming_messages=QUEUED_MAX,
            logger=_QUIET,
            timeout=self._pace.timeout_s,
        )

    async def _listen(self, client: aiomqtt.Client) -> None:
        await client.subscribe(f"{ROOT}/+/up/#", qos=1)
        self._client, self.problem = client, ""
        self.connects += 1
        take, most = self.intake.take, self.settings.flush_rows
        async for several in client.messages:
            for message in cast(list[aiomqtt.Message], several):
                take(str(message.topic), message.payload)
            if self.intake.waiting >= most:
                self._due.set()
            await asyncio.sleep(0)  # whatever else is due gets its turn under any load

    async def _flushing(self) -> None:
        refreshed = time.monotonic()
        while not self._stopping:
            self._due.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.flush_s):
                    await self._due.wait()
            await self.flush()
            if time.monotonic() - refreshed > REFRESH_S:
                refreshed = time.monotonic()
                if self.keys.refresh():
                    self.intake.rekeyed()

    async def flush(self) -> None:
        """Store what waits, then send the receipts for it."""
        async with self._storing:
            batch = self.intake.cut()
            if not batch.rows and not batch.receipts:
                return
            try:
                await asyncio.to_thread(self.store.append, batch.rows)
            except ToolError as error:
                self.intake.lost()
                self.audit.note("not stored", text=str(error), records=len(batch.rows))
                return
            self.stored_rows += len(batch.rows)
            await self._send(self.intake.kept(batch))
            try:
                await asyncio.to_thread(self.store.merge)
            except ToolError as error:
                self.audit.note("not merged", text=str(error))

    async def _send(self, receipts: list[tuple[str, bytes]]) -> None:
        """At QoS 0: one that is lost is sent again when the meter sends again."""
        client = self._client
        if client is None:
            return
        with contextlib.suppress(aiomqtt.MqttError):
            for topic, payload in receipts:
                await client.publish(topic, payload, qos=0, retain=True)

    def _answered(self, serial: str, line: bytes) -> None:
        if self.on_answer:
            self.on_answer(serial, line)

    def _gap(self, serial: str, ring: str, first: int, last: int) -> None:
        self.audit.note("gap", meter=serial, ring=ring, first=first, last=last)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """-> for a client that checks its broker. ToolError: certificates that cannot be had."""
    try:
        context = ssl.create_default_context(cafile=str(settings.at(settings.ca)))
        context.load_cert_chain(
            str(settings.at(settings.certificate)), str(settings.at(settings.key))
        )
    except (OSError, ssl.SSLError) as error:
        raise ToolError(
            f"headend: certificates of {settings.folder}: {error}: wattledger headend init"
        ) from None
    return context
