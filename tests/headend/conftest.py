"""A fleet, a broker of its own with mutual TLS, and a head-end on it, all on this machine."""

import asyncio
import contextlib
import time

import pytest

pytest.importorskip("aiomqtt", reason="no aiomqtt: pip install 'wattledger[headend]'")
pytest.importorskip("duckdb", reason="no duckdb: pip install 'wattledger[headend]'")
pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'wattledger[headend]'")

from meter.records import Row
from wattledger.headend import broker_config, catalogue, folder, head_end, settings
from wattledger.headend.audit import Audit
from wattledger.headend.broker import Broker
from wattledger.headend.head_end import HeadEnd
from wattledger.headend.key_source import KeySource
from wattledger.headend.records import PROFILE, RINGS
from wattledger.headend.server import Pace
from wattledger.headend.sim_meter import Road
from wattledger.headend.simulate import SimFleet, serials, with_simulated
from wattledger.headend.store import Store
from wattledger.security.keyring import Fleet

START = 1_790_812_800  # 2026-10-01, UTC
HOUR_S = 3600
GROUP = "simulated"
PACE = Pace((0.1, 0.3), 1, 2.0)
UPLINK = {"wait_s": 1, "again_s": 2, "live_s": 5}


@pytest.fixture(scope="session")
def keys():
    """The keys of three simulated meters and of one that is not there."""
    fleet = with_simulated(Fleet.new(), 3, GROUP)
    return fleet.with_meter("f0000000ffff", 1, "elsewhere")


class Scene:
    """fleet   SimFleet, connected; head: HeadEnd, running; broker; folder of the head-end"""

    def __init__(self, program, at, keys, count=3, tariff=None, rules=None):
        self.keys, self.folder = keys, at / "headend"
        folder.init(self.folder, at / "keys", keys, None, broker_config.free_port())
        toml = self.folder / "headend.toml"
        toml.write_text(toml.read_text().replace("[store]", "[store]\nflush_s = 0.2"))
        if rules:
            (self.folder / "rules.toml").write_text(rules)
            toml.write_text(toml.read_text() + '[rules]\nfile = "rules.toml"\n')
        self.settings = settings.load(self.folder)
        tls = folder.tls_of(self.settings)
        self.broker = Broker(program, self.folder / "broker", self.settings.port, tls)
        self.fleet = SimFleet(keys, serials(count), START, tariff=tariff)
        self.road = self.road_of(lambda serial: folder.meter_tls(self.settings, serial))
        self.head = None

    def road_of(self, tls):
        at = self.settings
        session = {"keepalive_s": 1}
        return Road(
            at.host,
            at.port,
            tls,
            {"back_off_s": (1, 2), "connect_s": 3},
            UPLINK,
            session,
            poll_s=0.1,
            hurry=8,
        )

    @property
    def store(self):
        return self.settings.at(self.settings.store)

    @contextlib.asynccontextmanager
    async def headed(self, looking=False):
        """A head-end in this process; its store is shut afterwards."""
        audit = Audit(None, self.fleet.now)
        with Store(self.store) as store:
            keys = KeySource(self.keys)
            self.head = HeadEnd(self.settings, keys, store, audit, self.fleet.now, PACE)
            async with self.head.running(looking):
                yield self.head

    @contextlib.asynccontextmanager
    async def living(self):
        """Broker and head-end on, and the meters connected."""
        with self.broker:
            async with self.headed():
                self.fleet.connect(self.road)
                try:
                    yield
                finally:
                    await self.fleet.disconnect()

    async def live(self, hours, per_hour_s=0.02):
        for _ in range(hours):
            await self.fleet.advance(self.fleet.utc + HOUR_S)
            await asyncio.sleep(per_hour_s)

    def check(self):
        """What is stored is what the meters have: each record once, none missing, none altered."""
        rows = catalogue.query(
            self.store,
            "SELECT serial, seq, utc, import_mwh, export_mwh, status, duration_s FROM intervals"
            " ORDER BY serial, seq",
        )[1]
        assert rows == [row for meter in self.fleet.meters.values() for row in _rows(meter)]
        kept = catalogue.query(self.store, "SELECT serial, ring, count, last_seq FROM kept")[1]
        found = {(serial, ring): (count, last) for serial, ring, count, last in kept}
        for serial, meter in self.fleet.meters.items():
            for name, ring in zip(RINGS, meter.meter.journal.rings[2:], strict=True):
                expected = ring.last_seq and (ring.last_seq, ring.last_seq)
                assert found.get((serial, name), 0) == expected, name
        assert catalogue.query(self.store, "SELECT * FROM gaps")[1] == []


def _rows(meter):
    ring, row = meter.meter.journal.profile, Row()
    for seq in range(1, ring.last_seq + 1):
        assert ring.read(seq, ring.slot)
        row.unpack(ring.slot)
        registers = row.import_mwh, row.export_mwh
        yield (meter.serial, row.seq, row.utc, *registers, row.status, row.duration_s)


async def until(condition, seconds=20.0, what="it did not happen"):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what() if callable(what) else what
        await asyncio.sleep(0.01)


__all__ = ("GROUP", "HOUR_S", "PROFILE", "START", "Scene", "head_end", "until")
