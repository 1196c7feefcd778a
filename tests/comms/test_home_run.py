"""The loop of a sealed meter on CPython: console, Wi-Fi and a home broker that is real."""

import asyncio
import json
import time
from unittest import mock

import pytest
import tariffs
from gate_rig import START, GateRig, some_keys
from plain_network import Network
from test_home import NAME, ROOT

from comms import console, run
from meter.security import safe

from .conftest import Client, until

HURRY = 20  # the clock of the meter, times ours


class Serial:
    """A serial port: bytes that wait, and what was said."""

    def __init__(self):
        self.waiting, self.said = b"", b""

    def poll(self, ms):
        assert ms == 0  # the loop must not be held
        return [1] if self.waiting else []

    def readinto(self, buf):
        buf[0], self.waiting = self.waiting[0], self.waiting[1:]
        return 1

    def write(self, data):
        self.said += data


class App:
    """As app.py has it, on the rig."""

    def __init__(self, **home):
        self.rig = GateRig(START, keys=some_keys())
        self.rig.push(tariffs.text())
        self.rig.ask("wifi", ssid="home", password="secret-1")
        if home:
            fields = {"profile": "home", "host": "127.0.0.1", "tls": "none", "live_s": 1, **home}
            self.rig.ask("mqtt", **fields)
        self.rig.run(3600, imported=70)
        self.gate, self.crypto, self.serial = self.rig.gate, self.rig.gate.crypto, NAME
        self.told, self.is_shut, self.line = {}, True, Serial()
        self.answer, self.handle = self.rig.gate.handle, self.rig.service.handle

    def shut(self):
        return self.is_shut

    def profile(self, name):
        return safe.load(self.gate, name)


class Loop(run.Loop):
    def __init__(self, app, network):
        super().__init__(app, network, lambda ms: asyncio.sleep(ms / 1000 / HURRY))

    def now_ms(self):
        return HURRY * time.monotonic_ns() // 1_000_000 & 0x3FFFFFFF


@pytest.fixture
def served():
    """-> function: run an app beside a test's coroutine, which ends it."""

    def serve(app, scene, network=None):
        network = network or Network()
        network.station.joined = True
        line = app.line
        opened = mock.Mock(return_value=(line, console.Console(app.answer, line, line)))

        async def both(loop):
            task = asyncio.create_task(loop._main(app.shut))
            try:
                await scene(network)
            finally:
                app.is_shut = False
                await asyncio.wait_for(task, 10)

        with mock.patch.object(console, "opened", opened):
            asyncio.run(both(Loop(app, network)))
        return network

    return serve


def test_a_meter_in_the_house(broker, served):
    app = App(port=broker.port, commands=True)

    async def scene(network):
        async with Client(broker.port, "ha", topics=((ROOT + "/out/#", 1),)) as ha:
            await ha.ready()
            await until(lambda: any(t == ROOT + "/out/reg" for t, _, _ in ha.heard), 15)
            said = {t: p for t, p, _ in ha.heard}
            assert said[ROOT + "/out/status"] == b"online"
            assert json.loads(said[ROOT + "/out/reg"])["1.8.0"] == 70
            assert app.told["home"] == "connected"
            assert app.told["wifi"] == "connected -61 dBm"
            assert "mqtt" not in app.told  # the utility's is not set

    network = served(app, scene)
    assert not network.station.on


def test_home_assistant_that_comes_later_finds_all_of_it(broker, served):
    app = App(port=broker.port)

    async def scene(network):
        async with Client(broker.port, "ha", topics=(("homeassistant/#", 1),)) as ha:
            await ha.ready()
            await until(lambda: sum(t.endswith("/config") for t, _, _ in ha.heard) > 40, 15)
            ha.heard.clear()
            ha.say("homeassistant/status", b"online", qos=0)
            await until(lambda: sum(t.endswith("/config") for t, _, _ in ha.heard) > 40, 15)

    served(app, scene)


def test_the_console_answers_while_the_broker_is_away_and_frozen(broker, served):
    app = App(port=broker.port)

    async def scene(network):
        await until(lambda: app.told.get("home") == "connected", 15)
        broker.kill()
        app.line.waiting = b'{"id":1,"do":"info"}\r\n'
        await until(lambda: app.line.said.endswith(b"\r\n"), 5)
        assert json.loads(app.line.said)["ok"]["state"] == "ready"
        await until(lambda: app.told.get("home") != "connected", 15)
        assert app.told["home"].startswith("127.0.0.1:")
        broker.start()
        await until(lambda: app.told.get("home") == "connected", 30)

    served(app, scene)


def test_wifi_that_goes_and_comes(broker, served):
    app = App(port=broker.port)

    async def scene(network):
        await until(lambda: app.told.get("home") == "connected", 15)
        network.station.joined = False
        await until(lambda: app.told["home"] == "waits for wifi", 15)
        assert app.told["wifi"] == "lost"
        network.station.joined = True
        await until(lambda: app.told["home"] == "connected", 15)

    served(app, scene)


@pytest.mark.parametrize("error", [MemoryError(), TypeError("planted"), OSError(12, "ENOMEM")])
def test_a_profile_that_breaks_ends_alone(broker, served, error):
    app = App(port=broker.port)

    async def scene(network):
        await until(lambda: app.told.get("home", "").startswith("stopped: "), 15)
        assert app.told["wifi"].startswith("connected")
        app.line.waiting = b'{"id":1,"do":"info"}\n'
        await until(lambda: app.line.said.endswith(b"\r\n"), 5)
        assert json.loads(app.line.said)["ok"]["state"] == "ready"

    with mock.patch("comms.home.Home.step", side_effect=error):
        served(app, scene)


def test_an_exception_of_the_console_ends_the_loop(served):
    app = App()
    app.answer = mock.Mock(side_effect=MemoryError)
    app.line.waiting = b"x\n"

    async def scene(network):
        await asyncio.sleep(1)

    with pytest.raises(MemoryError):
        served(app, scene)


def test_without_profile_or_radio_there_is_the_console_alone():
    app = App()
    with mock.patch.object(console, "run", side_effect=lambda *_: setattr(app, "is_shut", False)):
        run.run(app)
    assert "network" in app.told["wifi"]  # CPython has no such module
    app = App()
    app.rig.ask("wifi", ssid=None)
    with mock.patch.object(console, "run", side_effect=lambda *_: setattr(app, "is_shut", False)):
        run.run(app)
    assert app.told == {}


def test_profiles_that_cannot_be_read_leave_the_console():
    app = App()
    app.profile = mock.Mock(side_effect=MemoryError)
    with mock.patch.object(console, "run", side_effect=lambda *_: setattr(app, "is_shut", False)):
        run.run(app)
    assert app.told == {"wifi": "MemoryError", "local": "MemoryError"}
    assert app.profile.call_count == 2  # the second time without Wi-Fi


def test_what_is_set_on_the_console_is_taken_up_at_once():
    app, rounds = App(), []

    def served(answer, goes_on):
        assert goes_on()
        app.rig.ask("wifi", ssid="other", password="secret-2")
        assert not goes_on()
        rounds.append(1)
        app.is_shut = len(rounds) < 3

    with mock.patch.object(console, "run", served):
        run.run(app)
    assert len(rounds) == 3
