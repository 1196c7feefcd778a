"""One simulated meter: the real core, gate and uplink, and the real MQTT client, in this process.

The client and the uplink are the device's own, taken from the bundle as the chip has them.
"""

import asyncio
import contextlib
import importlib
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from meter.journal import Journal
from meter.meter import Meter
from meter.security import keys as keys_of
from meter.security.gate import Gate
from meter.security.seal import Seal
from meter.service import Service
from wattledger import bundle
from wattledger.headend.sim_ports import Clock, Crypto, Lasting, LoadChip, Ports, salt_of
from wattledger.security.keyring import Fleet

# Every ring, but 15 days of profile: RAM is dear when there are a thousand meters.
LAYOUT = ((8, 256, 4), (8, 256, 4), (0, 64, 0), (8, 512, 4), (12, 256, 4)) + ((4, 64, 0),) * 5
SECTORS = 80
TICK_S = 60
HOLD_S = 0.5  # real time: a meter that is asked lives at the pace of whoever asks
POLL_S = 0.5  # for what becomes due by itself; all else wakes the uplink
_TICKS_MS = 0x3FFFFFFF


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000 & _TICKS_MS


def device(name: str) -> Any:
    """-> a module of the device's own software that is not part of the core."""
    folder = str(bundle.root() / "firmware")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


@dataclass(frozen=True)
class Road:
    """How the meters reach their broker.

    tls      of each meter: serial -> what comms.mqtt_link takes; None: plain
    profile uplink session   further options of comms.mqtt_link.Link, comms.uplink.Uplink and
                 comms.mqtt_session.Session
    """

    host: str
    port: int
    tls: Any = None
    profile: dict[str, Any] = field(default_factory=dict)
    uplink: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)
    poll_s: float = POLL_S
    hurry: int = 1  # how many times shorter the waits between attempts are


class LinkPorts:
    """What comms.mqtt_link needs from outside."""

    def __init__(self, hurry: int) -> None:
        self._hurry = hurry
        self.now_ms, self.random = now_ms, Crypto().random

    async def sleep_ms(self, ms: int) -> None:
        await asyncio.sleep(ms / 1000 / self._hurry)


class SimMeter:
    """load   of boards.virtual.load; utc: Unix s at which it begins

    lag_s   how far its clock may be behind while somebody talks to it
    """

    def __init__(self, fleet: Fleet, serial: str, load: Any, utc: int) -> None:
        nor = bundle_nor()
        self.serial, self._load = serial, load
        self.lasting, self.flash, self.clock = Lasting(), nor.Nor(SECTORS), Clock(utc)
        known = fleet.meters[serial]
        blob = fleet.blob(serial, known.generation or fleet.generation, known.group)
        self.lasting.vault.store("keys", blob)
        self._hold_until, self._wake = 0.0, asyncio.Event()
        self._written, self._full = 0, False
        self.boot()
        self.ask("format", salt=salt_of(serial))
        Seal(self.lasting.vault).close()
        self.boot()

    def boot(self) -> None:
        """A start of the software: flash, vault, files and retained RAM are as they were."""
        vault = self.lasting.vault
        keys = keys_of.unpack(vault.load("keys"))
        self.chip = LoadChip(self._load, self.clock.utc)
        ports = Ports(self.chip, self.clock, self.flash, self.lasting)
        self.meter = Meter(ports, Journal(self.flash, LAYOUT), keys.evidence)
        identity = {"serial": self.serial, "board": "simulated", "firmware": "0", "software": ""}
        self.service = Service(self.meter, identity)
        serial6 = bytes.fromhex(self.serial)
        self.gate = Gate(self.service, keys, vault, Crypto(), self.clock, Seal(vault), serial6)
        self.meter.start()

    def ask(self, do: str, role: str = "maker", **args: Any) -> Any:
        """As the bench would, before there are keys; AssertionError with the text of a refusal."""
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        reply = json.loads(self.service.handle(role, line))
        assert "ok" in reply, reply
        return reply["ok"]

    def begin(self, tariff: bytes) -> None:
        """Its first tariff, as it had on the bench before it got its keys."""
        digest = self.lasting.files.put(tariff)
        keys, self.gate.keys = self.gate.keys, None
        self.ask("tariff", digest=digest, when="now")
        self.gate.keys = keys

    @property
    def held(self) -> bool:
        return time.monotonic() < self._hold_until

    @property
    def receipted(self) -> bool:
        """Whether the head-end has said of every record that it has it."""
        rings = self.meter.journal.rings[2:]
        return all(
            ring.last_seq == upto for ring, upto in zip(rings, self.uplink.upto, strict=True)
        )

    def advance(self, until: int, tick_s: int = TICK_S) -> bool:
        """Tick up to `until`, unless somebody talks to it. -> whether it is there."""
        while self.clock.utc + tick_s <= until and not self.held:
            self.clock.utc += tick_s
            self.chip.now_ms = self.clock.utc * 1000
            self.meter.tick(self.clock.utc)
        written = sum(ring.last_seq for ring in self.meter.journal.rings[2:])
        if written != self._written:  # what the uplink sends
            self._written = written
            self._wake.set()
        return self.clock.utc + tick_s > until

    async def run(self, road: Road) -> None:
        """Be connected until this is cancelled."""
        uplink, wake = self._connect(road), self._wake
        task = asyncio.create_task(self.link.run())
        try:
            while True:
                for _ in range(8):  # rings
                    while self.session.ready and uplink.step(self._publish, now_ms()):
                        self.link.wake()
                self.link.wake()
                wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(road.poll_s):  # wait_for may lose a cancellation
                        await wake.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """As the session does it; if it is full, an acknowledgement wakes the uplink."""
        done = self._acknowledged if qos else None
        taken = bool(self.session.publish(topic, payload, qos, retain, done))
        self._full = not taken
        return taken

    def _acknowledged(self, _: bool) -> None:
        if self._full:
            self._wake.set()

    def _connect(self, road: Road) -> Any:
        def answer(line: bytes, way: str) -> bytes:
            self._hold_until = time.monotonic() + HOLD_S
            return bytes(self.gate.handle(line, way))

        uplink = device("comms.uplink").Uplink(
            self.gate, self.service.handle, answer, self.serial, road.uplink
        )

        def message(topic: str, payload: bytes, retain: bool) -> None:
            uplink.message(topic, payload, retain)
            self._wake.set()

        def ready() -> None:
            uplink.ready()
            self._wake.set()

        options = {"topics": uplink.topics(), "will": uplink.will(), **road.session}
        self.uplink = uplink
        self.session = device("comms.mqtt_session").Session(self.serial, options, message, ready)
        tls = road.tls(self.serial) if road.tls else None
        profile = {"host": road.host, "port": road.port, "tls": tls, **road.profile}
        ports = LinkPorts(road.hurry)
        self.link = device("comms.mqtt_link").Link(profile, self.session, ports)
        return uplink


def bundle_nor() -> Any:
    """-> boards.virtual.nor"""
    bundle.import_boards()
    return importlib.import_module("boards.virtual.nor")
