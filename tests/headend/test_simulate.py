"""Simulated meters come and go when they are told to."""

import asyncio
from types import SimpleNamespace

import pytest

from wattledger.headend import broker_config
from wattledger.headend.clocks import Clocks
from wattledger.headend.sim_meter import Road
from wattledger.headend.simulate import SimFleet, is_one, serials
from wattledger.headend.state import Meter

from .conftest import START


@pytest.mark.parametrize("turns", range(5))
def test_one_that_is_woken_as_it_is_told_to_go_goes(keys, turns):
    """However many turns of the loop lie between the two."""
    fleet = SimFleet(keys, serials(1), START)
    (meter,) = fleet.meters.values()

    async def story():
        fleet.connect(Road("127.0.0.1", broker_config.free_port()))
        for _ in range(20):
            await asyncio.sleep(0)
        meter._wake.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        await fleet.disconnect()

    asyncio.run(asyncio.wait_for(story(), 3))


def test_one_has_a_day_in_a_minute_and_no_head_end_gives_it_the_time():
    real, names = "0123456789ab", [*serials(3), "0123456789ab"]
    intake = SimpleNamespace(meters={serial: Meter(serial, (), online=True) for serial in names})
    keys = SimpleNamespace(group=lambda group: names)
    clocks = Clocks(intake, keys, None, lambda: START, 43200)
    assert sorted(clocks.due()) == sorted(names)
    clocks.leaves = is_one
    assert clocks.due() == [real]
