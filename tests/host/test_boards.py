"""Every board.py on a mock of `machine` and `esp32`: pins, bus, partition, and what may fail."""

import importlib
import itertools
import sys
import time
import tomllib
from unittest import mock

import pytest

from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.load import Constant, point_of
from boards.virtual.spi import SelectWire, SpiWire
from meter.errors import MeterError
from meter.sample import Sample

BOARDS = ("esp32_atm90e32", "virtual")
UNIX_2026 = 1767225600


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
    mocked.pins = {}

    def pin(number, *args, **kwargs):
        return mocked.pins.setdefault(number, mock.Mock(name=f"pin {number}"))

    mocked.Pin.side_effect = pin
    return mocked


@pytest.fixture
def esp32():
    mocked = mock.MagicMock(name="esp32")
    mocked.Partition.find.return_value = [partition()]
    return mocked


@pytest.fixture
def chip_time(monkeypatch):
    monkeypatch.setattr(time, "sleep_ms", mock.Mock(), raising=False)
    monkeypatch.setattr(time, "ticks_ms", lambda: 0, raising=False)


@pytest.fixture(params=BOARDS)
def board(request, machine, esp32, chip_time, monkeypatch):
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "esp32", esp32)
    monkeypatch.delitem(sys.modules, "drivers.esp32_ports", raising=False)
    name = f"boards.{request.param}.board"
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(name)
    sys.modules.pop("drivers.esp32_ports", None)


def test_spi_is_mode_3_at_500_khz(board, machine):
    board.build()
    ((args, kwargs),) = machine.SPI.call_args_list
    assert args == (2,)
    assert kwargs == {
        "baudrate": 500000,
        "polarity": 1,
        "phase": 1,
        "bits": 8,
        "firstbit": machine.SPI.MSB,
        "sck": machine.pins[18],
        "mosi": machine.pins[23],
        "miso": machine.pins[19],
    }


def test_pins_start_at_their_levels(board, machine):
    board.build()
    out = machine.Pin.OUT
    assert mock.call(5, out, value=1) in machine.Pin.call_args_list  # chip select idles high
    for pm in (22, 21):
        assert mock.call(pm, out, value=1) in machine.Pin.call_args_list  # normal mode
    assert mock.call(25, out, value=1) in machine.Pin.call_args_list  # load connected
    assert mock.call(26, out, value=0) in machine.Pin.call_args_list  # no alarm
    numbers = [call.args[0] for call in machine.Pin.call_args_list]
    assert len(numbers) == len(set(numbers))
    assert not set(numbers) & {0, 2, 12, 15, 1, 3, *range(6, 12), *range(34, 40)}
    machine.pins[5].assert_not_called()


def test_outputs(board, machine):
    outputs = board.build().outputs
    outputs.load_switch(False)
    machine.pins[25].assert_called_once_with(0)
    outputs.alarm(True)
    machine.pins[26].assert_called_once_with(1)


def test_a_soft_reset_moves_no_output(board, machine):
    machine.reset_cause.return_value = machine.SOFT_RESET
    board.build()
    for number in (25, 26):
        assert mock.call(number, machine.Pin.OUT) in machine.Pin.call_args_list
        machine.pins[number].assert_not_called()


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
    assert ports.serial == "240ac40001ff"
    assert board.__name__ == f"boards.{ports.name}.board"
    callback = mock.Mock()
    timer = ports.timer(1000, callback)
    machine.Timer.assert_called_once_with(0)
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
    machine.Pin.assert_called_with(27, machine.Pin.IN, machine.Pin.PULL_UP)
    ((_, kwargs),) = machine.pins[27].irq.call_args_list
    assert kwargs["trigger"] == machine.Pin.IRQ_FALLING
    kwargs["handler"](machine.pins[27])
    gasp.assert_called_once_with()


def test_a_chip_on_the_wires_is_metered(board, machine):
    ms = [0]
    model = Atm90e32Model(Constant(point_of(2300000, 0, 230000, 10000)), lambda: ms[0])
    machine.SPI.return_value = SpiWire(model)
    machine.pins[5] = SelectWire(model)
    ports = board.build()
    ports.chip.start(ports.calibration)
    ms[0] += 60000
    sample = Sample()
    ports.chip.read(sample)
    num, den = ports.chip.energy_ratio
    assert 0 <= 2300000 - sample.counts[0] * num * 60 // den < 60 * num // den + 60
    assert (sample.v_mv[0], sample.p_mw[0], sample.flags) == (230000, 2300000, 0)


def test_nothing_on_the_wires_is_named(board, machine):
    machine.SPI.return_value.write_readinto.side_effect = lambda out, into: into.__setitem__(
        slice(None), b"\xff" * len(into)
    )
    ports = board.build()
    with pytest.raises(MeterError, match=r"presence: ChannelMapI read 0xffff, .*MISO floating"):
        ports.chip.start(ports.calibration)


def test_board_toml_says_the_same(board, root):
    text = (root / "boards" / board.__name__.split(".")[1] / "board.toml").read_text()
    toml = tomllib.loads(text)
    ports = board.build()
    assert (toml["name"], toml["flash_size"]) == (ports.name, ports.flash_size)
    ratings = toml["ratings"]
    for key in ("imp_per_kwh", "line_hz", "wiring", "pmax_w"):
        assert ratings[key] == board.CHIP[key]
    assert ratings["phases"] == len(ports.chip._phases)
    for key in ("ct_ratio", "vt_ratio"):
        assert tuple(ratings[key]) == board.CHIP[key]
    parts = toml["partition"]
    for one, after in itertools.pairwise(parts):
        assert one["offset"] + one["size"] == after["offset"]
    assert parts[-1]["offset"] + parts[-1]["size"] == toml["flash_size"]
    meter = next(part for part in parts if part["name"] == "meter")
    assert meter["size"] == ports.flash.sectors * ports.flash.sector_size


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
