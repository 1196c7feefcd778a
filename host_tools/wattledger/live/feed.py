"""One thread that asks a source again and again, and who waits for what it finds."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from meter.errors import MeterError
from wattledger.errors import ToolError
from wattledger.live.state import Day, Now, Source

_DAY_EVERY_S = 60
_AGAIN_S = 2  # between two attempts to reach a source that does not answer
# What an answer that is none can raise, whatever a line has made of it.
_UNFIT = (LookupError, TypeError, ValueError, AttributeError, AssertionError, OSError)


@dataclass(frozen=True)
class Seen:
    """number   rises with each
    silence   why there is no answer, "": there is one
    """

    number: int = 0
    day_number: int = 0
    now: Now | None = None
    day: Day | None = None
    silence: str = ""


class Feed:
    """open_source   -> a Source; called again after it has failed. ToolError: not there"""

    def __init__(self, open_source: Callable[[], Source]) -> None:
        self._open = open_source
        self.source: Source | None = None
        self.seen = Seen()
        self._edition: object = None
        self._day_at = 0.0  # monotonic second
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Within the event loop in which `changes` is used."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def end(self) -> None:
        """Within the same loop: `changes` come to an end, and so does the thread, soon."""
        self._ended.set()
        self._wake()

    def close(self) -> None:
        """The thread is at its end, and the source is closed, when this returns."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._drop()

    async def changes(self) -> AsyncIterator[Seen]:
        """Yields what is seen, at once and then whenever it has changed; the newest only."""
        told = -1
        while not self._ended.is_set():
            changed, seen = self._changed, self.seen
            if seen.number != told:
                told = seen.number
                yield seen
            else:
                await changed.wait()

    def poll(self) -> None:
        """Ask once. Whatever is wrong is what is seen."""
        try:
            if self.source is None:
                self.source = self._open()
            now = self.source.now()
            self._publish(replace(self.seen, now=now, silence=""))
            if now.edition != self._edition or time.monotonic() - self._day_at > _DAY_EVERY_S:
                day = self.source.day()
                self._edition, self._day_at = now.edition, time.monotonic()
                self._publish(replace(self.seen, day=day, day_number=self.seen.day_number + 1))
        except (ToolError, MeterError) as error:
            self._lost(str(error))
        except _UNFIT as error:
            self._lost(f"an answer that is none: {error!r}"[:200])

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            self.poll()
            every_s = self.source.every_s if self.source else _AGAIN_S
            self._ended.wait(max(0.05, began + every_s - time.monotonic()))

    def _lost(self, why: str) -> None:
        self._drop()
        self._edition = None  # the day is read again when it is back
        self._publish(replace(self.seen, silence=why))

    def _drop(self) -> None:
        source, self.source = self.source, None
        if source is not None:
            source.close()

    def _publish(self, seen: Seen) -> None:
        self.seen = replace(seen, number=seen.number + 1)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before this thread
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
