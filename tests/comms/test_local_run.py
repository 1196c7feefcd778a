"""P1, optical port and COSEM in the loop of a sealed meter: with and without Wi-Fi, each alone."""

import asyncio
import json
import struct
from unittest import mock

import pytest
from cosem_client import AARQ, ACCEPTED
from plain_network import Network

from comms import console, cosem_server, local, run
from meter.errors import MeterError

from .conftest import until
from .test_home_run import App, Loop

P1 = {"uart": 2, "tx": 17}
READOUT = {"uart": 1, "tx": 16, "rx": 32}


class Port:
    """A UART to a road: what was sent, what waits to be read."""

    def __init__(self):
        self.said, self.waiting, self.bauds, self.closed, self.on = b"", b"", [], 0, True

    def write(self, data):
        self.said += bytes(data)
        return len(data)

    def read(self):
        data, self.waiting = self.waiting, b""
        return data or None

    def baud(self, rate):
        self.bauds.append(rate)

    def wanted(self):
        return self.on

    def close(self):
        self.closed += 1


class House(App):
    """A meter with the local roads that are named, and a network only if it is asked for."""

    def __init__(self, wifi=False, **roads):
        super().__init__()
        if not wifi:
            self.rig.ask("wifi", ssid=None)
        self.rig.ask("local", **roads)
        self.ports, self.east_s, self.read = {}, 7200, []
        self.read_each_second = self.read.append

    def uart(self, name, settings):
        return self.ports.setdefault(name, Port())

    def local(self):
        return self.rig.ports.clock.utc, self.east_s, True


def serve(app, scene, network=None):
    line = app.line
    opened = mock.Mock(return_value=(line, console.Console(app.answer, line, line)))

    async def both():
        loop = Loop(app, network)
        task = asyncio.create_task(loop._main(app.shut))
        try:
            await scene(loop)
        finally:
            app.is_shut = False
            await asyncio.wait_for(task, 10)

    with mock.patch.object(console, "opened", opened):
        asyncio.run(both())


async def console_answers(app):
    app.line.said, app.line.waiting = b"", b'{"id":1,"do":"info"}\n'
    await until(lambda: app.line.said.endswith(b"\r\n"), 5)
    assert json.loads(app.line.said)["ok"]["state"] == "ready"


async def read_out(port, tries=5):
    """As a reader does: from the beginning again where a busy machine took longer than 1.5 s."""
    for left in reversed(range(tries)):
        port.said, port.waiting = b"", b"/?!\r\n"
        try:
            await until(lambda: port.said == b"/WTL5WattLedger\r\n", 5)
            port.waiting = b"\x06050\r\n"
            await until(lambda: b"1-0:1.8.0(" in port.said and port.said[-2:-1] == b"\x03", 5)
            return
        except AssertionError:
            if not left:
                raise


def test_p1_and_optical_port_run_without_wifi():
    app = House(p1=P1, readout={**READOUT, "role": "reader"}, t1=[2])

    async def scene(loop):
        assert loop.names == ["p1", "readout"]
        await until(lambda: app.ports.get("p1") and app.ports["p1"].said.count(b"/WTL5") > 3, 10)
        assert b"0-0:1.0.0(26" in app.ports["p1"].said
        port = app.ports["readout"]
        await read_out(port)
        assert port.bauds[-1] == 9600
        assert b"1-0:1.7.0(" in port.said  # the reader's; the public would not be told
        assert app.told == {"p1": "on, as public", "readout": "on, as reader"}
        await console_answers(app)

    serve(app, scene)
    assert [port.closed for port in app.ports.values()] == [1, 1]
    assert app.read == [True, False]  # by the P1 port, as long as it runs


def test_no_telegram_while_nobody_asks_for_one():
    app = House(p1=P1)
    port = app.ports["p1"] = Port()
    port.on = False

    async def scene(loop):
        await until(lambda: "p1" in app.told, 5)
        await asyncio.sleep(0.3)
        assert port.said == b""
        port.on = True
        await until(lambda: port.said, 5)

    serve(app, scene)


@pytest.mark.parametrize("error", [MeterError("planted"), OSError(5), MemoryError()])
def test_a_road_that_breaks_ends_alone_and_is_tried_again(error):
    app = House(p1=P1, readout=READOUT)
    app.uart = mock.Mock(side_effect=[error, Port(), Port()])

    async def scene(loop):
        loop.sleep_ms = lambda ms: asyncio.sleep(min(ms, 2000) / 20_000)
        await until(lambda: app.told.get("p1", "").startswith("stopped: "), 5)
        await until(lambda: app.told["p1"] == "on, as public", 5)
        assert app.told["readout"] == "on, as public"
        await console_answers(app)

    serve(app, scene)
    assert [call.args[0] for call in app.uart.mock_calls] == ["p1", "readout", "p1"]


def test_without_radio_the_local_roads_go_on_and_cosem_does_not():
    app = House(wifi=True, p1=P1, cosem={})
    loops = []

    def run_it(loop, goes_on):
        loops.append(loop.names)
        app.is_shut = False

    with (
        mock.patch.object(run.Loop, "run", run_it),
        mock.patch.object(asyncio, "sleep_ms", asyncio.sleep, create=True),
    ):
        run.run(app)
    assert loops == [["p1"]]
    assert "network" in app.told["wifi"]  # CPython has no such module


def test_settings_that_cannot_be_read_leave_wifi_and_brokers():
    app = House(wifi=True, p1=P1)
    app.rig.held["local"] = b"S1" + bytes(60)
    loop = Loop(app, Network())
    assert loop.names == ["wifi", "mqtt", "home"]
    assert app.told["local"].startswith("local: stored under other keys")


def test_cosem_waits_for_wifi_and_is_read_over_tcp():
    app = House(wifi=True, cosem={"role": "reader"})
    network, serve_it, found = Network(), cosem_server.serve, []

    async def here(objects):
        found.append(await serve_it(objects, host="127.0.0.1", port=0))
        return found[0]

    async def scene(loop):
        assert "cosem" in loop.names
        await until(lambda: app.told.get("cosem") == "waits for wifi", 5)
        assert not found
        network.station.joined = True
        await until(lambda: app.told["cosem"] == "on, as reader", 10)
        reader, writer = await asyncio.open_connection(*found[0].sockets[0].getsockname())
        apdu = bytes.fromhex(AARQ + "ffff")
        writer.write(struct.pack(">4H", 1, 16, 1, len(apdu)) + apdu)
        answer = await asyncio.wait_for(reader.read(256), 5)
        assert answer[8:].hex().startswith(ACCEPTED[:20])
        writer.close()

    with mock.patch.object(cosem_server, "serve", here):
        serve(app, scene, network)
    assert not found[0].is_serving()


def test_time_that_never_wraps():
    times = iter([0x3FFFFFF0, 0x3FFFFFFF, 5, 5, 0x3FFFFFFF, 4])
    total_ms = local.steady(lambda: next(times))
    assert [total_ms() for _ in range(5)] == [15, 21, 21, 0x3FFFFFFF + 16, 0x40000000 + 20]
