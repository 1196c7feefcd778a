"""Every board.py on a mock of `machine` and `esp32`: pins, bus, partition, what may fail, and
every driver that a board has, at work over the models."""

import importlib
import itertools
import re
import sys
import time
import tomllib
from unittest import mock
from xml.etree import ElementTree

import plain_framebuf  # noqa: F401 - the display driver imports it
import pytest

from boards.virtual.ade7953 import Ade7953Model
from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.bl0942 import Bl0942Model
from boards.virtual.ds3231 import Ds3231Model
from boards.virtual.i2c import I2cWire
from boards.virtual.load import Constant, point_of
from boards.virtual.spi import SelectWire, SpiWire
from boards.virtual.ssd1306 import Ssd1306Model
from meter.errors import MeterError
from meter.sample import Sample
from wattledger.build import build

UNIX_2026 = 1767225600


def ade7953(load, now_ms, chip):
    return Ade7953Model(load, now_ms, full_scale=chip["full_scale"])


def bl0942(load, now_ms, chip):
    return Bl0942Model(load, now_ms, chip["shunt_uohm"], chip["divider_ohm"])


def atm90e32(load, now_ms, chip):
    return Atm90e32Model(load, now_ms)


# SPI mode and rate, model, pins high from the start, coils of a relay, I2C, panels
FACTS = {
    "esp32_ade7953": (0, 1000000, ade7953, (), (), True, ("StatusLed",)),
    "esp32_atm90e32": (3, 500000, atm90e32, (22, 21), (), False, ()),
    "esp32_bl0942": (
        *(1, 500000, bl0942, (), (25, 33), True),
        ("LatchingRelay", "StatusLed", "Display"),
    ),
    "virtual": (3, 500000, atm90e32, (22, 21), (), False, ()),
}
MODE, RATE, MODEL, HIGH, COILS, I2C, PANELS = range(7)


WITH_MACHINE = ("drivers.esp32_ports", "drivers.quality_ports")  # what keeps the mocked one


@pytest.fixture
def facts(board):
    return FACTS[board.__name__.split(".")[1]]


class Rtc:
    def __init__(self):
        self.kept = b""
        self.datetime = mock.Mock()

    def memory(self, data=None):
        if data is None:
            return self.kept
        self.kept = bytes(data)


def partition(size=0x140000):
    found = mock.Mock(name="partition")
    found.ioctl.side_effect = lambda op, arg: {4: size // 4096, 5: 4096, 6: 0}[op]
    return found


@pytest.fixture
def machine():
    mocked = mock.MagicMock(name="machine")
    mocked.unique_id.return_value = b"\x24\x0a\xc4\x00\x01\xff"
    mocked.RTC.return_value = Rtc()
    mocked.pins, mocked.timers = {}, {}
    mocked.I2C.return_value = I2cWire({})

    def pin(number, *args, **kwargs):
        return mocked.pins.setdefault(number, mock.Mock(name=f"pin {number}"))

    mocked.Pin.side_effect = pin
    mocked.Timer.side_effect = lambda number: mocked.timers.setdefault(number, mock.Mock())
    return mocked


class Nvs:
    """An empty one, as on a new module."""

    def __init__(self, space):
        assert space == "wl"
        self.kept = {}

    def get_i32(self, key):
        if key not in self.kept:
            raise OSError(-0x1102)
        return self.kept[key]

    def set_i32(self, key, value):
        self.kept[key] = value

    def get_blob(self, key, buffer):
        raise OSError(-0x1102)

    def commit(self):
        pass


@pytest.fixture
def esp32():
    mocked = mock.MagicMock(name="esp32")
    mocked.Partition.find.return_value = [partition()]
    mocked.NVS.side_effect = Nvs
    return mocked


@pytest.fixture
def chip_time(monkeypatch):
    monkeypatch.setattr(time, "sleep_ms", mock.Mock(), raising=False)
    monkeypatch.setattr(time, "ticks_ms", lambda: 0, raising=False)


@pytest.fixture(params=sorted(FACTS))
def board(request, machine, esp32, chip_time, monkeypatch):
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "esp32", esp32)
    for bound in WITH_MACHINE:
        monkeypatch.delitem(sys.modules, bound, raising=False)
    name = f"boards.{request.param}.board"
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(name)
    for bound in WITH_MACHINE:
        sys.modules.pop(bound, None)


def test_every_board_is_tested(root):
    assert sorted(FACTS) == sorted(p.parent.name for p in root.glob("boards/*/board.py"))


@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_board_compiles(name):
    made = build(name)
    assert {"board.mpy", "app.mpy", "drivers/esp32_ports.mpy"} <= set(made.slot)
    assert name.encode() in made.slot["board.mpy"]


def test_the_bus_is_as_the_chip_wants_it(board, machine, facts):
    board.build()
    ((args, kwargs),) = machine.SPI.call_args_list
    assert args == (2,)
    assert kwargs == {
        "baudrate": facts[RATE],
        "polarity": facts[MODE] >> 1,
        "phase": facts[MODE] & 1,
        "bits": 8,
        "firstbit": machine.SPI.MSB,
        "sck": machine.pins[18],
        "mosi": machine.pins[23],
        "miso": machine.pins[19],
    }


def test_pins_start_at_their_levels(board, machine, facts):
    board.build()
    out = machine.Pin.OUT
    assert mock.call(5, out, value=1) in machine.Pin.call_args_list  # chip select idles high
    for number in facts[HIGH]:
        assert mock.call(number, out, value=1) in machine.Pin.call_args_list
    for coil in facts[COILS]:
        assert mock.call(coil, out, value=0) in machine.Pin.call_args_list
        machine.pins[coil].assert_not_called()
    if not facts[COILS]:
        assert mock.call(25, out, value=1) in machine.Pin.call_args_list  # load connected
    assert mock.call(26, out, value=0) in machine.Pin.call_args_list  # no alarm
    numbers = [call.args[0] for call in machine.Pin.call_args_list]
    assert len(numbers) == len(set(numbers))
    assert not set(numbers) & {0, 2, 12, 15, 1, 3, *range(6, 12), *range(34, 40)}
    machine.pins[5].assert_not_called()


def test_outputs(board, machine, facts):
    outputs = board.build().outputs
    outputs.load_switch(False)
    if facts[COILS]:
        close_coil, open_coil = (machine.pins[coil] for coil in facts[COILS])
        open_coil.assert_called_once_with(1)
        ((_, kwargs),) = machine.timers[1].init.call_args_list
        assert (kwargs["period"], kwargs["mode"]) == (100, machine.Timer.ONE_SHOT)
        kwargs["callback"](machine.timers[1])
        assert open_coil.call_args_list == [mock.call(1), mock.call(0)]
        close_coil.assert_called_once_with(0)
    else:
        machine.pins[25].assert_called_once_with(0)
    outputs.alarm(True)
    machine.pins[26].assert_called_once_with(1)


def test_a_soft_reset_moves_no_output(board, machine, facts, esp32):
    machine.reset_cause.return_value = machine.SOFT_RESET
    nvs = Nvs("wl")
    nvs.kept["relay"] = 0
    esp32.NVS.side_effect = lambda space: nvs
    outputs = board.build().outputs
    kept = (26,) if facts[COILS] else (25, 26)
    for number in kept:
        assert mock.call(number, machine.Pin.OUT) in machine.Pin.call_args_list
        machine.pins[number].assert_not_called()
    if facts[COILS]:
        outputs.load_switch(False)  # the limiter says what is so
        for coil in facts[COILS]:
            machine.pins[coil].assert_not_called()


def test_the_meter_partition(board, esp32):
    flash = board.build().flash
    esp32.Partition.find.assert_called_once_with(esp32.Partition.TYPE_DATA, label="meter")
    assert (flash.sectors, flash.sector_size) == (320, 4096)
    part = esp32.Partition.find.return_value[0]
    buf = bytearray(8)
    flash.read(4096 * 3 + 40, buf)
    part.readblocks.assert_called_once_with(3, buf, 40)
    flash.program(4096 * 2 + 256, buf)
    part.writeblocks.assert_called_once_with(2, buf, 256)
    flash.erase(319)
    part.ioctl.assert_called_with(6, 319)


def test_no_partition_is_one_clear_error(board, esp32):
    esp32.Partition.find.return_value = []
    with pytest.raises(MeterError, match="flash: no partition 'meter' in the table: write"):
        board.build()


def test_flash_failures_raise(board, esp32):
    flash = board.build().flash
    part = esp32.Partition.find.return_value[0]
    part.readblocks.side_effect = part.writeblocks.side_effect = OSError(-1, "ESP_FAIL")
    with pytest.raises(MeterError, match="flash: read at 0x10 failed"):
        flash.read(16, bytearray(4))
    with pytest.raises(MeterError, match=r"flash: program at 0x10 failed with .*ESP_FAIL"):
        flash.program(16, bytearray(4))
    part.ioctl.side_effect = lambda op, arg: -1
    with pytest.raises(MeterError, match="flash: erase at 0x2000 failed with -1"):
        flash.erase(2)
    part.ioctl.side_effect = OSError(-1, "ESP_FAIL")
    with pytest.raises(MeterError, match="flash: erase at 0x2000 failed"):
        flash.erase(2)


@pytest.mark.parametrize("epoch", [1970, 2000])
def test_clock(board, machine, monkeypatch, epoch):
    offset_s = 946684800 if epoch == 2000 else 0
    real_gmtime = time.gmtime
    now = [0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "gmtime", lambda s=None: tuple(real_gmtime(s + offset_s)))
    clock = board.build().clock
    clock = getattr(clock, "_clock", clock)  # the module's own, behind one with a battery
    assert clock.now() == offset_s
    assert clock.quality() == 0
    now[0] = UNIX_2026 - offset_s  # it ran on through a reset
    assert clock.now() == UNIX_2026
    assert clock.quality() == 1
    clock.set(UNIX_2026 + 3661)
    rtc = machine.RTC.return_value
    rtc.datetime.assert_called_once_with((2026, 1, 1, 3, 1, 1, 1, 0))
    assert clock.quality() == 2
    now[0] = 5  # the supply failed
    assert clock.quality() == 0


def test_retained(board):
    retained = board.build().retained
    assert retained.load() == b""
    retained.store(memoryview(b"abc"))
    assert retained.load() == b"abc"


def test_timer_watchdog_and_name(board, machine):
    ports = board.build()
    machine.Timer.reset_mock()
    assert ports.serial == "240ac40001ff"
    assert board.__name__ == f"boards.{ports.name}.board"
    callback = mock.Mock()
    timer = ports.timer(1000, callback)
    machine.Timer.assert_called_once_with(0)
    assert timer is machine.timers[0]
    timer.init.assert_called_once_with(period=1000, mode=machine.Timer.PERIODIC, callback=callback)
    machine.WDT.assert_not_called()  # a build that cannot meter must stay replaceable
    ports.watchdog.feed()
    ports.watchdog.feed()
    machine.WDT.assert_called_once_with(timeout=15000)
    assert machine.WDT.return_value.feed.call_count == 2


def test_the_power_fail_pin_calls_the_last_gasp(board, machine):
    ports, gasp = board.build(), mock.Mock()
    ports.on_power_fail(gasp)
    if not ports.has_power_fail:
        assert 27 not in machine.pins
        return
    machine.Pin.assert_any_call(27, machine.Pin.IN, machine.Pin.PULL_UP)
    ((_, kwargs),) = machine.pins[27].irq.call_args_list
    assert kwargs["trigger"] == machine.Pin.IRQ_FALLING
    kwargs["handler"](machine.pins[27])
    gasp.assert_called_once_with()


def test_the_sag_interrupt_of_the_ic_calls_the_last_gasp(board, machine):
    ports, gasp = board.build(), mock.Mock()
    ports.on_power_fail(gasp)
    if ports.sag is None:
        assert ports.name != "esp32_atm90e32"
        return
    machine.Pin.assert_any_call(ports.sag, machine.Pin.IN)
    ((_, kwargs),) = machine.pins[ports.sag].irq.call_args_list
    assert kwargs["trigger"] == machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING
    kwargs["handler"](machine.pins[ports.sag])
    gasp.assert_called_once_with()


def test_a_chip_on_the_wires_is_metered(board, machine, facts):
    ms = [0]
    load = Constant(point_of(2300000, 0, 230000, 10000))
    model = facts[MODEL](load, lambda: ms[0], board.CHIP)
    machine.SPI.return_value = SpiWire(model)
    machine.pins[5] = SelectWire(model)
    ports = board.build()
    ports.chip.start(ports.calibration)
    sample = Sample()
    ports.chip.read(sample)
    before = sample.counts[0]
    for _ in range(60):
        ms[0] += 1000
        ports.chip.read(sample)
    num, den = ports.chip.energy_ratio
    counted_mwh = (sample.counts[0] - before) * num // den
    assert abs(counted_mwh - 2300000 // 60) <= num // den + 40  # a count, and 0.1 %
    assert sample.v_mv[0] == pytest.approx(230000, rel=1e-3)
    assert sample.p_mw[0] == pytest.approx(2300000, rel=1e-3)
    assert sample.i_ma[0] == pytest.approx(10000, rel=1e-3)
    assert (sample.flags, sample.counts[1]) == (0, 0)


def test_nothing_on_the_wires_is_named(board, machine):
    machine.SPI.return_value.write_readinto.side_effect = lambda out, into: into.__setitem__(
        slice(None), b"\xff" * len(into)
    )
    ports = board.build()
    with pytest.raises(MeterError, match=r"^\w+: .* 0xff+[,:] .*MISO floating"):
        ports.chip.start(ports.calibration)


def test_board_toml_says_the_same(board, root):
    text = (root / "boards" / board.__name__.split(".")[1] / "board.toml").read_text()
    toml = tomllib.loads(text)
    ports = board.build()
    assert (toml["name"], toml["flash_size"]) == (ports.name, ports.flash_size)
    assert toml["metering_ic"].lower().startswith(type(ports.chip).__name__.lower())
    ratings = toml["ratings"]
    for key in ("line_hz", "pmax_w"):
        assert ratings[key] == board.CHIP[key]
    if "imp_per_kwh" in board.CHIP:
        assert ratings["imp_per_kwh"] == board.CHIP["imp_per_kwh"]
    else:  # what the hardware makes it: a count is a pulse
        num, den = ports.chip.energy_ratio
        assert ratings["imp_per_kwh"] == round(1000000 * den / num)
    if "wiring" in board.CHIP:
        assert ratings["wiring"] == board.CHIP["wiring"]
    phases = {"1p": 1, "1pn": 2, "2c": 2, "3p3w": 2, "3p4w": 3}
    assert ratings["phases"] == phases[ratings["wiring"]]
    for key in ("ct_ratio", "vt_ratio"):
        assert tuple(ratings[key]) == board.CHIP[key]
    if ports.quality is not None:
        assert board.QUALITY["wiring"] == ratings["wiring"]
        for key, said in (("un_mv", "un_v"), ("imax_ma", "imax_a")):
            assert said not in ratings or 1000 * ratings[said] == board.QUALITY[key]
    parts = toml["partition"]
    for one, after in itertools.pairwise(parts):
        assert one["offset"] + one["size"] == after["offset"]
    assert parts[-1]["offset"] + parts[-1]["size"] == toml["flash_size"]
    meter = next(part for part in parts if part["name"] == "meter")
    assert meter["size"] == ports.flash.sectors * ports.flash.sector_size


def test_the_pictures_and_tables_name_every_pin(board, machine, root):
    ports = board.build()
    ports.on_power_fail(mock.Mock())
    pins = {call.args[0] for call in machine.Pin.call_args_list}
    folder = root / "boards" / ports.name
    if not (folder / "wiring.svg").exists():
        assert ports.name == "virtual"
        return
    picture = (folder / "wiring.svg").read_text()
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    drawn = {int(n) for n in re.findall(r">GPIO (\d+)<", picture)}
    assert drawn == pins
    page = (folder / "README.md").read_text()
    assert "wiring.svg" in page
    table = page[page.index("## Wiring") : page.index("## Ratings")]
    assert pins <= {int(n) for n in re.findall(r"\| (\d+) \|", table)}


def test_the_clock_chip_keeps_the_time(board, machine, facts):
    if not facts[I2C]:
        machine.I2C.assert_not_called()
        return
    model = Ds3231Model(lambda: UNIX_2026 * 1000)
    machine.I2C.return_value = I2cWire({0x68: model})
    clock = board.build().clock
    ((args, kwargs),) = machine.I2C.call_args_list
    assert (args, kwargs["freq"]) == ((0,), 400000)
    assert (kwargs["sda"], kwargs["scl"]) == (machine.pins[21], machine.pins[22])
    clock.set(UNIX_2026)
    assert (clock.now(), clock.quality()) == (UNIX_2026, 2)
    assert board.build().clock.quality() == 1  # the battery kept it


def a_meter(**state):
    """What panels see of a meter that is well."""
    meter = mock.MagicMock(name="meter", locked=False, failure=None, broken=None, state="ready")
    meter.ports.clock.quality.return_value = 2
    meter.live.registers = meter.live.rates = [1234567890] * 7
    meter.contract.tariff.register.return_value = 0
    meter.sample.p_mw, meter.sample.v_mv = [2300000, 0, 0], [230000, 0, 0]
    meter.contract.tariff.imports, meter.contract.tariff.rates = 1, ["day"]
    meter.contract.w.period, meter.pricing, meter.rate = 0, None, 0
    meter.alerts.return_value = []
    meter.configure_mock(**state)
    return meter


def test_panels_show_the_meter_and_survive_their_bus(board, machine, facts):
    display = Ssd1306Model()
    machine.I2C.return_value = wire = I2cWire({0x3C: display})
    panels = board.build().panels
    assert tuple(type(panel).__name__ for panel in panels) == facts[PANELS]
    for meter in (a_meter(), a_meter(failure="no chip")):
        for _ in range(8):
            for panel in panels:
                panel.tick(meter)
    if "StatusLed" in facts[PANELS]:
        levels = [call.args[0] for call in machine.pins[4].call_args_list]
        assert levels == [0, 0, 0, 1] * 2 + [1, 0] * 4
    if "Display" in facts[PANELS]:
        assert display.on
        assert any(display.art(range(1)))
    wire.dead = True
    for _ in range(8):
        for panel in panels:
            panel.tick(a_meter())


def test_every_driver_is_on_a_board(root):
    """What no board imports, nobody has tried."""
    text = "".join(path.read_text() for path in root.glob("boards/*/board.py"))
    used = set(re.findall(r"from drivers\.(\w+) import", text))
    waiting = list(used)
    while waiting:
        source = (root / "firmware/drivers" / f"{waiting.pop()}.py").read_text()
        found = set(re.findall(r"from drivers\.(\w+) import", source))
        for names in re.findall(r"from drivers import (\w+(?:, \w+)*)", source):
            found |= set(names.split(", "))
        waiting += found - used
        used |= found
    drivers = {path.stem for path in (root / "firmware/drivers").glob("*.py")}
    assert drivers - used == {"__init__", "software", "uart_ports"}  # app.py's own


def test_tariff_files(board, tmp_path):
    from drivers.files import TariffFiles

    files = TariffFiles(str(tmp_path))
    assert files.load("00ff") is None
    (tmp_path / "00ff.json").write_bytes(b"{}")
    assert files.load("00ff") == b"{}"
    (tmp_path / "00ff.json").write_bytes(bytes(8193))
    with pytest.raises(MeterError, match="over 8192 bytes"):
        files.load("00ff")
    (tmp_path / "01.json").mkdir()
    with pytest.raises(MeterError, match=r"files: .*01\.json"):
        files.load("01")
