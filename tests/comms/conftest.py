"""A mosquitto of our own on this machine, for every test here; without one they are skipped."""

import asyncio
import os
import time

import pytest

from comms.mqtt_link import Link
from comms.mqtt_session import Session
from wattledger.headend import broker_config
from wattledger.headend.broker import Broker

from .certificates import Authority

WAIT_S = 8


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """The CA that signs whoever belongs here."""
    return Authority(tmp_path_factory.mktemp("fleet"), "fleet CA")


@pytest.fixture
def broker(program, tmp_path):
    """In plain, without rights."""
    with Broker(program, tmp_path / "broker", broker_config.free_port(), verbose=True) as running:
        yield running


@pytest.fixture
def tls_broker(program, fleet, tmp_path):
    """As a head-end has it: mutual TLS, rights by identity."""
    tls = fleet.broker()
    with Broker(
        program, tmp_path / "broker", broker_config.free_port(), tls, verbose=True
    ) as running:
        yield running


class Ports:
    """What a link needs from outside. hurry: how many times faster it waits between attempts."""

    def __init__(self, hurry=20):
        self.hurry, self.slept_ms = hurry, []

    def now_ms(self):
        return time.monotonic_ns() // 1_000_000

    def random(self, size):
        return os.urandom(size)

    async def sleep_ms(self, ms):
        self.slept_ms.append(ms)
        await asyncio.sleep(ms / 1000 / self.hurry)


class Client:
    """A session on a link, as a task; what it hears is kept."""

    def __init__(self, port, name, tls=None, profile=(), ports=None, **options):
        self.heard, self.readies = [], 0
        self.session = Session(name, options, self._message, self._ready)
        where = {"host": broker_config.LOOPBACK, "port": port, "tls": tls}
        self.ports = ports or Ports()
        self.link = Link(
            {**where, "back_off_s": (1, 4), **dict(profile)}, self.session, self.ports
        )

    async def __aenter__(self):
        self.task = asyncio.create_task(self.link.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def _message(self, topic, payload, retain):
        self.heard.append((topic, payload, retain))

    def _ready(self):
        self.readies += 1

    def say(self, topic, payload, qos=1, retain=False):
        """-> a list that gets what became of it: [], [True] or [False]."""
        became = []
        assert self.session.publish(topic, payload, qos, retain, became.append)
        self.link.wake()
        return became

    async def ready(self, seconds=WAIT_S):
        """Connected, and subscribed to what it asked for."""
        await until(lambda: self.session.ready and not self.session._flight, seconds, self.link)


async def until(condition, seconds=WAIT_S, link=None):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, link.problem if link else "it did not happen"
        await asyncio.sleep(0.01)


def run(coroutine):
    """A test's own loop: no plug-in is needed for it."""
    asyncio.run(coroutine)
