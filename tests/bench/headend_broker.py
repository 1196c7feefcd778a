"""All through a real broker, as a head-end has it: mutual TLS, rights, persistence, its saves.

One sender in a process of its own has all the messages ready, each an envelope with one interval
of another meter, and sends them at once or so many a second.
"""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt

from wattledger.headend import broker_config, catalogue, folder, settings
from wattledger.headend.audit import Audit
from wattledger.headend.broker import Broker
from wattledger.headend.certificates import Authority, Pair
from wattledger.headend.key_source import KeySource
from wattledger.headend.mosquitto import Program
from wattledger.headend.server import Server, tls_context
from wattledger.headend.store import Store
from wattledger.security.keyring import Fleet

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20  # a burst that takes longer is measured as far as it came
LATE_S = 20  # after the last message is due, all must be kept


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def process_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Costs:
    """spent, steady   s of CPU of head-end, broker and sender, in a burst and at a steady rate
    bare_s    s of CPU of a client that only counts the messages of a burst
    late_s    how far what is kept was behind what was due, at most; saved: B of the broker's file
    """

    stored: int = 0
    wall_s: float = 0.0
    is_cut: bool = False
    bare_s: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    steady: dict[str, float] = field(default_factory=dict)
    steady_s: float = 0.0
    offered: int = 0
    kept: int = 0
    twice: int = 0
    late_s: float = 0.0
    saved: int = 0


SENDER = """
import socket, ssl, sys, time
from comms import mqtt_codec, mqtt_connect
port, path, ca, certificate, key, rate = int(sys.argv[1]), *sys.argv[2:6], float(sys.argv[6])
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
line = socket.create_connection(("127.0.0.1", port))
line = context.wrap_socket(line, server_hostname="localhost")
line.sendall(mqtt_connect.connect("sender", 600))
decoder = mqtt_codec.Decoder()
pid = flight = 0
def acked(least):
    global flight
    while flight > least:
        for packet in decoder.feed(line.recv(65536)):
            flight -= packet[0] == mqtt_codec.PUBACK
texts = open(path).readlines()
began = time.monotonic()
for n, text in enumerate(texts):
    topic, payload = text.rstrip().split(" ", 1)
    pid = pid % 65535 + 1
    if rate and n % 50 == 0:
        time.sleep(max(0, began + n / rate - time.monotonic()))
    line.sendall(mqtt_codec.publish(topic, payload, 1, False, pid))
    flight += 1
    if flight >= 200:
        acked(100)
acked(0)
"""


class Scene:
    """A head-end's folder, its broker, and who sends to it."""

    def __init__(self, at: Path, keys: Fleet, program: Program) -> None:
        folder.init(at / "h", at / "keys", Fleet.new(), None, broker_config.free_port())
        self.settings, self._keys, self._at = settings.load(at / "h"), keys, at
        self._pair = Pair(at / "sender.pem", at / "sender.key")
        Authority(at / "h/ca").issue(self._pair, "sender")
        tls, operators = folder.tls_of(self.settings), ("headend", "sender")
        self.broker = Broker(program, at / "h/broker", self.settings.port, tls, operators)

    def sender(self, messages: list[tuple[str, bytes]], rate: float) -> "subprocess.Popen[bytes]":
        """rate: a second, 0: as fast as the broker takes them"""
        lines = self._at / "messages"
        lines.write_text("".join(f"{topic} {payload.decode()}\n" for topic, payload in messages))
        files = lines, self.settings.at(self.settings.ca), self._pair.certificate, self._pair.key
        told = self.settings.port, *files, rate
        return subprocess.Popen(
            [sys.executable, "-c", SENDER, *map(str, told)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "firmware")},
        )

    def cpu(self, sender: "subprocess.Popen[bytes]") -> dict[str, float]:
        """-> s so far; of a sender that has ended, too, until somebody waits for it"""
        assert self.broker.process is not None
        pids = {"broker": self.broker.process.pid, "sender": sender.pid}
        return {"head-end": cpu_s(), **{name: process_cpu_s(pid) for name, pid in pids.items()}}

    @asynccontextmanager
    async def server(self, store: Store) -> AsyncIterator[Server]:
        server = Server(self.settings, KeySource(self._keys), store, Audit(None))
        task = asyncio.create_task(server.run())
        try:
            while not server.connects:
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
            yield server
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def bare(self, messages: list[tuple[str, bytes]]) -> float:
        """-> s of CPU of a client that counts them and does nothing else"""
        at, seen = self.settings, 0
        async with aiomqtt.Client(at.host, at.port, tls_context=tls_context(at)) as client:
            await client.subscribe("wl/+/up/#", qos=1)
            began, sender = cpu_s(), self.sender(messages, 0)
            async with asyncio.timeout(WAIT_S):
                async for _ in client.messages:
                    seen += 1
                    if seen == len(messages):
                        break
            sender.wait()
            return cpu_s() - began


def _since(now: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: value - before[name] for name, value in now.items()}


async def _measured(
    scene: Scene, ready: list[tuple[str, bytes]], burst: int, rate: float, store: Store
) -> Costs:
    found = Costs()
    found.bare_s = await scene.bare(ready[:burst])
    async with scene.server(store) as server:
        sender = scene.sender(ready[:burst], 0)
        before, began = scene.cpu(sender), time.monotonic()
        while server.stored_rows < burst and not found.is_cut:
            await asyncio.sleep(0.05)
            found.is_cut = time.monotonic() > began + WAIT_S
        found.wall_s, found.stored = time.monotonic() - began, server.stored_rows
        found.spent = _since(scene.cpu(sender), before)
        sender.wait()
        while server.stored_rows < burst:  # not the next one's to carry
            await asyncio.sleep(0.05)
        rest = ready[burst:]
        sender = scene.sender(rest, rate)
        await asyncio.sleep(1)  # it reads its messages
        before, began = scene.cpu(sender), time.monotonic()
        found.steady_s = len(rest) / rate
        while server.stored_rows < len(ready):
            await asyncio.sleep(0.1)
            passed = time.monotonic() - began
            due = min(passed * rate, len(rest))
            found.late_s = max(found.late_s, (due - server.stored_rows + burst) / rate)
            if passed > found.steady_s + LATE_S:
                break
        found.steady = _since(scene.cpu(sender), before)
        found.offered, found.kept = len(rest), server.stored_rows - burst
        sender.wait()
    return found


def through_the_broker(
    at: Path,
    keys: Fleet,
    ready: list[tuple[str, bytes]],
    burst: int,
    rate: float,
    program: Program,
) -> Costs:
    """The first `burst` of the messages at once, the others at a steady rate a second."""
    scene = Scene(at, keys, program)
    with scene.broker, Store(scene.settings.at(scene.settings.store)) as store:
        found = asyncio.run(_measured(scene, ready, burst, rate, store))
        kept = at / "h/broker/data/mosquitto.db"
        found.saved = kept.stat().st_size if kept.exists() else 0
    counts = "SELECT count(*) - count(DISTINCT (serial, seq)) FROM intervals"
    ((found.twice,),) = catalogue.query(scene.settings.at(scene.settings.store), counts)[1]
    return found
