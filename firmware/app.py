"""Composition: the board's ports, the meter on them, and the timer that drives it."""

import sys

import board

from meter.compat import forget
from meter.errors import MeterError
from meter.journal import Journal
from meter.meter import Meter
from meter.service import Service

VERSION = "0.1.0"
TICK_MS = 1000


def handle(role, line):
    """bytes -> bytes: one request to the running meter; see meter.service."""
    return service.handle(role, line)


def tick(_timer=None):
    """One second of the meter. A fault of chip or flash is noted; the next tick goes on."""
    try:
        _tick()
    except KeyboardInterrupt:
        _tick()  # ends what it broke off: a soft reset may follow at once
        raise


def _tick():
    try:
        while _to_start:
            _to_start[0]()
            del _to_start[0]
        meter.tick(ports.clock.now())
    except MeterError as error:
        meter.fault(error)
    else:
        ports.watchdog.feed()
    for panel in ports.panels:
        panel.tick(meter)


def _start_chip():
    ports.chip.start(ports.calibration)
    meter.miscalibrated(ports.calibration_fault)


def _software():
    from drivers import software

    digest = software.digest(sys.path[0])
    forget("drivers.software")
    return digest


ports = board.build()
meter = Meter(ports, Journal(ports.flash))
meter.book.software = _software()
service = Service(
    meter,
    {
        "serial": ports.serial,
        "board": ports.name,
        "firmware": VERSION,
        "software": meter.book.software.hex(),
    },
)
_to_start = [meter.start, _start_chip]  # what is left of the start, tried each tick
tick()
ports.timer(TICK_MS, tick)
ports.on_power_fail(lambda: meter.last_gasp(ports.clock.now()))
