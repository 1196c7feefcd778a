"""boot.py and main.py as the chip runs them: which slot, who keeps Ctrl-C, what is printed."""

import struct
import sys
import types
from pathlib import Path
from unittest import mock

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
NOT_FOUND = 0x1102
UNIX_2000_S = 946684800
NOW = 1_790_000_000
POWER_ON, SOFT_RESET = 1, 5
GOOD = "def shut():\n    return {shut}\nanswer = 'gate'\n"


class Reset(BaseException):
    """machine.reset(): nothing goes on."""


class Cut(BaseException):
    """The power is gone."""


class Nvs:
    """esp32.NVS with one blob, or with an error."""

    def __init__(self, seal):
        self._seal = seal

    def __call__(self, space):
        assert space == "wl"
        return self

    def get_blob(self, key, buf):
        assert key == "seal"
        if isinstance(self._seal, int):
            raise OSError(-self._seal, "NVS")
        buf[: len(self._seal)] = self._seal
        return len(self._seal)


class Chip:
    """A module with the two files and its file system in a folder."""

    def __init__(self, root, seal=None, strikes=0, cause=POWER_ON):
        self.root, self.strikes = root, strikes
        self.kbd, self.shown, self.wdt = [], "", []
        self.seal = NOT_FOUND if seal is None else seal
        self.cause = cause
        self.steps = None  # file operations until the power goes
        self.served, self.main_strikes = [], 0

    def slot(self, letter, code):
        (self.root / letter).mkdir(exist_ok=True)
        (self.root / letter / "app.py").write_text(code)

    def told(self):
        return (self.root / "slot").read_text()

    def step(self):
        if self.steps is not None:
            if not self.steps:
                raise Cut
            self.steps -= 1

    def _kbd_intr(self, char):
        self.kbd.append(char)
        if char == -1 and self.strikes:
            self.strikes -= 1
            raise KeyboardInterrupt  # it was pending: raised before anything can be done

    def _open(self, path, mode="r"):
        if mode == "w":
            self.step()
        return open(path, mode)

    def _print_exception(self, error):
        self.shown += repr(error)

    def modules(self):
        def rename(old, new):
            self.step()
            Path(old).rename(new)

        def reset():
            raise Reset

        time = types.SimpleNamespace(
            time=lambda: NOW - UNIX_2000_S, gmtime=lambda _: (2000, 1, 1, 0, 0, 0, 5, 1)
        )
        run = types.ModuleType("comms.run")
        run.run = lambda app: self.served.append(app.answer)
        comms = types.ModuleType("comms")
        comms.run = run
        return {
            "micropython": types.SimpleNamespace(kbd_intr=self._kbd_intr),
            "machine": types.SimpleNamespace(
                reset=reset,
                reset_cause=lambda: self.cause,
                SOFT_RESET=SOFT_RESET,
                WDT=lambda timeout: self.wdt.append(timeout),
            ),
            "esp32": types.SimpleNamespace(NVS=Nvs(self.seal)),
            "os": types.SimpleNamespace(rename=rename),
            "time": time,
            "comms": comms,
            "comms.run": run,
        }

    def run(self, main=True):
        """-> "reset", "repl" or "boot failed": what follows the two files."""
        space = {"__name__": "__main__", "open": self._open}
        path = sys.path[:]
        with mock.patch.dict(sys.modules, self.modules()):
            sys.modules.pop("app", None)
            sys.print_exception = self._print_exception
            sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode
            try:
                self._file("boot.py", space)
                self.strikes = self.main_strikes
                if main:
                    self._file("main.py", space)
            except Reset:
                return "reset"
            except KeyboardInterrupt:
                return "boot failed"
            finally:
                sys.dont_write_bytecode = kept
                sys.path[:] = path
                sys.modules.pop("app", None)
                del sys.print_exception
        return "repl"

    def _file(self, name, space):
        code = (FIRMWARE / name).read_text().replace('"/', f'"{self.root}/')
        exec(compile(code, name, "exec"), space)


def state(number, opened_at=0, open_until=0):
    return struct.pack("<BxxxII", number, opened_at, open_until)


WINDOW = state(2, NOW - 100, NOW + 500)
SHUT = {
    "sealed": state(1),
    "window over": state(2, NOW - 700, NOW - 100),
    "window not begun": state(2, NOW + 1, NOW + 600),
    "unknown state": state(7),
    "torn": b"\1",
    "faulty": 0x1107,
}


@pytest.fixture
def chip(tmp_path):
    def make(**kwargs):
        made = Chip(tmp_path, **kwargs)
        made.slot("a", GOOD.format(shut=made.seal in SHUT.values()))
        (tmp_path / "slot").write_text("a")
        return made

    return make


@pytest.mark.parametrize("seal", SHUT.values(), ids=SHUT)
def test_r19_a_shut_meter_serves_its_console_without_ctrl_c(chip, seal):
    sealed = chip(seal=seal)
    assert sealed.run() == "repl"  # only as the console returns: it was unsealed
    assert sealed.served == ["gate"]
    assert set(sealed.kbd) == {-1}


@pytest.mark.parametrize("seal", [None, state(0), WINDOW], ids=["never", "open", "window"])
def test_an_open_meter_gives_ctrl_c_back_and_goes_to_the_repl(chip, seal):
    bench = chip(seal=seal)
    assert bench.run() == "repl"
    assert bench.served == []
    assert bench.kbd == [-1, 3, -1]


@pytest.mark.parametrize("witness", ["1", "2", "", None])
def test_r19_a_meter_whose_nvs_was_erased_stays_shut(chip, witness):
    """MicroPython does that where ESP-IDF finds no free page; /sealed tells that it was sealed."""
    lost = chip()
    if witness is None:
        (lost.root / "sealed").mkdir()  # so that it cannot be read
    else:
        (lost.root / "sealed").write_text(witness)
    lost.slot("a", GOOD.format(shut=True))
    assert lost.run() == "repl"
    assert lost.served == ["gate"]
    assert set(lost.kbd) == {-1}
    lost.slot("a", "1 // 0")
    assert lost.run() == "reset"
    assert lost.shown == ""


def test_a_seal_that_is_in_nvs_counts_more_than_its_witness(chip):
    meter = chip(seal=WINDOW)
    (meter.root / "sealed").write_text("1")
    assert meter.run() == "repl"
    assert meter.kbd == [-1, 3, -1]


@pytest.mark.parametrize("strikes", [1, 2])
def test_r19_ctrl_c_at_the_start_of_boot_is_survived(chip, strikes):
    """The interpreter can raise one: what came before the first line, at the first jump."""
    sealed = chip(seal=state(1), strikes=strikes)
    assert sealed.run() == "repl"
    assert sealed.served == ["gate"]


@pytest.mark.parametrize("strikes", [1, 2, 3, 4])
def test_r19_ctrl_c_at_the_start_of_main_ends_in_the_console_or_a_reset(chip, strikes):
    sealed = chip(seal=state(1))
    sealed.main_strikes = strikes
    assert sealed.run() == ("repl" if strikes <= 2 else "reset")
    assert sealed.served == (["gate"] if strikes <= 2 else [])


@pytest.mark.parametrize("error", ["1 // 0", "import nothing", "raise MemoryError", "(", "app"])
def test_r20_a_sealed_meter_says_nothing_of_what_fails(chip, error):
    sealed = chip(seal=state(1))
    sealed.slot("a", error)
    assert sealed.run() == "reset"
    assert sealed.shown == ""
    bench = chip()
    bench.slot("a", error)
    assert bench.run() == "repl"
    assert bench.shown != ""


def test_r19_a_console_that_fails_resets_the_module(chip):
    sealed = chip(seal=state(1))
    sealed.slot("a", "def shut():\n    return True\n")  # no answer
    assert sealed.run() == "reset"


def test_r19_a_soft_reset_of_a_shut_meter_becomes_a_hard_one(chip):
    """Out of the raw REPL it would skip main.py."""
    assert chip(seal=state(1), cause=SOFT_RESET).run(main=False) == "reset"
    assert chip(seal=WINDOW, cause=SOFT_RESET).run(main=False) == "repl"
    sealed = chip(seal=state(1), cause=SOFT_RESET)
    sealed.slot("a", "1 // 0")
    assert sealed.run(main=False) == "reset"


def test_the_meters_clock_has_the_last_word(chip):
    meter = chip(seal=WINDOW)
    meter.slot("a", GOOD.format(shut=True))
    assert meter.run() == "repl"
    assert meter.served == ["gate"]
    meter = chip(seal=SHUT["window over"])
    meter.slot("a", GOOD.format(shut=False))
    assert meter.run() == "repl"
    assert meter.served == []


def test_r16_three_failed_boots_bring_the_other_slot_back(chip):
    sealed = chip(seal=state(1))
    sealed.slot("b", "1 // 0")
    (sealed.root / "slot").write_text("b3")
    for left in ("b2", "b1", "b0"):
        assert sealed.run() == "reset"
        assert sealed.told() == left
    assert sealed.wdt == [30000] * 3  # one that hangs is a failed one
    assert sealed.run() == "repl"
    assert sealed.served == ["gate"]
    assert sealed.told() == "a"


def test_a_confirmed_slot_that_broke_gets_three_boots_too(chip):
    sealed = chip(seal=state(1))
    sealed.slot("b", "1 // 0")
    (sealed.root / "slot").write_text("b")
    seen = []
    while sealed.run() == "reset":
        seen.append(sealed.told())
    assert seen == ["b2", "b1", "b0"]
    assert sealed.told() == "a"
    (sealed.root / "slot").write_text("b")
    sealed.seal = NOT_FOUND
    assert sealed.run() == "repl"
    assert sealed.told() == "b"  # on the bench a person looks after it


@pytest.mark.parametrize("text", ["", "x", "\n", "a\n", "\0\0", "é"])
def test_whatever_slot_holds_something_boots(chip, text):
    meter = chip()
    (meter.root / "slot").write_text(text)
    assert meter.run() == "repl"
    assert meter.shown == ""


def test_a_boot_that_cannot_be_counted_is_one_of_the_other_slot(chip):
    meter = chip(seal=state(1))
    meter.slot("b", "raise SystemExit")
    (meter.root / "slot").write_text("b3")
    (meter.root / "slot.new").mkdir()  # so that it cannot be written
    assert meter.run() == "repl"
    assert meter.served == ["gate"]
    assert meter.told() == "b3"


@pytest.mark.parametrize("text", ["b3", "b1", "b0"])
def test_r07_a_cut_while_boots_are_counted_leaves_the_old_or_the_new(chip, text):
    after = {"b3": "b2", "b1": "b0", "b0": "a"}[text]
    for steps in (0, 1, 2):
        meter = chip(seal=state(1))
        meter.slot("b", GOOD.format(shut=True))
        (meter.root / "slot").write_text(text)
        meter.steps = steps
        if steps < 2:
            with pytest.raises(Cut):
                meter.run()
            assert meter.told() == text
            meter.steps = None
        assert meter.run() == "repl"
        assert meter.served == ["gate"]
        assert meter.told() == after
