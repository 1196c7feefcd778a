"""The COSEM server and those who mean harm: it lives on, and nothing is changed."""

import contextlib
import json
import random
import socket
import struct
import time
from collections import Counter

import pytest
import tariffs
from cosem_client import Held
from gate_rig import GateRig, some_keys
from rig import unix

from comms.cosem import Session
from comms.cosem_objects import Objects

from .cosem_port import Port, answers

START = unix(2026, 3, 1)
DAYS = 3
AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f04007eff1fffff")
GOOD = (
    AARQ,
    bytes.fromhex("c001c100030100010800ff0200"),
    bytes.fromhex("c001c1000701006301 00ff0200".replace(" ", "")),
    bytes.fromhex(
        "c001c100070100630100ff0201020204060000000106000000031200011200 00".replace(" ", "")
    ),
    bytes.fromhex("c001c1000f0000280000ff0200"),
    bytes.fromhex("c001c1001400000d0000ff0500"),
    bytes.fromhex("c002c100000001"),
    bytes.fromhex("6203800100"),
)
ACCEPTED = bytes.fromhex("a203020100")


@pytest.fixture(scope="module")
def rig():
    """A meter after three days: rows enough for answers in blocks."""
    rig = GateRig(START, keys=some_keys())
    rig.ports.files = rig.meter.contract.files = Held()
    rig.push(tariffs.text(special_days=[[0, 12, 25, 0], [2026, 5, 1, 0]]))
    for _ in range(DAYS * 96):
        rig.run(900, step_s=900, imported=900, exported=6)
    return rig


@pytest.fixture
def port(rig):
    port = Port(rig)
    yield port
    port.stop()


def wrapped(apdu, size=None):
    return struct.pack(">4H", 1, 16, 1, len(apdu) if size is None else size) + apdu


def malformed(chance):
    """-> bytes of a client that means harm, or cannot do better"""
    apdu = bytearray(chance.choice(GOOD))
    kind = chance.randrange(7)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 600))
    if kind == 1:
        return wrapped(bytes(apdu[: chance.randrange(len(apdu))]))
    if kind == 2:
        for _ in range(chance.randrange(1, 5)):
            apdu[chance.randrange(len(apdu))] ^= 1 << chance.randrange(8)
        return wrapped(bytes(apdu))
    if kind == 3:
        return wrapped(bytes(apdu), chance.choice((0, 65535, 512, 513, len(apdu) - 1)))
    if kind == 4:
        at = chance.randrange(len(apdu))
        return wrapped(
            bytes(apdu[:at]) + chance.randbytes(chance.randrange(40)) + bytes(apdu[at:])
        )
    if kind == 5:
        return wrapped(
            bytes((chance.choice((0x60, 0x62, 0xC0, 0xC1, 0xC3)),)) + chance.randbytes(40)
        )
    return wrapped(bytes(apdu)) * chance.randrange(1, 12)


def test_10000_malformed_frames_change_nothing(rig):
    chance, asked, ends, kinds = random.Random(11), set(), 0, Counter()

    def handle(role, line):
        asked.add(json.loads(line)["do"])
        return rig.service.handle(role, line)

    objects = Objects(handle, "reader")
    before = rig.ports.flash.image(), answers(rig, "registers"), dict(rig.held)
    session = Session(objects)
    for _ in range(10_000):
        if chance.random() < 0.3:
            session.received(wrapped(AARQ))
        answer = session.received(malformed(chance)[:1024])
        for _ in range(60):
            assert len(answer) <= 8 + 1024
            if not answer:
                break
            kinds[answer[8:10].hex()] += 1
            answer = session.received(b"")
        if session.closed or chance.random() < 0.05:
            ends += session.closed
            session = Session(objects)
    assert ends > 1000
    # Much of it got far, or this would prove little: data, blocks, what is no APDU.
    assert min(kinds[kind] for kind in ("c401", "c402", "d801", "d802")) > 100, kinds
    assert asked <= {"get", "info", "live", "registers", "rows"}
    assert (rig.ports.flash.image(), answers(rig, "registers"), rig.held) == before
    assert ACCEPTED in Session(objects).received(wrapped(AARQ))


def test_malformed_frames_on_the_socket_leave_it_alive(rig, port):
    chance = random.Random(5)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", port.number), timeout=5) as link:
            with contextlib.suppress(ConnectionError):
                for _ in range(chance.randrange(1, 4)):
                    link.sendall(malformed(chance))
            if chance.random() < 0.3:  # a reset instead of an end
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert_alive(port)


def assert_alive(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", port.number), timeout=5) as link:
            link.sendall(wrapped(AARQ))
            with contextlib.suppress(ConnectionError):
                if ACCEPTED in link.recv(64):
                    return
        time.sleep(0.05)
    pytest.fail("no association within 10 s")


def test_a_third_client_and_a_silent_one_are_let_go(rig):
    port = Port(rig, idle_s=1, clients=2)
    links = [socket.create_connection(("127.0.0.1", port.number), timeout=5) for _ in range(3)]
    assert links[2].recv(1) == b""
    began = time.monotonic()
    assert links[0].recv(1) == links[1].recv(1) == b""
    assert 0.5 < time.monotonic() - began < 4
    for link in links:
        link.close()
    assert_alive(port)
    port.stop()


def test_who_does_not_listen_is_let_go(rig):
    port = Port(rig, idle_s=1, clients=1)
    link = socket.create_connection(("127.0.0.1", port.number), timeout=5)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.sendall(wrapped(AARQ))
    with contextlib.suppress(OSError):
        for _ in range(4000):
            link.sendall(wrapped(GOOD[4]))
    assert_alive(port)
    link.close()
    port.stop()
