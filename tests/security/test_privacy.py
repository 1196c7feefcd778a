"""R21 to R25: what goes over a network, who reads what, and what frees a record."""

import ast
import asyncio
import json
import re
import struct
from binascii import a2b_base64

import pytest
import tariffs
from cosem_client import AARQ, NOT_SUPPORTED
from gate_rig import READ, ROLES, Client, GateRig, some_keys
from test_orders import sign
from test_push import opened
from tidy import LAYERS

from comms import obis_lines, p1, readout
from comms.cosem import Session as CosemSession
from comms.cosem_objects import Objects
from comms.home import Home
from comms.mqtt_link import Link
from comms.mqtt_session import Session
from comms.uplink import RINGS, Uplink
from meter.request import is_change
from tests.comms.certificates import Authority
from wattledger.bundle import root

FIRMWARE = sorted((root() / "firmware").rglob("*.py"))
BOARDS = sorted((root() / "boards").glob("esp32*/board.py"))
NETWORK = {
    "network",
    "socket",
    "ssl",
    "asyncio",
    "bluetooth",
    "espnow",
    "webrepl",
    "umqtt",
    "lwip",
}
OF_LOAD = ("power_mw", "v_mv", "i_ma", "freq_mhz", "rate", "tier", "period", "tariff", "alerts")
CHANGES = "tariff prices clock load_switch commit seal unseal view wifi mqtt local update".split()
CHANGES += ["format", "keys"]
NAME = "246f28010203"
AGAIN_MS = 30_000


@pytest.fixture
def rig():
    rig = GateRig(keys=some_keys())
    rig.push(tariffs.text(name="Jane Doe"))
    rig.ask("seal")
    rig.restart()
    rig.run(3 * 86400, step_s=900, imported=70)
    return rig


def asked_of(protocol):
    """-> {request: role} of the table in docs/protocol.md"""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", protocol, re.M)
    return {do: role for do, role in rows if role in ROLES}


def test_r25_the_public_learns_totals_and_nothing_of_the_load(rig):
    told = rig.public("info")["ok"]
    assert not set(OF_LOAD) & set(told)
    assert "Jane" not in json.dumps(told)
    told = rig.public("registers")["ok"]
    assert set(told["registers"]) == {f"{n}.8.0" for n in (1, 2, 5, 6, 7, 8, 9)}
    assert (told["names"], told["status"]) == ({}, None)
    for do, role in asked_of((root() / "docs/protocol.md").read_text()).items():
        if role != "public":
            assert rig.public(do)["error"]["code"] == "role", do


def test_r25_a_limiter_that_trips_is_nothing_to_the_public():
    rig = GateRig(keys=some_keys())
    rig.push(tariffs.text(limiter=tariffs.limiter(window_s=900)))
    rig.ask("seal")
    rig.restart()
    rig.run(3600, imported=100)
    quiet = rig.public("info")["ok"]
    rig.run(3600, imported=6000)
    assert Client(rig, "reader").read("info")["ok"]["alerts"]
    assert rig.public("info")["ok"].keys() == quiet.keys()
    assert rig.public("info")["ok"]["alert_count"] == quiet["alert_count"]


def test_r25_the_profile_is_told_to_a_reader_only_and_in_an_envelope(rig):
    args = {"ring": "profile", "from_seq": 1}
    assert rig.public("rows", **args)["error"]["code"] == "role"
    client = Client(rig, "reader")
    nonce = bytes.fromhex(client.hello()["nonce"])
    answer = rig.send(client.line(READ, nonce, "rows", **args))
    assert len(client.opened(answer, nonce)["ok"]["rows"]) == 8
    assert answer.startswith(b"WL1 ")
    clear = {answer[i : i + 6] for i in range(4, 100)}
    again = bytes.fromhex(client.hello()["nonce"])
    other = rig.send(client.line(READ, again, "rows", **args))
    assert sum(part in other[64:] for part in clear) < 3  # the same rows look like others


def test_r25_the_owner_chooses_what_is_public_and_how_far_back_a_reader_sees(rig):
    client, reader = Client(rig, "utility"), Client(rig, "reader")
    for version, (public, days) in enumerate(((2, 0), (0, 1), (1, 2)), 1):
        order = sign("view", f"{public} {days}", version)
        assert client.change("view", public=public, days=days, order=order)["ok"]
        told = rig.public("registers")
        assert ("ok" in told) == bool(public)
        assert ("1.8.1" in told.get("ok", {}).get("registers", ())) == (public == 2)
        first = reader.read("rows", ring="profile", from_seq=1)["ok"]["first"]
        last = rig.meter.journal.profile.last_seq
        assert first == (last - 96 * days if days else 1)
    assert rig.events()[-1][2] == 1 << 16 | 2


def test_r25_a_meter_keeps_no_name_of_a_person(rig):
    """Nor sends one: the names of tariff and rates go to readers, that of the group to nobody."""
    keys = some_keys()
    assert keys.group == "village"
    for do in ("info", "registers", "hello"):
        rig.public(do)
        assert "ok" in Client(rig, "maker").read(do) or do == "hello"
    assert b"village" not in rig.said


def test_r23_a_role_that_reads_changes_nothing(rig):
    """P1, readout and DLMS are of these roles, below."""
    held = dict(rig.held)
    for do in CHANGES:
        assert rig.public(do)["error"]["code"] == "role"
        for role in ("reader", "utility", "maker"):
            assert Client(rig, role).read(do) == "refused"  # as a read nobody changes anything
        assert Client(rig, "reader").change(do) == "refused"
    assert Client(rig, "reader").read("put", name="0" * 64, at=0, size=1, data="AA==") == "refused"
    assert Client(rig, "reader").read("stage", path="x", at=0, data="AA==") == "refused"
    assert rig.held == held
    assert rig.gate.seal.name == "sealed"


def test_r23_every_request_has_its_role_in_the_protocol(rig):
    """A new one cannot be forgotten: each of the table asks for the role that is written down."""
    known = asked_of((root() / "docs/protocol.md").read_text())
    assert set(known) >= {
        *CHANGES,
        "rows",
        "live",
        "get",
        "put",
        "stage",
        "calibration",
        "measure",
    }
    for do, role in known.items():
        if role == "public":
            continue
        below = ROLES[ROLES.index(role) - 1]
        answer = json.loads(rig.service.handle(below, json.dumps({"id": 1, "do": do}).encode()))
        assert answer["error"]["code"] == "role", (do, below)
    names = re.findall(
        r'^    "(\w+)": \d', (root() / "firmware/meter/request.py").read_text(), re.M
    )
    assert set(names) == set(known)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "__import__":
            yield getattr(node.args[0], "value", "")


def test_r21_only_comms_leads_into_a_network_and_no_socket_listens_but_for_reading():
    assert len(FIRMWARE) > 60
    for path in (*FIRMWARE, *BOARDS):
        found = {name.split(".")[0] for name in imported(path)}
        assert path.parent.name == "comms" or not found & NETWORK, path
        if path.parent.name == "comms" and path.name != "cosem_server.py":
            assert not re.search("start_server|[.]listen[(]", path.read_text()), path
    core = next(allowed for pattern, allowed in LAYERS if pattern == "firmware/meter/**")
    assert not set(core) & NETWORK  # and the core never can


def test_r21_the_utility_is_never_talked_to_in_plain_text(rig):
    client = Client(rig, "utility")
    args = {"profile": "mqtt", "host": "mqtt.example", "port": 1883}
    held = {name: data for name, data in rig.held.items() if name != "counters"}
    for tls in ("none", "", None, "starttls"):
        answer = client.change("mqtt", tls=tls, **args)
        assert answer["error"]["code"] == "arguments", tls
    assert client.change("mqtt", **args)["error"]["code"] == "arguments"  # nor by leaving it out
    assert {name: data for name, data in rig.held.items() if name != "counters"} == held
    assert client.change("mqtt", tls="ca", **args)["ok"]["set"]


class Ports:
    def now_ms(self):
        return int(asyncio.get_running_loop().time() * 1000)

    def random(self, size):
        return bytes(size)

    async def sleep_ms(self, ms):
        await asyncio.sleep(0)


def met(server_tls, profile_tls):
    """-> (bytes of MQTT that a broker on loopback got from a meter, its link's problem)"""
    got = []

    async def attend(reader, writer):
        got.append(await reader.read(64))
        writer.close()

    async def scene():
        server = await asyncio.start_server(attend, "127.0.0.1", 0, ssl=server_tls)
        port = server.sockets[0].getsockname()[1]
        fields = {"host": "127.0.0.1", "port": port, "tls": profile_tls, "back_off_s": (1, 1)}
        link = Link(fields, Session(NAME, {"user": "a-user", "password": "a-secret"}), Ports())
        task = asyncio.create_task(link.run())
        for _ in range(500):
            await asyncio.sleep(0.01)
            if got or link.problem != "not connected yet":
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        return link.problem

    problem = asyncio.run(scene())
    return b"".join(got), problem


def test_r21_a_broker_of_another_name_or_of_another_authority_gets_no_byte_of_mqtt(tmp_path):
    import ssl

    ours, other = Authority(tmp_path / "ours", "CA"), Authority(tmp_path / "other", "CA")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue("broker", hosts=("broker.example", "127.0.0.1")))
    good = {"ca": ours.der, "name": "broker.example"}
    assert b"MQTT" in met(context, good)[0]
    for bad in (
        {**good, "name": "another.example"},
        {**good, "ca": other.der},
        {"name": "broker.example"},
    ):
        data, problem = met(context, bad)
        assert b"MQTT" not in data, bad
        assert "CERTIFICATE_VERIFY_FAILED" in problem or "plain text is refused" in problem
    data, _ = met(None, good)  # a port without TLS: a handshake is all that it sees
    assert data[:2] == b"\x16\x03"
    assert not re.search(b"MQTT|a-user|a-secret|" + NAME.encode(), data)


def published(data):
    """-> [(topic, payload, packet id, 0 at QoS 0)] of the PUBLISH packets that a client sent"""
    found, at = [], 0
    while at < len(data):
        kind, size, shift, at = data[at], 0, 0, at + 1
        while True:
            size, shift, at = size | (data[at] & 0x7F) << shift, shift + 7, at + 1
            if data[at - 1] < 0x80:
                break
        body, at = data[at : at + size], at + size
        if kind >> 4 == 3:
            end = 2 + int.from_bytes(body[:2], "big")
            pid = int.from_bytes(body[end : end + 2], "big") if kind & 6 else 0
            found.append((body[2:end].decode(), body[end + 2 if pid else end :], pid))
    return found


def acknowledging(uplink):
    """-> (Session of MQTT on the uplink, function: send all there is at a time of it; the broker
    acknowledges each message at once. -> payloads by topic)"""
    session = Session(NAME, {"topics": uplink.topics(), "window": 4}, uplink.message, uplink.ready)
    session.connected(0)
    session.outgoing(0)
    session.received(b"\x20\x02\x00\x00", 0)

    def all_at(now_ms):
        found, idle = {}, 0
        while idle < 2 * len(RINGS):
            idle = 0 if uplink.step(session.publish, now_ms) else idle + 1
            for topic, payload, pid in published(session.outgoing(now_ms)):
                found.setdefault(topic, []).append(payload)
                if pid:
                    session.received(struct.pack(">BBH", 0x40, 2, pid), now_ms)
        return found

    return session, all_at


def profile_seqs(client, found):
    rows = []
    for line in found.get(f"wl/{NAME}/up/iv", ()):
        rows += opened(client, line)[1]["ok"]["rows"]
    return [int.from_bytes(a2b_base64(row)[:4], "little") for row in rows]


def test_r22_puback_of_a_broker_frees_nothing_and_stops_no_repetition(rig):
    """All is acknowledged at once; yet it comes again and again, until the receipt is there."""
    rings = [(ring.first_seq, ring.last_seq) for ring in rig.meter.journal.rings[2:]]
    uplink = Uplink(rig.gate, rig.service.handle, rig.gate.handle, NAME, {"ahead": 10**6})
    session, all_at = acknowledging(uplink)
    client, last = Client(rig, "utility"), rig.meter.journal.profile.last_seq
    assert last > 200
    all_at(0)
    for now_ms in (10_000, 10_000 + AGAIN_MS, 10_000 + 2 * AGAIN_MS):
        assert profile_seqs(client, all_at(now_ms)) == list(range(1, last + 1))
        assert session.room() == 4  # nothing is in flight: every one was acknowledged
        assert uplink.upto == [0] * len(RINGS)
    assert [(ring.first_seq, ring.last_seq) for ring in rig.meter.journal.rings[2:]] == rings


def test_r22_no_request_lets_go_of_a_record(rig):
    """A ring lets go of its oldest sector when it is full, and never by what somebody says."""
    rings = [(ring.first_seq, ring.last_seq) for ring in rig.meter.journal.rings[2:]]
    held = bytearray(4096)
    reader = Client(rig, "maker")
    for ring in ("profile", "ledger", "snapshots", "security"):
        for seq in (1, 50, 10**6):
            assert reader.read("rows", ring=ring, from_seq=seq, n=64)["ok"]
    for do in ("ack", "dn/ack", "free", "clear", "erase", "forget", "trim"):
        assert reader.read(do, upto_seq=10**6) == "refused"
        assert rig.public(do, upto_seq=10**6)["error"]["code"] == "unknown"
    assert [(ring.first_seq, ring.last_seq) for ring in rig.meter.journal.rings[2:]] == rings
    rig.ports.flash.read(0, held)
    assert held[:4] == b"WLR1"


class Asked:
    """Hands on what a road asks, and keeps what it was."""

    def __init__(self, rig):
        self._rig, self.lines = rig, []

    def handle(self, role, line):
        self.lines.append((role, json.loads(line)))
        return self._rig.service.handle(role, line)

    def need_only_reads(self, roles):
        assert self.lines
        for role, request in self.lines:
            assert role in roles
            assert not is_change(request["do"], request["args"]), request


@pytest.mark.parametrize("role", ["public", "reader"])
def test_r23_p1_readout_and_cosem_only_read(rig, role):
    asked, held = Asked(rig), dict(rig.held)
    before = (rig.meter.journal.seq, list(rig.meter.live.registers), rig.events())
    facts = obis_lines.Facts(asked.handle, role, lambda: None)
    telegrams = p1.P1(facts)
    for _ in range(130):
        assert telegrams.telegram()
    machine = readout.Readout(NAME, lambda: readout.data_lines(facts))
    for line in (b"/?!\r\n", b"\x06051\r\n", b"\x01W1\x02F001()\x03q", b"/?!\r\n\x06050\r\n"):
        for now_ms in range(1_000_000, 1_004_000, 100):
            machine.received(line if now_ms == 1_000_000 else b"", now_ms)
    session = CosemSession(Objects(asked.handle, role))
    for apdu in (AARQ + "ffff", "c101c100080000010000ff02000900", "c301c100080000010000ff0100"):
        data = bytes.fromhex(apdu)
        answer = session.received(struct.pack(">4H", 1, 16, 1, len(data)) + data)
    assert answer[8:].hex() == NOT_SUPPORTED  # of the ACTION, as of the SET before it
    get = bytes.fromhex("c001c100080000010000ff0200")
    assert session.received(struct.pack(">4H", 1, 16, 1, len(get)) + get)[8:10] == b"\xc4\x01"
    asked.need_only_reads({role})
    assert rig.held == held
    assert (rig.meter.journal.seq, list(rig.meter.live.registers), rig.events()) == before


def test_r25_what_stands_at_a_local_port_learns_what_the_public_is_told(rig):
    """Of a sealed meter: no power, voltage, rate, tariff; and no row of the profile, ever."""
    asked = Asked(rig)
    facts = obis_lines.Facts(asked.handle, "public", lambda: None)
    told = p1.P1(facts).telegram().decode() + "\n".join(readout.data_lines(facts))
    for code in ("1.7.0", "32.7.0", "31.7.0", "1.8.1", "96.14.0", "96.13.0", "128.7.0", "1.4.0"):
        assert f":{code}(" not in told, code
    assert "1-0:1.8.0(" in told
    assert "rows" not in {request["do"] for _, request in asked.lines}


def test_r25_the_utilitys_broker_sees_envelopes_and_the_customers_no_profile(rig):
    uplink = Uplink(rig.gate, rig.service.handle, rig.gate.handle, NAME, {"ahead": 10**6})
    _, all_at = acknowledging(uplink)
    found = all_at(0)
    for topic, payloads in all_at(10_000).items():
        found.setdefault(topic, []).extend(payloads)
    assert found.pop(f"wl/{NAME}/up/status") == [b"online"]
    assert {topic.rsplit("/", 1)[1] for topic in found} == {"reg", "live", "iv", "ev"}
    assert all(line.startswith(b"WL1 ") for lines in found.values() for line in lines)
    asked, sent = Asked(rig), []
    home = Home(asked.handle, NAME, {})
    home.ready()
    for now_ms in range(0, 200_000, 500):
        home.step(lambda *message: sent.append(message) or True, now_ms)
    assert len(sent) > 20
    asked.need_only_reads({"reader"})
    for _, request in asked.lines:
        # One empty request for rows tells which journal it is.
        assert request["do"] != "rows" or request["args"]["n"] == 0


def test_r24_a_broker_that_is_down_for_a_day_costs_no_interval(rig):
    uplink = Uplink(rig.gate, rig.service.handle, rig.gate.handle, NAME, {"ahead": 10**6})
    first = rig.meter.journal.profile.last_seq
    for minute in range(0, 24 * 60, 15):
        rig.run(900, step_s=900, imported=10)
        if minute % 120 == 0:
            uplink.ready()  # a connection that is gone before it took anything
        uplink.step(lambda *_: False, 60_000 * minute)
    _, all_at = acknowledging(uplink)
    client, last = Client(rig, "utility"), rig.meter.journal.profile.last_seq
    assert last == first + 96
    all_at(0)
    assert profile_seqs(client, all_at(10_000)) == list(range(1, last + 1))


def test_r24_the_tick_waits_for_nobody():
    """It is called by a timer; the console waits in main.py; nothing that ticks reads a port."""
    for path in FIRMWARE:
        if "comms" in path.parts:
            continue
        names = set(imported(path))
        assert not names & {"select", "uselect", "asyncio"}, path
    text = (root() / "firmware/app.py").read_text()
    assert "ports.timer(TICK_MS, tick)" in text
    assert "sleep" not in text
