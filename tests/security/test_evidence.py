"""R12, R13, R14: who alters what a keyed meter has kept is found, with the first record that shows
it; and whatever happens to the flash, no register falls."""

import copy
import random

import pytest
import tariffs
from gate_rig import Client, GateRig, some_keys
from test_audit import image_of
from test_chain_check import Link, altered, forge, seq_of
from test_keyed_chain import commissioned
from test_update import UpdateRig

from boards.virtual.nor import PowerCut
from meter.sample import EXPORT, IMPORT
from wattledger.errors import ToolError
from wattledger.verification import evidence, heads
from wattledger.verification.chain_check import check
from wattledger.verification.heads import CHAINED
from wattledger.verification.replay import Difference
from wattledger.verification.verify import verify

KEYS = {n: some_keys(n).evidence for n in (1, 2)}
THIEF = some_keys(meter=1).evidence


@pytest.fixture(scope="module")
def whole():
    """A meter with keys, a tariff and closed parts, and two generations of keys."""
    rig = commissioned()
    rig.push(tariffs.text(name="later"))
    rig.run(86400, step_s=900, imported=300)
    rig.push(tariffs.text(name="last"))
    rig.run(3600, step_s=900, imported=300)
    found = evidence.collect(Link(rig))
    found.keys, found.given = KEYS, 2
    return found


@pytest.fixture
def found(whole):
    return copy.deepcopy(whole)


def checked(found, seen=()):
    return check(found, KEYS, seen, given=2)


def refused(found, seen=()):
    with pytest.raises(ToolError) as caught:
        checked(found, seen)
    return str(caught.value)


def test_r12_what_a_meter_says_of_itself_holds(found):
    assert len(found.bills) == 3
    assert verify(found)


def test_r12_one_digit_of_any_line_of_any_bill_is_named(found):
    count = 0
    for bill in found.bills.values():
        for number, line in enumerate(bill.lines, 1):
            for name in ("quantity", "price", "amount", "rounded"):
                good = line[name]
                line[name] = [good[0] + 1, good[1]] if isinstance(good, list) else good + 1
                with pytest.raises(
                    Difference, match=f"^bill of period {bill.period}: line {number} "
                ):
                    verify(found)
                line[name], count = good, count + 1
    assert count >= 20


@pytest.mark.parametrize("at", [20, 24, 60, 100, 202, 300, 362, 378, 394, 446])
def test_r12_a_ledger_record_that_was_altered_is_named(found, at):
    """Period, tariff, registers, demand, money, heads, software: all that a bill rests on."""
    entries = found.rings["ledger"]
    for place, good in enumerate(entries):
        entries[place] = altered(good, at)
        assert f"ledger: record {seq_of(good)} was altered" in refused(found)
        entries[place] = good


def test_r12_nobody_makes_a_bill_without_the_key(found):
    """Everything written anew from the first altered record on, with another key and with none."""
    for key in (THIEF, bytes(32)):
        entries = found.rings["ledger"] = copy.deepcopy(found.rings["ledger"])
        entries[1] = altered(entries[1], 60)
        forge(entries, key, 1, "ledger")
        assert refused(found).startswith("ledger: record ")


@pytest.mark.parametrize("ring", [*CHAINED, "profile"])
def test_r13_a_record_that_is_gone_is_named(found, ring):
    """By all that `wattledger verify` does; the newest by a head that somebody has seen."""
    found.seen = heads.of_rings(found.rings, 0)
    entries = found.rings[ring]
    for place in range(0, len(entries), max(1, len(entries) // 60)):
        gone = entries.pop(place)
        with pytest.raises(ToolError) as caught:
            verify(found)
        assert str(caught.value).split(":")[0] in (ring, "ledger"), caught.value
        entries.insert(place, gone)
    assert verify(found)


@pytest.mark.parametrize("ring", [*CHAINED, "profile"])
def test_r13_two_records_that_change_places_are_named(found, ring):
    entries = found.rings[ring]
    for place in range(0, len(entries) - 1, max(1, len(entries) // 30)):
        entries[place : place + 2] = entries[place : place + 2][::-1]
        assert refused(found).startswith(f"{ring}: ")
        entries[place : place + 2] = entries[place : place + 2][::-1]
    checked(found)


@pytest.mark.parametrize("ring", ["ledger", "snapshots", "power", "security"])
def test_r13_a_ring_that_was_cut_short_is_named(found, ring):
    """What was read once stays: what may be lost is what nobody has read yet."""
    seen = heads.of_rings(found.rings, 0)
    for count in range(1, len(found.rings[ring])):
        short = copy.copy(found)
        short.rings = {**found.rings, ring: found.rings[ring][:-count]}
        assert refused(short, seen)


def test_r13_an_older_image_that_is_put_back_is_seen():
    """By the heads of any later reading, though all of it is the meter's own."""
    rig = commissioned()
    image = image_of(rig)
    rig.run(2 * 86400, step_s=900, imported=100)
    seen = heads.of_rings(evidence.collect(Link(rig)).rings, 0)
    flash = rig.ports.flash
    for sector in range(flash.sectors):
        flash.erase(sector)
    flash.program(0, image)
    rig.cut(10)
    old = evidence.collect(Link(rig))
    checked(old)
    assert "is gone" in refused(old, seen)


def test_r13_a_meter_that_says_it_never_had_keys_is_not_believed(found):
    for ring in CHAINED:
        forge(found.rings[ring], bytes(32), 0, ring)
    assert refused(found)


@pytest.mark.parametrize("seed", range(5))
def test_r14_no_register_falls(seed):
    """Resets, power cuts at any byte of a write, a newest copy that is damaged. (Each byte of each
    write, in chains, on flash that dies: make sim.)"""
    draw, rig = random.Random(seed), GateRig(keys=some_keys(), sealed=True)
    for _ in range(30):
        rig.run(draw.randrange(60, 4000), step_s=20, imported=draw.randrange(90))
        Client(rig, "utility").change("commit")
        known = list(rig.live.registers), list(rig.live.rates)
        act = draw.randrange(4)
        if act == 0:
            rig.restart()
        elif act == 1:
            rig.cut(draw.randrange(90))
        elif act == 2:
            rig.ports.flash.cut_after = draw.randrange(600)
            with pytest.raises(PowerCut):
                rig.run(4000, step_s=20, imported=9)
            rig.ports.flash.power_on()
            rig.cut(5)
        else:
            spoil_newest(rig)
            known = None
        if known:
            assert all(new >= old for new, old in zip(rig.live.registers, known[0], strict=True))
            assert all(new >= old for new, old in zip(rig.live.rates, known[1], strict=True))
        assert sum(rig.live.rates) == rig.live.registers[IMPORT] + rig.live.registers[EXPORT]


def spoil_newest(rig):
    """Damage the newest commit behind the meter's back: the one before it stands."""
    before = list(rig.live.registers)
    rig.run(60, step_s=60, imported=1)
    Client(rig, "utility").change("commit")
    flash, found = rig.ports.flash, None
    buf = bytearray(256)
    for at in range(0, 16 * flash.sector_size, 256):
        flash.read(at, buf)
        seq = int.from_bytes(buf[4:8], "little")
        if buf[0] == 0x45 and (found is None or seq > found[0]):
            found = seq, at
    flash.program(found[1] + 16, bytes(8))
    rig.cut(0)
    assert list(rig.live.registers) >= before


def test_r14_an_update_keeps_the_registers():
    rig = UpdateRig()
    rig.run(600, imported=500)
    known = list(rig.live.registers)
    rig.install()
    rig.told = rig.slots.told
    rig.restart()
    assert list(rig.live.registers) == known
    rig.told = "b"
    rig.cut()
    assert list(rig.live.registers) == known
