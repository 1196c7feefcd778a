"""The two roads of a bill: a load through the running meter, and through the host's engine."""

from unittest import mock

import rig as bench
from rig import Rig

from meter import statement
from meter.civil import EPOCH
from wattledger.engine.load import COUNTS_PER_MWH

# Rings that hold every row and every part of a load.
LAYOUT = ((8, 256, 4), (8, 256, 4), (0, 64, 0), (16, 512, 4), (36, 256, 4)) + ((4, 64, 0),) * 5
SECTORS = 400


def through_meter(load, texts, schedules=(), counts_per_mwh=COUNTS_PER_MWH):
    """-> the running Rig after the load of one meter.

    texts      [(bytes of a compiled tariff, "now" or Unix s), ...]: scheduled at the beginning
    schedules  bytes of price schedules, pushed at the beginning
    """
    with (
        mock.patch.object(bench, "LAYOUT", LAYOUT),
        mock.patch.object(bench.Chip, "energy_ratio", (1, counts_per_mwh)),
    ):
        rig = Rig(load.start + EPOCH - 60, SECTORS)
    rig.run(60)
    for text, when in texts:
        rig.push(text, when)
        rig.meter.tick(rig.ports.clock.utc)
    for text in schedules:
        _push_prices(rig, text)
        rig.meter.tick(rig.ports.clock.utc)
    counts = [None if c is None else c[0].tolist() for c in load.counts]
    for row, end in enumerate(load.edges.tolist()[1:], 1):
        rig.ports.clock.utc = end + EPOCH
        for channel, values in enumerate(counts):
            if values is not None:
                rig.ports.chip.counts[channel] = values[row]
        rig.meter.tick(rig.ports.clock.utc)
    assert rig.live.t == load.end
    return rig


def bills(rig):
    """-> the lines of every part on the meter, as dicts."""
    meter, found = rig.meter, []
    for period in range(1, meter.contract.w.period + 1):
        lines = statement.lines(meter, period)[3]
        found.append([line.as_dict() for line in lines])
    return found


def _push_prices(rig, text):
    from meter import prices_check

    digest = prices_check.digest(text)
    rig.ports.files.held[digest] = text
    rig.ask("prices", digest=digest)
