"""R23, R25, and what R21, R22 and R24 rest on as long as there is no network in the firmware."""

import ast
import json
import re

import pytest
import tariffs
from gate_rig import READ, ROLES, Client, GateRig, some_keys
from test_orders import sign
from tidy import LAYERS

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
CHANGES = ("tariff prices clock load_switch commit seal unseal view update format keys").split()


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
    """There is no P1 and no DLMS yet; whatever reads does it by the same table of requests."""
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
        r'^    "(\w+)": \d', (root() / "firmware/meter/service.py").read_text(), re.M
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


def test_r21_no_road_of_the_firmware_leads_into_a_network():
    """So there is no TLS that could be got around, and no fallback to plain text. With MQTT this
    test gives way to one that checks certificates and names."""
    assert len(FIRMWARE) > 60
    for path in (*FIRMWARE, *BOARDS):
        found = {name.split(".")[0] for name in imported(path)}
        assert not found & NETWORK, path
    core = next(allowed for pattern, allowed in LAYERS if pattern == "firmware/meter/**")
    assert not set(core) & NETWORK  # and the core never can


def test_r22_nothing_is_freed_because_somebody_says_that_he_has_it(rig):
    """No request lets go of a record: a ring lets go of its oldest sector when it is full."""
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
