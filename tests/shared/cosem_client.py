"""A COSEM client without I/O, with a reader of its own, and meters for it to ask.

The octets are written down from IEC 62056-5-3 and 62056-6-2.
"""

import json
import struct

import tariffs
from gate_rig import GateRig, some_keys
from rig import Files, unix

from comms.cosem import Session
from comms.cosem_objects import Objects

START = unix(2026, 10, 5)
AARQ = (
    "601da109060760857405080101be10040e01000000065f1f04007eff1f"  # the size of an answer follows
)
LLS = "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0"  # noqa: E501
ACCEPTED = "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000101402000007"
NOT_ASSOCIATED, NOT_SUPPORTED, NO_APDU = "d80101", "d80202", "d80103"
IMPORT, CLOCK, PROFILE = "0100010800ff", "0000010000ff", "0100630100ff"
CALENDAR, DEVICE = "00000d0000ff", "00002a0000ff"
REFUSED = {"denied": 3, "undefined": 4, "class": 9, "type": 12, "scope": 13, "no_block": 14}


class Held(Files):
    """Tariff files that `get` can read, too."""

    def read(self, name, at):
        for digest, text in self.held.items():
            if digest.startswith(name):
                return digest, len(text), text[at : at + 512]
        return None


def started(sealed=False, **changes):
    """-> a meter that has run for six hours, 15 Wh imported in each interval"""
    rig = GateRig(START, keys=some_keys(), sealed=sealed)
    rig.ports.files = rig.meter.contract.files = Held()
    rig.run(60)
    rig.push(tariffs.text(**changes))
    rig.run(840, step_s=840, imported=900, exported=6)
    rig.run(6 * 3600 - 900, step_s=900, imported=900, exported=6)
    return rig


class Client:
    """Who asks a session of a meter. calls: (do, args) that the meter was asked."""

    def __init__(self, rig, role="reader", size=0xFFFF):
        self.calls, self._service, self._size = [], rig.service, min(size or 1024, 1024)
        self.session = Session(Objects(self._handle, role))
        self.hello = self.send(AARQ + "%04x" % size)

    def _handle(self, role, line):
        request = json.loads(line)
        self.calls.append((request["do"], request["args"]))
        return self._service.handle(role, line)

    def send(self, apdu, client=16, device=1):
        """-> the answer in hex without its wrapper"""
        apdu = bytes.fromhex(apdu)
        answer = self.session.received(struct.pack(">4H", 1, client, device, len(apdu)) + apdu)
        if answer:
            head = struct.unpack(">4H", answer[:8])
            assert head == (1, device, client, len(answer) - 8), head
            assert head[3] <= self._size, head
        return str(answer[8:].hex())

    def get(self, class_id, name, attribute, selection=""):
        """-> the data of an attribute; over as many blocks as it takes; an int: refused with"""
        request = "c001c1%04x" % class_id + name + "%02x" % attribute
        answer = bytes.fromhex(self.send(request + ("01" + selection if selection else "00")))
        if answer[:2] == b"\xc4\x01":
            return answer[4:] if answer[3] == 0 else answer[4]
        data, number = b"", 0
        while True:
            number += 1
            assert answer[:3] == b"\xc4\x02\xc1", answer
            if answer[8]:
                assert len(answer) == 10
                return answer[9]
            assert int.from_bytes(answer[4:8], "big") == number
            size, at = answer[9], 10
            if size & 0x80:
                at += size & 0x7F
                size = int.from_bytes(answer[10:at], "big")
            assert len(answer) == at + size
            data += answer[at:]
            if answer[3]:
                return data
            answer = bytes.fromhex(self.send("c002c1%08x" % number))

    def read(self, class_id, name, attribute, selection=""):
        """-> the value of an attribute"""
        data = self.get(class_id, name, attribute, selection)
        assert isinstance(data, bytes), data
        value, end = decode(data, 0)
        assert end == len(data)
        return value


def decode(data, at):
    """-> (int, bytes, None or a list of them, where it ends)"""
    kind, at = data[at], at + 1
    if kind == 0:
        return None, at
    size = {3: 1, 6: 4, 15: 1, 16: 2, 17: 1, 18: 2, 21: 8, 22: 1}.get(kind)
    if size:
        return int.from_bytes(data[at : at + size], "big"), at + size
    size, at = data[at], at + 1
    if size & 0x80:
        width = size & 0x7F
        size, at = int.from_bytes(data[at : at + width], "big"), at + width
    if kind == 4:
        return data[at : at + (size + 7) // 8], at + (size + 7) // 8
    if kind == 9:
        return data[at : at + size], at + size
    assert kind in (1, 2), kind
    found = []
    for _ in range(size):
        value, at = decode(data, at)
        found.append(value)
    return found, at


def entries(low, high, left=1, right=0):
    """-> selection by entry"""
    return "02" + "0204" + "06%08x06%08x12%04x12%04x" % (low, high, left, right)


def moment(year, month, day, hour, minute=0, deviation=0x8000):
    return "090c%04x%02x%02xff%02x%02x0000%04xff" % (year, month, day, hour, minute, deviation)


def between(since, until, columns="0100", clock="12000809060000010000ff0f02120000"):
    """-> selection by range"""
    return "01" + "0204" + "0204" + clock + since + until + columns


def stamp(year, month, day, weekday, hour, minute=0, status=0):
    """-> 12 octets in UTC"""
    head = struct.pack(">HBBBBB", year, month, day, weekday, hour, minute)
    return head + bytes((0, 0, 0, 0, status))
