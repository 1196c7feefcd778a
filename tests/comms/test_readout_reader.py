"""A reader that is not ours reads the optical port: iec62056-21, over TCP instead of light."""

import socket
import threading
import time
from itertools import pairwise

import pytest
import tariffs
from rig import Rig
from told import SERIAL, START, local

from comms import obis_lines, readout

WHY = "iec62056-21 is not installed: make test installs the extra that has it"
client = pytest.importorskip("iec62056_21.client", reason=WHY)
transports = pytest.importorskip("iec62056_21.transports", reason=WHY)


class Port:
    """Serves one Readout on a TCP port, in real time."""

    def __init__(self, machine):
        self.machine, self.stop = machine, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.bauds = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        line, _ = self.listener.accept()
        line.settimeout(0.01)
        with line:
            while not self.stop.is_set():
                try:
                    data = line.recv(64)
                except TimeoutError:
                    data = b""
                out, baud = self.machine.received(data, time.monotonic_ns() // 1_000_000)
                self.bauds.append(baud)
                line.sendall(out)

    def close(self):
        self.stop.set()
        self._thread.join(5)
        self.listener.close()


@pytest.fixture
def rig():
    rig = Rig(START)
    rig.run(60)
    rig.push(tariffs.text())
    rig.run(6 * 3600, 300, imported=977, exported=31)
    return rig


@pytest.fixture
def port(rig):
    facts = obis_lines.Facts(rig.service.handle, "reader", local(rig))
    port = Port(readout.Readout(SERIAL, lambda: readout.data_lines(facts)))
    yield port
    port.close()


def reader(port, address=""):
    made = client.Iec6205621Client.with_tcp_transport(port.address, device_address=address)
    made.transport.timeout = 5
    made.transport.socket.settimeout(5)
    made.connect()
    return made


def values(message):
    sets = [item for line in message.data_block.data_lines for item in line.data_sets]
    return {item.address: (item.value, item.unit) for item in sets}


def test_it_reads_the_registers(rig, port):
    found = values(reader(port, SERIAL).standard_readout())
    assert found["0-0:0.0.0"] == ("test", None)  # what the rig is called
    live = rig.live
    wanted = {"1.8.0": live.registers[0], "2.8.0": live.registers[1], "1.8.1": live.rates[0],
              "1.8.2": live.rates[1], "2.8.1": live.rates[15]}  # fmt: skip
    assert min(wanted.values()) > 0
    for code, mwh in wanted.items():
        value, unit = found["1-0:" + code]
        assert (int(value.replace(".", "")), unit) == (mwh // 1000, "kWh"), code
    until = time.monotonic() + 10
    while port.bauds[-1] != 300 and time.monotonic() < until:
        time.sleep(0.1)
    assert [b for a, b in pairwise(port.bauds) if a != b] == [9600, 300]  # back by itself


def test_it_is_shown_the_door_when_it_wants_to_program(rig, port):
    made = reader(port)
    state = rig.live.registers[:], rig.meter.journal.seq
    made.startup()
    assert (made.manufacturer_id, made.switchover_baudrate) == ("WTL", 9600)
    made.ack_with_option_select("programming")
    assert made.transport.read() == b"\x01B0\x03q"
    made.transport.send(b"\x01P1\x02(00000000)\x03a")
    made.transport.socket.settimeout(1)
    with pytest.raises(transports.TransportError):
        made.transport.recv(1)
    assert port.machine.refused == 1
    assert (rig.live.registers[:], rig.meter.journal.seq) == state
