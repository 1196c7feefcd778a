"""The COSEM server on a socket, read by two clients that others wrote.

CPython proves the protocol, not the timing of the chip. gurux_dlms (GPL) is used here only.
"""

import base64
import datetime
import random
import socket

import pytest
import tariffs
from cosem_client import Held
from gate_rig import GateRig, in_line, some_keys
from rig import Rig, unix

from meter.records import Row

from .cosem_port import Port, answers

START = unix(2026, 3, 1)
DAYS, ROWS = 90, 8640
SECTORS = 230
UTC = datetime.UTC


class LongRig(GateRig):
    """With room for the rows of 90 days."""

    def __init__(self):
        self.held, self.serial, self.said, self.boots = {}, bytes(range(6)), b"", 0
        Rig.__init__(self, START, SECTORS)
        self.ask("keys", data=in_line(some_keys()))
        self.ports.files = self.meter.contract.files = Held()


@pytest.fixture(scope="module")
def rig():
    """A meter after 90 days: 8,640 rows of 15 minutes, more by day than by night."""
    rig, chance = LongRig(), random.Random(7)
    rig.push(tariffs.text(special_days=[[0, 12, 25, 0], [2026, 5, 1, 0]]))
    for _ in range(ROWS):
        rig.run(900, step_s=900, imported=chance.randrange(2000), exported=chance.randrange(50))
    return rig


@pytest.fixture
def port(rig):
    port = Port(rig)
    yield port
    port.stop()


@pytest.fixture(scope="module")
def rows(rig):
    """-> [(Unix seconds, status, A+, A-, R+, R-, t)] of all that the meter holds."""
    found, seq = [], 1
    while seq <= answers(rig, "rows", ring="profile", from_seq=seq, n=0)["last"]:
        answer = answers(rig, "rows", ring="profile", from_seq=seq, n=8)
        for text in answer["rows"]:
            row = Row()
            row.unpack(base64.b64decode(text))
            plus, minus = row.reactive_plus_mvarh, row.reactive_minus_mvarh
            energies = row.import_mwh, row.export_mwh, plus, minus
            found.append((row.utc, row.status, *energies, row.rate + 1))
        seq = answer["next"]
    assert len(found) >= ROWS
    return found


class Gurux:
    """The client of gurux_dlms on a socket, as its own examples use it."""

    def __init__(self, number):
        reason = "gurux_dlms is not installed: pip install gurux-dlms"
        gurux = self.lib = pytest.importorskip("gurux_dlms", reason=reason)
        enums = pytest.importorskip("gurux_dlms.enums")
        wrapper, nobody = enums.InterfaceType.WRAPPER, enums.Authentication.NONE
        self.client = gurux.GXDLMSClient(True, 16, 1, nobody, None, wrapper)
        self.socket = socket.create_connection(("127.0.0.1", number), timeout=10)
        self.client.parseAareResponse(self.ask(self.client.aarqRequest()).data)
        self.objects = self.client.parseObjects(
            self.ask(self.client.getObjectsRequest()).data, True
        )

    def ask(self, frames):
        reply, notify, data = (
            self.lib.GXReplyData(),
            self.lib.GXReplyData(),
            self.lib.GXByteBuffer(),
        )
        (frame,) = frames if isinstance(frames, list) else [frames]
        self.socket.sendall(bytes(frame))
        while True:
            while not self.client.getData(data, reply, notify):
                got = self.socket.recv(4096)
                assert got, "the server has closed the connection"
                data.set(got)
            if reply.error:
                raise LookupError(reply.error)
            if not reply.isMoreData():
                return reply
            self.socket.sendall(bytes(self.client.receiverReady(reply)))

    def read(self, thing, attribute):
        reply = self.ask(self.client.read(thing, attribute))
        return self.client.updateValue(thing, attribute, reply.value)

    def named(self, name):
        return next(thing for thing in self.objects if thing.logicalName == name)

    def profile(self):
        """-> the profile, ready to be read"""
        found = self.named("1.0.99.1.0.255")
        for attribute in (3, 4, 5, 6):
            self.read(found, attribute)
        return found

    def rows(self, profile, request):
        """-> as the fixture `rows`"""
        profile.buffer = []
        self.client.updateValue(profile, 2, self.ask(request).value)
        return [
            (int(row[0].value.timestamp()), row[1], *[round(1000 * x) for x in row[2:6]], row[6])
            for row in profile.buffer
        ]


@pytest.fixture
def gurux(port):
    client = Gurux(port.number)
    for thing in client.objects:
        if thing.objectType == 3:
            client.read(thing, 3)
    yield client
    client.ask(client.client.releaseRequest())
    client.socket.close()


def test_gurux_reads_every_register(gurux, rig):
    assert gurux.read(gurux.named("0.0.42.0.0.255"), 2) == "WTLtest"
    registers = answers(rig, "registers")["registers"]
    registers["3.8.0"] = registers["5.8.0"] + registers["6.8.0"]
    registers["4.8.0"] = registers["7.8.0"] + registers["8.8.0"]
    found, units = {}, {}
    for thing in gurux.objects:
        if thing.objectType == 3 and ".8." in thing.logicalName[4:]:
            code = thing.logicalName[4:-4]
            found[code], units[code] = (
                round(1000 * gurux.read(thing, 2)),
                (thing.scaler, int(thing.unit)),
            )
    assert found == {code: value for code, value in registers.items() if value is not None}
    assert units["1.8.0"] == units["2.8.1"] == (0.001, 30)
    assert units["5.8.0"] == units["3.8.0"] == (0.001, 32)
    assert found["1.8.1"] + found["1.8.2"] == found["1.8.0"] > 0


def test_gurux_reads_clock_and_calendar(gurux, rig):
    clock = gurux.named("0.0.1.0.0.255")
    for attribute in range(2, 10):
        gurux.read(clock, attribute)
    assert clock.time.value.timestamp() == answers(rig, "info")["utc"]
    calendar = gurux.named("0.0.13.0.0.255")
    for attribute in range(2, 11):
        gurux.read(calendar, attribute)
    assert calendar.calendarNameActive == answers(rig, "info")["tariff"]["active"]
    (day,) = calendar.dayProfileTableActive
    switches = [(action.startTime.value, action.scriptSelector) for action in day.daySchedules]
    assert [(t.hour, t.minute, n) for t, n in switches] == [(0, 0, 1), (8, 0, 2), (22, 0, 1)]
    assert [week.monday for week in calendar.weekProfileTableActive] == [1]
    special = gurux.named("0.0.11.0.0.255")
    gurux.read(special, 2)
    assert [entry.index for entry in special.entries] == [1, 2]


def test_gurux_reads_entries_and_ranges(gurux, rows):
    profile = gurux.profile()
    names = [thing.logicalName[:-4] for thing, _ in profile.captureObjects]
    energies = ["1.0.1.8.0", "1.0.2.8.0", "1.0.3.8.0", "1.0.4.8.0"]
    assert names == ["0.0.1.0.0", "0.0.96.10.1", *energies, "0.0.96.14.0"]
    assert profile.capturePeriod == 900
    by_entry = gurux.client.readRowsByEntry(profile, 1, 5)
    assert gurux.rows(profile, by_entry) == rows[:5]
    since = datetime.datetime(2026, 4, 1, 2, tzinfo=UTC)
    for hours, zone in ((1, UTC), (30, datetime.timezone(datetime.timedelta(hours=5)))):
        until = since + datetime.timedelta(hours=hours)
        wanted = [row for row in rows if since.timestamp() <= row[0] <= until.timestamp()]
        times = [gurux.lib.GXDateTime(t.astimezone(zone)) for t in (since, until)]
        assert gurux.rows(profile, gurux.client.readRowsByRange(profile, *times)) == wanted
        assert len(wanted) == 4 * hours + 1


def test_gurux_reads_90_days_by_block_transfer(gurux, rows, port):
    profile = gurux.profile()
    found = gurux.rows(profile, gurux.client.read(profile, 2))
    assert found == rows
    assert {row[6] for row in found} == {1, 2}
    assert port.asked == {"registers", "live", "info", "rows"}


@pytest.fixture
def cosem(port):
    reason = "dlms_cosem is not installed: pip install dlms-cosem"
    clients = pytest.importorskip("dlms_cosem.clients.dlms_client", reason=reason)
    tcp = clients.DlmsClient.with_tcp_transport
    client = tcp("127.0.0.1", port.number, 16, 1, block_transfer=True)
    with client.session() as session:
        yield session


def attribute(class_id, name, number):
    from dlms_cosem import cosem, enumerations

    return cosem.CosemAttribute(enumerations.CosemInterface(class_id), cosem.Obis(*name), number)


def test_dlms_cosem_reads_register_and_clock(cosem, rig):
    from dlms_cosem import time as times
    from dlms_cosem import utils

    registers = answers(rig, "registers")["registers"]
    for rate in (0, 1, 2):
        data = cosem.get(attribute(3, (1, 0, 1, 8, rate), 2))
        assert utils.parse_as_dlms_data(data) == registers[f"1.8.{rate}"]
    data = utils.parse_as_dlms_data(cosem.get(attribute(8, (0, 0, 1, 0, 0), 2)))
    assert times.datetime_from_bytes(data)[0].timestamp() == answers(rig, "info")["utc"]


def test_dlms_cosem_reads_90_days_and_a_range(cosem, rows):
    from dlms_cosem import parsers, utils
    from dlms_cosem.cosem import selective_access
    from dlms_cosem.cosem.capture_object import CaptureObject

    buffer = attribute(7, (1, 0, 99, 1, 0), 2)
    captured = utils.parse_as_dlms_data(cosem.get(attribute(7, (1, 0, 99, 1, 0), 3)))
    objects = [attribute(class_id, name, number) for class_id, name, number, _ in captured]
    parser = parsers.ProfileGenericBufferParser(objects, 15)

    def read(selection=None):
        parsed = parser.parse_bytes(cosem.get(buffer, selection))
        values = [[column.value for column in row] for row in parsed]
        return [(int(first.timestamp()), *others) for first, *others in values]

    assert read() == rows
    since, until = (datetime.datetime(2026, 5, day, tzinfo=UTC) for day in (1, 8))
    clock = CaptureObject(attribute(8, (0, 0, 1, 0, 0), 2), 0)
    found = read(selective_access.RangeDescriptor(clock, since, until))
    assert found == [row for row in rows if since.timestamp() <= row[0] <= until.timestamp()]
    assert len(found) == 7 * 96 + 1


def test_gurux_can_set_nothing(gurux, rig):
    before = rig.ports.flash.image(), answers(rig, "info")
    clock = gurux.named("0.0.1.0.0.255")
    clock.time = gurux.lib.GXDateTime(datetime.datetime(2030, 1, 1, tzinfo=UTC))
    for frames in (gurux.client.write(clock, 2), clock.adjustToQuarter(gurux.client)):
        with pytest.raises(gurux.lib.GXDLMSExceptionResponse):
            gurux.ask(frames)
    assert (rig.ports.flash.image(), answers(rig, "info")) == before
    assert gurux.read(clock, 2)
