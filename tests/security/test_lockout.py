"""R4, R6, R24: who has no key can neither try many nor stop the meter, and what is no request
alters nothing."""

import json
import random
import tracemalloc

import pytest
import tariffs
from gate_rig import CHANGE, READ, REFUSED, Client, GateRig, some_keys

from boards.virtual.nor import PowerCut
from meter import codes
from meter.sample import EXPORT, IMPORT

HOUR_S, DAY_S = 3600, 86400


@pytest.fixture
def rig():
    rig = GateRig(keys=some_keys())
    rig.push(tariffs.text())
    rig.ask("seal")
    rig.restart()
    rig.run(600)
    return rig


def fail(rig, road="console"):
    """One authentication that fails."""
    thief = Client(rig, "utility", some_keys(meter=1), road=road)
    nonce = bytes.fromhex(thief.hello()["nonce"])
    assert rig.send(thief.line(READ, nonce, "live"), road) == REFUSED


def locked_s(rig, road="console"):
    return rig.public("hello", road)["ok"]["locked_s"]


def test_r04_after_three_it_is_locked_twice_as_long_each_time_up_to_an_hour(rig):
    found = []
    for _ in range(18):
        fail(rig)
        found.append(locked_s(rig))
        rig.ports.clock.utc += found[-1]
        assert locked_s(rig) == 0
    assert found == [0, 0] + [2**n for n in range(12)] + [HOUR_S] * 4


def test_r04_the_lock_outlives_resets_and_power_cuts(rig):
    for _ in range(12):
        rig.ports.clock.utc += locked_s(rig)
        fail(rig)
    for again in (rig.restart, rig.cut, lambda: rig.cut(30)) * 3:
        assert locked_s(rig) == 512
        rig.ports.clock.utc += 500
        assert Client(rig, "utility").read("live") == "refused"  # the right key does not help
        again()
    rig.ports.clock.utc += 512
    assert "ok" in Client(rig, "utility").read("live")
    assert locked_s(rig) == 0


@pytest.mark.parametrize("kept", [False, True])
def test_r04_a_cut_while_a_failure_is_counted_gives_one_more_try_at_most(rig, kept):
    for _ in range(4):
        fail(rig)
        rig.ports.clock.utc += locked_s(rig)
    rig.vault.cut_after(0, kept)
    with pytest.raises(PowerCut):
        fail(rig)
    rig.cut(0)
    assert locked_s(rig) == (4 if kept else 2)


def test_r04_metering_goes_on_while_it_is_locked(rig):
    for _ in range(8):
        rig.ports.clock.utc += locked_s(rig)
        fail(rig)
    rig.run(60)
    before = rig.live.registers[IMPORT]
    for _ in range(30):
        rig.run(60, step_s=1, imported=3)
        rig.send(Client(rig, "utility").line(CHANGE, bytes(16), "commit"))
    assert rig.live.registers[IMPORT] - before == 30 * 60 * 50
    entries = [event for event in rig.events() if event[0] == codes.EVENT_LOCKED & 0xFF]
    assert entries[0][1] == 2  # the role that was claimed


def junk(draw):
    """-> a line that a stranger may send; or a stream of them, or what is none."""
    kind = draw.randrange(6)
    if kind == 0:
        return draw.randbytes(draw.choice((0, 1, 5, 80, 1600, 5000)))
    if kind == 1:
        return b"WL1 " + draw.randbytes(draw.randrange(200))
    if kind == 2:
        return b'{"id":1,"do":' * draw.randrange(1, 80)
    args = {"x": draw.choice(VALUES), "ring": draw.choice(VALUES), "n": draw.choice(VALUES)}
    names = ("info", "registers", "live", "rows", "bill", "clock", "keys", "seal", "put", "zzz")
    request = {"id": draw.choice(VALUES), "do": draw.choice((*names, *VALUES)), "args": args}
    line = json.dumps(request, ensure_ascii=draw.random() < 0.5).encode()
    if kind == 3:  # a name twice
        line = line.replace(b'{"id"', b'{"id":1,"id"')
    if kind == 4 and line:
        line = line[: draw.randrange(len(line))]
    return line


VALUES = (0, -1, 10**30, -(10**30), 1.5, 1e308, float("nan"), float("inf"), None, True, "", "é",
          "x" * 900, [], {}, [[[[[[1]]]]]], {"a": {"b": {"c": {}}}}, "\0", "\\", '"')  # fmt: skip


def test_r06_junk_is_refused_and_alters_nothing(rig):
    """As strangers send it; ten thousand lines in the VM: tests/vm/test_gate_flood.py."""
    draw, held, registers = random.Random(6), dict(rig.held), list(rig.live.registers)
    answers = set()
    for road in ("console", "mqtt"):
        for _ in range(1500):
            answer = rig.gate.handle(junk(draw), road)
            assert len(answer) <= 1024
            told = json.loads(answer)
            assert "error" in told or told["ok"].get("serial") or "registers" in told["ok"]
            answers.add(told.get("error", {}).get("code"))
    assert answers >= {"json", "size", "role", "refused", "unknown"}
    assert rig.held == held
    assert list(rig.live.registers) == registers
    assert (rig.meter.locked, rig.gate.leave, rig.gate.seal.name) == (False, False, "sealed")
    assert rig.meter.state == "ready"


@pytest.mark.parametrize("role", ["reader", "utility", "maker"])
def test_r06_junk_inside_of_a_good_envelope_neither(rig, role):
    """Who has a key cannot break the meter by it: each answer is one, and says what is wrong."""
    draw, registers = random.Random(role), list(rig.live.registers)
    client = Client(rig, role)
    for name in ("rows", "bill", "live", "get", "put", "stage", "calibration", "measure"):
        for _ in range(12):
            args = {word: draw.choice(VALUES) for word in ARGS if draw.random() < 0.6}
            nonce = bytes.fromhex(client.hello()["nonce"])
            text = json.dumps({"id": 1, "do": name, "args": args}).encode()
            said = client.opened(rig.send(client.line(READ, nonce, name, raw=text)), nonce)
            assert said == "refused" or "error" in said or name in ("rows", "live", "bill")
    for name in ("tariff", "prices", "clock", "load_switch", "view", "keys", "update", "format"):
        for _ in range(12):
            args = {word: draw.choice(VALUES) for word in ARGS if draw.random() < 0.6}
            nonce = client.change_nonce()
            text = json.dumps({"id": 1, "do": name, "args": args}).encode()
            said = client.opened(rig.send(client.line(CHANGE, nonce, name, raw=text)), nonce)
            assert said == "refused" or "error" in said, (name, args)
    assert list(rig.live.registers) == registers
    assert (rig.meter.locked, rig.gate.seal.name) == (False, "sealed")
    assert set(rig.held) <= {"keys", "seal", "counters"}


ARGS = ("ring from_seq n period line name from at size data digest when path copy remove utc on"
        " public days manifest order ticks salt foreign reference").split()  # fmt: skip


def test_r06_junk_takes_no_memory(rig):
    draw = random.Random(7)
    lines = [junk(draw) for _ in range(300)]

    def flood():
        for line in lines:
            rig.gate.handle(line)

    flood()
    tracemalloc.start()
    flood()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3):
        flood()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000  # 900 lines; what is left of them would be ten times as much


def test_r24_a_day_of_hostile_traffic_loses_no_interval(rig):
    """There is no network in this version: what a broker could send goes through the gate. The
    tick is a timer's, not the console's; on the board: test_metering_goes_on_under_a_flood."""
    draw = random.Random(24)
    rig.run((-rig.ports.clock.utc) % 900)
    first, before = rig.meter.journal.profile.last_seq, rig.live.registers[IMPORT]
    for _ in range(DAY_S // 60):
        rig.run(60, step_s=20, imported=7)
        for _ in range(2):
            rig.gate.handle(junk(draw), "mqtt")
        fail(rig, "mqtt")
    live = rig.live
    assert live.registers[IMPORT] - before == DAY_S // 20 * 7 * 50 // 3
    assert sum(live.rates) == live.registers[IMPORT] + live.registers[EXPORT]
    assert rig.meter.journal.profile.last_seq - first == 96
    rows, ring = set(), rig.meter.journal.profile
    for seq in range(first + 1, ring.last_seq + 1):
        assert ring.read(seq, ring.slot)
        rows.add(int.from_bytes(ring.slot[4:8], "little"))
    assert sorted(rows) == list(range(min(rows), min(rows) + DAY_S, 900))
    assert "ok" in Client(rig, "utility").read("live")  # on the other road all is well
    locked = [event for event in rig.events() if event[0] == codes.EVENT_LOCKED & 0xFF]
    assert len(locked) <= 25  # an entry an hour
