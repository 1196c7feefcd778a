"""Whatever happens to the broker: every record is in the store, once, in order."""

import asyncio
import signal

import pytest

from wattledger.headend import server
from wattledger.headend.certificates import Authority, Pair

from .conftest import HOUR_S, START, Scene, until


def run(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 80))


def test_a_quiet_day(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys)

    async def story():
        async with scene.living():
            await scene.live(24)
            await scene.fleet.settle(30)
            counts = scene.head.intake.counts
            assert counts["refused"] == counts["ahead"] == 0
            assert scene.head.intake.refused == {}

    run(story())
    scene.check()


def test_what_finds_no_room_in_the_queue_comes_again(program, tmp_path, keys, monkeypatch):
    monkeypatch.setattr(server, "QUEUED_MAX", 1)
    scene = Scene(program, tmp_path, keys)
    lost = []
    monkeypatch.setattr(server._QUIET, "warning", lost.append)

    async def story():
        async with scene.living():
            await scene.live(6, 0)
            await scene.fleet.settle(60)

    run(story())
    scene.check()
    assert lost


@pytest.mark.parametrize("how", ["kill", "stop", "freeze"])
def test_the_broker_goes_and_comes_back(program, tmp_path, keys, how):
    scene = Scene(program, tmp_path, keys)

    async def outage():
        if how == "freeze":
            scene.broker.send(signal.SIGSTOP)
            await asyncio.sleep(3.5)  # longer than anybody waits for a sign of life
            scene.broker.send(signal.SIGCONT)
        else:
            getattr(scene.broker, how)()
            await asyncio.sleep(0.3)
            scene.broker.start()

    async def story():
        async with scene.living():
            for _ in range(1 if how == "freeze" else 2):
                await scene.live(4)
                gone = asyncio.create_task(outage())
                await scene.live(4, 0.1)
                await gone
            await scene.live(2)
            await scene.fleet.settle(40)
            assert scene.head.server.connects > 1

    run(story())
    scene.check()


def test_a_day_without_a_broker(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys)

    async def story():
        async with scene.living():
            await scene.live(2)
            await scene.fleet.settle(30)
            scene.broker.stop()
            await scene.fleet.advance(scene.fleet.utc + 24 * HOUR_S)
            scene.broker.start()
            await scene.fleet.settle(40)

    run(story())
    scene.check()


def test_what_the_acl_throws_away_is_not_receipted(program, tmp_path, keys):
    """The broker acknowledges it all the same: a meter that believed it would lose it."""
    scene = Scene(program, tmp_path, keys)
    scene.broker.verbose = True
    pair = Pair(tmp_path / "other.pem", tmp_path / "other.key")
    Authority(scene.folder / "ca").issue(pair, "000000000000")
    ca = str(scene.folder / "ca/ca.pem")
    other = {"ca": ca, "cert": str(pair.certificate), "key": str(pair.key)}
    denied, *rest = scene.fleet.meters

    async def story():
        with scene.broker:
            async with scene.headed():
                scene.fleet.connect(scene.road_of(lambda serial: other), [denied])
                scene.fleet.connect(scene.road, rest)
                await scene.live(6, 0.1)
                meter = scene.fleet.meters[denied]
                await until(lambda: "Denied PUBLISH" in scene.broker.log)
                assert meter.uplink.upto == [0] * 8
                assert denied not in scene.head.intake.meters
                await scene.fleet.disconnect([denied])
                scene.fleet.connect(scene.road, [denied])
                await scene.fleet.settle(40)
                await scene.fleet.disconnect()

    run(story())
    scene.check()


def test_a_meter_that_restarts_goes_on_where_it_was(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys)
    name = next(iter(scene.fleet.meters))

    async def story():
        async with scene.living():
            await scene.live(3)
            await scene.fleet.settle(30)
            await scene.fleet.disconnect([name])
            scene.fleet.meters[name].boot()
            taken = scene.head.intake.counts["again"]
            scene.fleet.connect(scene.road, [name])
            await scene.live(3)
            await scene.fleet.settle(30)
            # the receipt that lies on the broker is its memory
            assert scene.head.intake.counts["again"] - taken <= 1

    run(story())
    assert scene.fleet.utc == START + 6 * HOUR_S
    scene.check()
