"""Composition: the board's ports, the meter on them, its gate, and the timer that drives it."""

import sys
import time

import board

from meter import codes
from meter.civil import EPOCH
from meter.compat import const, forget
from meter.errors import MeterError
from meter.journal import Journal
from meter.meter import Meter
from meter.security.gate import Gate
from meter.security.seal import Seal
from meter.service import Service

VERSION = "0.1.0"
TICK_MS = 1000
_TRIAL_TICKS = const(60)  # good ones in a row that new software needs
# What answers `info` and `registers`: the request for them would load it, and drop it, each time.
_READINGS = "request readings chain obis quality_answer quality_codes".split()
_NO_KEYS = "seal: lost with the keys: erase and flash the module"


def handle(role, line):
    """bytes -> bytes: one request to the running meter; see meter.service."""
    return service.handle(role, line)


def answer(line, road="console"):
    """bytes -> bytes: one line that anybody may have sent; see meter.security.gate."""
    if gate is None:
        return service.handle("public", line)
    return gate.handle(line, road)


def shut():
    """-> whether the seal shuts the REPL now. With a vault that cannot be read it does."""
    return gate is None or not gate.seal.repl_open(_trusted_now())


def profile(name):
    """-> bytes that are kept of a profile of communication, None: nothing. MeterError: they cannot
    be read. Names: see meter.security.profiles_answer."""
    if gate is None or gate.keys is None or not vault.load(name):
        return None
    from meter.security import safe

    try:
        return safe.load(gate, name)
    finally:
        for module in ("meter.security.safe", "meter.security.cipher"):
            forget(module)


def uart(name, settings):
    """-> port of a local road; see drivers.uart_ports"""
    from drivers import uart_ports

    forget("drivers.uart_ports")
    return uart_ports.opened(name, settings, ports.local_pins)


def read_each_second(goes_on):
    """goes_on   whether somebody does: what answers then stays loaded"""
    service.kept = _READINGS if goes_on else []


def local():
    """-> (Unix s, seconds east of UTC, whether that is summer time) in the tariff's zone; None:
    the clock is not right"""
    if not ports.clock.quality():
        return None
    utc, zone = ports.clock.now(), meter.contract.tariff.calendar.zone
    east_s = zone.offset_at(utc - EPOCH)
    return utc, east_s, east_s > min(zone.standard_s, zone.summer_s)


def hint(utc):
    """Unix s that the network says and nobody vouches for. -> what became of it"""
    from meter.security import hint as hints

    forget("meter.security.hint")
    told = hints.take(meter, utc)
    if ports.clock.doubted:
        _hinted[:] = (1,)
    return told


def tick(_timer=None):
    """One second of the meter. A fault of chip or flash is noted; the next tick goes on."""
    _late()
    try:
        _guarded(_tick)
    except KeyboardInterrupt:
        _tick()  # ends what it broke off: a soft reset may follow at once
        raise


def _late():
    """Note how late this tick is; the first of all is none."""
    now_ms = time.ticks_ms()
    late_ms = time.ticks_diff(now_ms, _ticked[0]) - TICK_MS if _ticked else 0
    _ticked[:] = now_ms, max(late_ms, *_ticked[1:], 0)


def _more():
    """-> what `info` says beside the meter: longest delay of a tick, and what comms are up to"""
    return [("late_ms", _ticked[1])] + [("comms", told)] * bool(told)


def _guarded(do):
    """On the bench a bug of ours is shown; on a sealed meter nothing of it may be told."""
    try:
        do()
    except Exception:
        if not shut():
            raise
        ports.reset()


def _tick():
    try:
        while _to_start:
            _to_start[0]()
            del _to_start[0]
        meter.tick(ports.clock.now())
    except MeterError as error:
        meter.fault(error)
        _good[0] = 0
    else:
        ports.watchdog.feed()
        if meter.state == "ready":
            _good[0] += 1
    for panel in ports.panels:
        panel.tick(meter)
    _look()


def _look():
    """Confirm new software, and reset the module when that is due."""
    if _trial and _good[0] >= _TRIAL_TICKS and _can_be_asked():
        _good[0] = 0
        ports.slots().confirm()
        _trial.clear()
    if _hinted and not ports.clock.doubted:
        _hinted.clear()
        _unmark()
    if gate is not None and gate.seal.tick(_trusted_now()):
        ports.restart_in = 1
    if ports.restart_in:
        ports.restart_in -= 1
        if not ports.restart_in:
            ports.reset()


def _doubt():
    """Of a clock that goes on with what `hint` gave it before a reset. -> [1]: there is a mark"""
    try:
        mark = vault.load("hint")
    except MeterError:
        mark = b"?"  # what cannot be read may be one
    if mark and ports.clock.quality():
        ports.clock.doubted = True
    return [1] if mark else []


def _unmark():
    """The clock was set, or has lost its time."""
    try:
        vault.store("hint", b"")
    except MeterError:
        return  # then the next start doubts a clock that is right, until it is set again


def _can_be_asked():
    """-> whether there is a way in still: the REPL of a bench, or a console that was seen to work.
    One that answers nobody would stay for ever."""
    return gate is not None and (gate.asked or gate.seal.name == "open")


def _trusted_now():
    return ports.clock.now() if ports.clock.quality() else 0


def _last_gasp():
    _guarded(lambda: meter.last_gasp(ports.clock.now()))


def _start_chip():
    ports.chip.start(ports.calibration)
    meter.miscalibrated(ports.calibration_fault)
    if keys is None and fault and meter.state == "ready":
        meter.events.log(codes.EVENT_KEYS, meter.live.t)


def _software():
    from drivers import software

    digest = software.digest(sys.path[0])
    forget("drivers.software")
    return digest


def _keys():
    """-> Keys, None: none are installed."""
    data = vault.load("keys")
    if data is None:
        return None
    from meter.security import keys

    forget("meter.security.keys")
    return keys.unpack(data)


_ticked = []  # ms of the newest tick, how late one was at most
told = {}  # by comms: profile -> text
ports = board.build()
serial = ports.serial
vault, crypto = ports.security()
gate = fault = keys = None
try:
    keys = _keys()
except MeterError as error:
    fault = str(error)
meter = Meter(ports, Journal(ports.flash), keys.evidence if keys else bytes(32))
meter.book.software = _software()
service = Service(
    meter,
    {
        "serial": ports.serial,
        "board": ports.name,
        "firmware": VERSION,
        "software": meter.book.software.hex(),
        "more": _more,
    },
)
try:
    seal = Seal(vault)
    gate = Gate(service, keys, vault, crypto, ports.clock, seal, bytes.fromhex(ports.serial))
    if keys is None and seal.name != "open":
        fault = fault or _NO_KEYS
except MeterError as error:
    fault = str(error)
meter.security_fault = fault
_trial = [1] if ports.slots().on_trial() else []
_good = [0]
_hinted = _doubt()
_to_start = [meter.start, _start_chip]  # what is left of the start, tried each tick
tick()
ports.timer(TICK_MS, tick)
ports.on_power_fail(_last_gasp)
