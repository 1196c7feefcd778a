"""SNTP over UDP on loopback: whom the meter believes, and what it does with it."""

import asyncio
import os
import socket
import time
from unittest import mock

import pytest
from test_hint import answer

from comms import ntp
from meter.errors import MeterError


def now_ms():
    return time.monotonic_ns() // 1_000_000 & 0x3FFFFFFF


async def sleep_ms(ms):
    await asyncio.sleep(ms / 1000)


def asked(reply, seconds=3):
    """reply: of the question, bytes -> bytes or None. -> what `ask` gives"""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            questions.append(data)
            for packet in reply(data):
                self.transport.sendto(packet, address)

    questions = []

    async def scene():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            Server, local_addr=("127.0.0.1", 0), family=socket.AF_INET
        )
        port = transport.get_extra_info("sockname")[1]
        try:
            asking = ntp.ask("127.0.0.1", os.urandom, now_ms, sleep_ms, port)
            return await asyncio.wait_for(asking, seconds)
        finally:
            transport.close()

    try:
        return asyncio.run(scene())
    finally:
        assert len(questions) == 1
        assert (questions[0][0], len(questions[0])) == (0x23, 48)


def test_the_server_is_believed_that_echoes_the_question():
    assert asked(lambda data: [answer(2208988800 + 1790812800, origin=data[40:])]) == 1790812800


@pytest.mark.parametrize("first", [b"x", b"x" * 400, answer()])
def test_another_answer_is_an_error(first):
    with pytest.raises(MeterError, match="no answer to our question"):
        asked(lambda data: [first])


def test_one_that_is_late_is_none():
    begin = time.monotonic()
    with pytest.raises(MeterError, match="no answer in a second"):
        asked(lambda data: [])
    assert 0.9 < time.monotonic() - begin < 2


class Loop:
    """comms.run.Loop to a task; sleeping ends by `turns`."""

    def __init__(self, turns):
        self.slept_ms, self.turns, self.random, self.now_ms = 0, turns, os.urandom, now_ms

    def connected(self):
        return self.slept_ms >= 3000

    async def sleep_ms(self, ms):
        self.slept_ms += ms
        self.turns -= 1
        if not self.turns:
            raise asyncio.CancelledError


def ran(turns, found):
    app, loop = mock.Mock(told={}), Loop(turns)
    app.hint.return_value = "for TLS only"
    with (
        mock.patch.object(ntp, "ask", side_effect=found) as ask,
        pytest.raises(asyncio.CancelledError),
    ):
        asyncio.run(ntp.run("time.example", app, loop))
    return app, ask.call_count


def test_it_asks_after_wifi_and_each_twelve_hours():
    app, count = ran(3, [1790812800])
    assert (app.told, count) == ({"ntp": "waits for wifi"}, 0)
    app, count = ran(3 + 719, [1790812800])
    assert count == 1
    app, count = ran(3 + 721, [1790812800] * 2)
    assert (app.told, count) == ({"ntp": "for TLS only"}, 2)
    assert app.hint.mock_calls == [mock.call(1790812800)] * 2


def test_after_a_failure_it_asks_each_quarter_of_an_hour():
    app, count = ran(3 + 31, [OSError("no name"), MeterError("ntp: none"), 1790812800])
    assert count == 3
    app.hint.assert_called_once_with(1790812800)
    app, _ = ran(3 + 10, [OSError("no name")])
    assert app.told == {"ntp": "no name"}
