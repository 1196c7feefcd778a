"""A meter with sensors in error, a reference source, and the link between: no VM, no port."""

import hashlib
import json

from rig import Rig, unix

from boards.virtual.ade7953 import Ade7953Model
from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.bl0942 import Bl0942Model
from boards.virtual.spi import SelectWire, SpiWire
from boards.virtual.waveform import Sensors, Waveform, waves
from drivers.ade7953 import Ade7953
from drivers.atm90e32 import Atm90e32
from drivers.bl0942 import Bl0942
from wattledger.calibration import plan as plan_of
from wattledger.calibration.procedure import Procedure
from wattledger.errors import ToolError

START = unix(2026, 3, 1)


class Store:
    """The store port, in RAM, and the file system that the host writes to."""

    def __init__(self):
        self.held, self.files = [None, None], {}

    def copies(self):
        return list(self.held)

    def candidate(self, digest):
        return self.files.get(f"/cfg/{digest}.cal")

    def store(self, data):
        self.held = [data, data]


class Link:
    """What the calibration needs of wattledger.link.Link, straight to the service."""

    def __init__(self, bench):
        self._bench = bench
        self.asked = []

    def request(self, do, **args):
        self.asked.append(do)
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        reply = json.loads(self._bench.rig.service.handle("maker", line))
        if "error" in reply:
            raise ToolError(reply["error"]["text"])
        return reply["ok"]

    def mkdir(self, path):
        assert path == "/cfg"

    def replace(self, path, data):
        self._bench.store.files[path] = bytes(data)

    def remove(self, path):
        del self._bench.store.files[path]


class Bench:
    """One IC behind sensors. sensors: one for each phase.

    make   (load, now_ms, sleep_ms) -> (model, driver)
    """

    def __init__(self, make, sensors, phases=(0,), line_hz=50):
        self.ms = START * 1000
        self.phases, self.line_hz = phases, line_hz
        self.load = Waveform(self._waves(230, 0, 0), sensors, line_hz * 1000)
        self.model, self.driver = make(self.load, lambda: self.ms, self._sleep_ms)
        self.rig = Rig(START)
        self.store = Store()
        self.rig.ports.chip, self.rig.ports.calibration = self.driver, {}
        self.rig.ports.calibration_store = lambda: self.store
        self.rig._boot()
        self.driver.start({})
        self.link = Link(self)

    def _sleep_ms(self, ms):
        self.ms += ms

    def _waves(self, v, i, angle):
        return [waves(v, i if phase in self.phases else 0, angle) for phase in range(3)]

    def set(self, point):
        """The reference source of a calibration."""
        self.rig.ports.clock.utc = self.ms // 1000
        self.rig.meter.tick(self.ms // 1000)
        self.load.use(self._waves(point.v, point.i, point.angle))
        return point

    def wait(self, seconds):
        for _ in range(max(1, round(seconds))):
            self.ms += 1000
            self.rig.ports.clock.utc = self.ms // 1000
            self.rig.meter.tick(self.ms // 1000)

    def plan(self, **table):
        known = {
            "reference": "waveform model",
            "un_v": 230,
            "ib_a": 5,
            "imax_a": 60,
            "line_hz": self.line_hz,
            "imp_per_kwh": 3200,
            "phases": [phase + 1 for phase in self.phases],
            "ticks": 12,
        }
        return plan_of.of(known | table, {}, "test")

    def procedure(self, **table):
        return Procedure(self.link, self.plan(**table), self, self.wait)

    def calibrate(self, **table):
        """-> (Computed, rows, record)"""
        procedure = self.procedure(**table)
        computed = procedure.compute()
        procedure.write(computed.after, [])
        rows = procedure.check()
        return computed, rows, procedure.write(computed.after, rows)

    def digest(self):
        return hashlib.sha256(self.store.held[0]).hexdigest()


def atm90e32(load, now_ms, sleep_ms, imp_per_kwh=3200, wiring="1p", **model):
    made = Atm90e32Model(load, now_ms, **model)
    driver = Atm90e32(
        SpiWire(made),
        SelectWire(made),
        sleep_ms,
        imp_per_kwh=imp_per_kwh,
        wiring=wiring,
        pmax_w=45000,
        start_mw=4600,
        ticks_ms=now_ms,
    )
    return made, driver


def ade7953(load, now_ms, sleep_ms, wiring="1p", **model):
    made = Ade7953Model(load, now_ms, **model)
    driver = Ade7953(
        SpiWire(made), SelectWire(made), sleep_ms, 3200, wiring=wiring, ticks_ms=now_ms
    )
    return made, driver


def bl0942(load, now_ms, sleep_ms, **model):
    made = Bl0942Model(load, now_ms, **model)
    driver = Bl0942(SpiWire(made), SelectWire(made), sleep_ms, pmax_w=15000, ticks_ms=now_ms)
    return made, driver


def shunt(seed=1):
    """3 % gain and noise, as in front of a BL0942: nothing there undoes phase and idle power."""
    return Sensors(
        u_gain_ppm=30_000,
        i_gain_ppm=-15_000,
        lead_mdeg=50,
        u_dc_mv=500,
        i_dc_ma=50,
        u_noise_mv=50,
        i_noise_ma=1,
        coupling_ua_per_v=2,
        seed=seed,
    )


def faulty(seed=1):
    """3 % gain, 1 degree, offsets and noise."""
    return Sensors(
        u_gain_ppm=30_000,
        i_gain_ppm=30_000,
        lead_mdeg=1000,
        u_dc_mv=500,
        i_dc_ma=50,
        u_noise_mv=50,
        i_noise_ma=1,
        coupling_ua_per_v=15,
        seed=seed,
    )
