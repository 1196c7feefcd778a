"""Commands to meters and groups: each meter's outcome is known, and one signed order does for all.

A command that gets no answer is tried again from the beginning: an order may come twice, and a
clock is set to the time that it is by then.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from meter.security.orders import KINDS
from wattledger import show
from wattledger.errors import ToolError
from wattledger.headend.audit import Audit
from wattledger.headend.key_source import KeySource
from wattledger.headend.road import NoAnswer, Road
from wattledger.link import Link
from wattledger.prices.prices_import import PriceFile
from wattledger.reading import TARIFFS
from wattledger.security import orders
from wattledger.security.ordering import VALID_S, Meter, Signer
from wattledger.tariffs.tariff_file import Compiled

TRIES = 3
AT_ONCE = 16  # meters that are talked to at the same time
AGAIN_S = 2.0

Do = Callable[[Link], Any]


@dataclass(frozen=True)
class Outcome:
    """problem: "" if it was done; value: what the meter answered."""

    problem: str = ""
    value: Any = None


class GroupSigner(Signer):
    """Signs one order for a whole group, "*": for every meter; now: Unix s.

    A meter that has taken a later one makes it a new order, which the others take as well.
    newest   version of the last order of each kind that we have signed; it is kept up here
    """

    def __init__(
        self, keys: KeySource, group: str, now: Callable[[], float], newest: dict[str, int]
    ) -> None:
        super().__init__()
        self._keys, self._now, self._newest = keys, now, newest
        self._target = "*" if group == "*" else f"group:{group}"
        self._signed: dict[tuple[str, str], dict[str, Any]] = {}
        self._one = threading.Lock()

    def sign(self, meter: Meter, kind: str, argument: str) -> dict[str, Any]:
        last = int(meter.request("hello")["orders"][KINDS.index(kind)])
        with self._one:  # many meters ask at once, each in its thread
            signed = self._signed.get((kind, argument))
            if signed is None or signed["version"] < last:
                version = max(int(self._now()), last + 1, self._newest.get(kind, 0) + 1)
                until = int(self._now()) + VALID_S
                private = self._keys.fleet.private(orders.SIGNER[kind])
                signed = orders.sign(kind, self._target, version, until, argument, private)
                self._signed[kind, argument], self._newest[kind] = signed, version
            return {"order": signed}


class Commands:
    """now: Unix s, the time that meters are set to."""

    def __init__(
        self, road: Road, keys: KeySource, audit: Audit, now: Callable[[], float]
    ) -> None:
        self._road, self._keys, self._audit, self._now = road, keys, audit, now
        self._pool = ThreadPoolExecutor(AT_ONCE, "command")
        self._turns: dict[str, asyncio.Lock] = {}
        self._newest: dict[str, int] = {}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, what: str, serials: Iterable[str], do: Do) -> dict[str, Outcome]:
        """-> the outcome by serial; an audit line tells how it went."""
        serials = list(serials)
        found = await asyncio.gather(*(self._one(serial, do) for serial in serials))
        outcomes = dict(zip(serials, found, strict=True))
        problems = {s: outcome.problem for s, outcome in outcomes.items() if outcome.problem}
        self._audit.note("command", command=what, done=len(found) - len(problems), failed=problems)
        return outcomes

    async def read(self, group: str, do: str, **args: Any) -> dict[str, Outcome]:
        return await self._group(group, do, lambda meter: meter.request(do, **args))

    async def clock(self, group: str, only: list[str] | None = None) -> dict[str, Outcome]:
        """Give them our time as a reference: a few seconds are corrected without a cut."""

        def do(meter: Link) -> Any:
            return meter.request("clock", utc=round(self._now()), reference=True)

        return await self._group(group, "clock", do, only)

    async def load_switch(self, group: str, on: bool) -> dict[str, Outcome]:
        return await self._group(
            group, f"load_switch {on}", lambda meter: meter.request("load_switch", on=on)
        )

    async def tariff(self, group: str, tariff: Compiled, when: str | int) -> dict[str, Outcome]:
        """The same signed order to all; value: Unix s at which it takes effect."""
        signer = GroupSigner(self._keys, group, self._now, self._newest)

        def do(meter: Link) -> Any:
            self._give(meter, tariff.digest, tariff.text)
            signed = signer.sign(meter, "tariff", f"{tariff.digest} {when}")
            return meter.request("tariff", digest=tariff.digest, when=when, **signed)["at"]

        at = when if isinstance(when, str) else show.instant(when)
        return await self._group(group, f"tariff {tariff.digest[:16]} ({at})", do)

    async def prices(
        self, group: str, prices: PriceFile, only: list[str] | None = None
    ) -> dict[str, Outcome]:
        """The same signed order to all; value: Unix s at which the schedule expires.

        only   these of the group
        """
        signer = GroupSigner(self._keys, group, self._now, self._newest)

        def do(meter: Link) -> Any:
            self._give(meter, prices.digest, prices.text)
            signed = signer.sign(meter, "prices", prices.digest)
            return meter.request("prices", digest=prices.digest, **signed)["until"]

        return await self._group(group, f"prices {prices.digest[:16]}", do, only)

    def _give(self, meter: Link, digest: str, text: bytes) -> None:
        """A file that it has already takes one request: it says so at once."""
        meter.replace(f"{TARIFFS}/{digest}.json", text)

    async def _group(
        self, group: str, what: str, do: Do, only: list[str] | None = None
    ) -> dict[str, Outcome]:
        serials = only or self._keys.group(group)
        if not serials:
            raise ToolError(f"headend: no meter is of group {group}: see wattledger keys show")
        return await self.run(f"{what} to {group}", serials, do)

    async def _one(self, serial: str, do: Do) -> Outcome:
        loop = asyncio.get_running_loop()
        async with self._turns.setdefault(serial, asyncio.Lock()):
            for left in reversed(range(TRIES)):
                try:
                    return Outcome(
                        value=await loop.run_in_executor(self._pool, self._talk, serial, do)
                    )
                except ToolError as error:
                    outcome = Outcome(str(error))
                    again = isinstance(error, NoAnswer) or outcome.problem.endswith("try again")
                if not again:
                    break
                if left:
                    await asyncio.sleep(AGAIN_S)
            return outcome

    def _talk(self, serial: str, do: Do) -> Any:
        with self._road.link(serial, self._keys.fleet) as meter:
            return do(meter)
