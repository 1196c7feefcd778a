"""Verify accepts what a real core wrote, and names the record where one digit is altered."""

import copy
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
import tariffs
from rig import Rig, unix

from meter import codes
from wattledger import profile, reading, simulate
from wattledger.load_file import profile_spans
from wattledger.reading import Cache, Entry
from wattledger.tariffs.tariff_file import compile_file
from wattledger.verification import evidence
from wattledger.verification.replay import Difference
from wattledger.verification.verify import verify

DEMO = Path(__file__).parents[2] / "docs" / "tariffs" / "three-prices-two-seasons.toml"
DAY_S = 86400


class CoreLink:
    """The service of a rig, as wattledger.link shows a meter; counts its requests."""

    def __init__(self, rig):
        self.rig = rig
        self.asked = []

    def request(self, do, **args):
        self.asked.append((do, args))
        return self.rig.ask(do, **args)

    def names(self, folder):
        return [f"{digest}.json" for digest in self.rig.ports.files.held]

    def read(self, path):
        return self.rig.ports.files.held[Path(path).stem]


def house(rig, days, watts=1200):
    """Whole watts for days: a count is a watt-minute."""
    for hour in range(24 * days):
        rig.run(3600, imported=watts // 2 + 100 * (hour % 24), exported=300 * (hour % 24 == 12))


@pytest.fixture(scope="module")
def meter():
    """Two weeks with a tier crossing, a cut, a restart, and a closed period."""
    rig = Rig(unix(2026, 9, 24, 22))
    house(rig, 1)
    rig.push(compile_file(DEMO).text)
    house(rig, 4)
    rig.run(400, step_s=1, imported=20)
    rig.cut(off_s=1000)
    house(rig, 4)
    rig.run(300, step_s=1, imported=20)
    rig.restart()
    rig.run(100, step_s=1, imported=20)  # and the quarters are whole again
    house(rig, 3)
    return rig


@pytest.fixture(scope="module")
def collected(meter):
    return evidence.collect(CoreLink(meter))


@pytest.fixture
def found(collected):
    return copy.deepcopy(collected)


def reread(found, ring, seq, **changes):
    """Put a changed record into the evidence, with its check made good."""
    for place, entry in enumerate(found.rings[ring]):
        record = entry.record()
        if record.seq == seq:
            for name, value in changes.items():
                setattr(record, name, value)
            buf = bytearray(entry.raw)
            record.pack_into(buf)
            found.rings[ring][place] = Entry.of(ring, bytes(buf))
            return
    raise AssertionError(f"{ring} has no record {seq}")


def record(found, ring, seq):
    return next(r for r in found.records(ring) if r.seq == seq)


def wired(line):
    """A bill line as it comes over the wire."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in line.items()}


def refused(found):
    with pytest.raises(Difference) as caught:
        verify(found)
    return str(caught.value)


def test_what_the_core_wrote_holds(found):
    said = verify(found)
    assert len(said) == 8
    assert any("2 tier crossings, each on its bound" in line for line in said)
    reasons = {r.reason for r in found.records("ledger") + found.records("snapshots")}
    assert reasons == {codes.START, codes.PERIOD, codes.DAY, codes.TIER}
    marks = {row.status for row in found.records("profile")}
    assert any(mark & codes.POWER_FAIL for mark in marks)
    assert any(mark & codes.RESTART for mark in marks)
    assert any(mark & codes.CROSSING for mark in marks)


def test_one_flipped_bit_in_any_record_is_named(found):
    for ring, entries in found.rings.items():
        for place in range(0, len(entries), max(1, len(entries) // 40)):
            good = entries[place]
            raw = bytearray(good.raw)
            raw[place % len(raw)] ^= 1 << place % 8
            entries[place] = replace(good, raw=bytes(raw))
            assert f"{ring}: record {place + 1}" in refused(found)
            entries[place] = good


@pytest.mark.parametrize("ring", ["profile", "ledger", "snapshots", "power"])
def test_a_missing_record_is_named(found, ring):
    entries = found.rings[ring]
    if len(entries) < 3:
        entries.append(Entry.of(ring, entries[-1].raw))
        assert f"{ring}: record" in refused(found)
    else:
        gone = entries.pop(1).record().seq
        assert f"{ring}: record {gone + 1} follows {gone - 1}" in refused(found)


def test_a_rate_register_that_the_total_does_not_have(found):
    ledger = record(found, "ledger", 1)
    rates = [ledger.rates[0] + 1, *ledger.rates[1:]]
    reread(found, "ledger", 1, rates=rates)
    assert "ledger: record 1: import rates add up to" in refused(found)


def test_energy_moved_from_one_rate_to_another(found):
    snapshot = record(found, "snapshots", 4)
    rates = list(snapshot.rates)
    rates[0], rates[2] = rates[0] + 7, rates[2] - 7
    reread(found, "snapshots", 4, rates=rates)
    assert "snapshots: record 4: rate register" in refused(found)


def test_a_register_that_falls(found):
    before = record(found, "snapshots", 3)
    reread(found, "snapshots", 4, registers=before.registers, rates=[*before.rates[:-1], 0])
    assert "snapshots: record 4" in refused(found)


def test_a_profile_row_that_falls(found):
    row = record(found, "profile", 300)
    reread(found, "profile", 301, import_mwh=row.import_mwh - 1)
    assert "profile: row 301: import_mwh is less" in refused(found)


def test_a_profile_row_that_the_registers_deny(found):
    seq = record(found, "snapshots", 5).profile_seq
    row = record(found, "profile", seq)
    reread(found, "profile", seq, import_mwh=row.import_mwh + 1)
    assert f"profile: row {seq}: import_mwh" in refused(found)


def test_energy_moved_over_a_switch(found):
    """08:00 local is a switch: a mWh that goes to the row before it goes to another rate."""
    monday = unix(2026, 9, 28, 6)
    row = next(row for row in found.records("profile") if row.utc == monday)
    reread(found, "profile", row.seq, import_mwh=row.import_mwh + 1)
    assert "rate register" in refused(found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rate": 9}, "rate register 9, the calendar has another one"),
        ({"duration_s": 899}, "a duration of 899 s"),
        ({"utc": unix(2026, 9, 28, 10, 16)}, "s since the row before"),
    ],
)
def test_a_row_that_is_not_what_it_says(found, changes, expected):
    row = next(r for r in found.records("profile") if r.utc == unix(2026, 9, 28, 10, 15))
    reread(found, "profile", row.seq, **changes)
    text = refused(found)
    assert f"profile: row {row.seq}" in text
    assert expected in text


@pytest.mark.parametrize("key", ["name", "tier", "quantity", "price", "amount", "rounded"])
def test_one_digit_of_a_bill_line_is_named(found, key):
    for bill in found.bills.values():
        for number, line in enumerate(bill.lines, 1):
            good = line[key]
            line[key] = {"name": "x"}.get(key) or (
                [good[0] + 1, good[1]] if isinstance(good, list) else good + 1
            )
            text = refused(found)
            assert text.startswith(f"bill of period {bill.period}: line {number} (")
            assert key in text
            line[key] = good


def test_a_total_is_compared(found):
    found.bills[1] = replace(found.bills[1], total=found.bills[1].total - 1)
    assert "bill of period 1: total" in refused(found)


def test_simulate_over_the_profile_gives_the_bill_of_the_meter(found, tmp_path):
    compiled = compile_file(DEMO)
    started = record(found, "ledger", 1)
    rows = [row for row in found.records("profile") if row.seq >= started.profile_seq]
    path = tmp_path / "profile.csv"
    with path.open("w") as file:
        profile.write_csv(file, profile.intervals(rows))
    bills = simulate.bills(compiled.tariff(), profile_spans(profile.read_csv(path)))
    assert len(bills) == 2
    for made, read in zip(bills, found.bills.values(), strict=True):
        assert [wired(line) for line in made.lines] == read.lines
        assert made.total == read.total


def test_only_what_is_new_is_read(meter, tmp_path):
    cache, link = Cache(tmp_path), CoreLink(meter)
    first = reading.read_ring(link, "profile", cache)
    link.asked.clear()
    assert reading.read_ring(link, "profile", cache) == first
    assert len(link.asked) == 2  # that the newest kept one is still there; that none is new


def test_a_damaged_or_foreign_cache_is_read_again(meter, tmp_path):
    cache, link = Cache(tmp_path), CoreLink(meter)
    first = reading.read_ring(link, "profile", cache)
    file = tmp_path / "profile.bin"
    data = bytearray(file.read_bytes())
    data[68 * 100 + 9] ^= 1
    file.write_bytes(data)
    assert len(cache.load("profile")) == 100
    assert reading.read_ring(link, "profile", cache) == first
    other = bytearray(first[-1].raw)
    other[10] ^= 1
    foreign = Entry("profile", bytes(other), zlib.crc32(other))
    cache.save("profile", [*first[:-1], foreign])
    assert reading.read_ring(link, "profile", cache) == first


def test_a_meter_without_a_row_holds():
    rig = Rig(unix(2026, 11, 24, 23, 38, 50))
    rig.run(1, step_s=1)
    rig.push(compile_file(DEMO).text)
    rig.run(9, step_s=1, imported=21)
    assert len(verify(evidence.collect(CoreLink(rig)))) == 8


def test_a_clock_that_was_set_back_and_another_tariff_hold():
    rig = Rig(unix(2026, 11, 24, 22))
    rig.push(compile_file(DEMO).text)
    house(rig, 2)
    rig.run(440, step_s=1, imported=20)
    rig.ask("clock", utc=unix(2026, 11, 20, 7, 3))
    house(rig, 1)
    rig.push(compile_file(DEMO.with_name("day-and-night-feed-in.toml")).text, "now")
    house(rig, 1)
    assert len(verify(evidence.collect(CoreLink(rig)))) == 8


def test_a_register_that_an_earlier_tariff_had_for_export_holds():
    exports = [{"name": name, "prices": [1]} for name in "xy"]
    rates = [{"name": f"i{n}", "export": 0, "prices": [n]} for n in range(15)]
    rig = Rig(unix(2026, 10, 1))
    rig.run(60)
    rig.push(tariffs.text(exports=exports))
    rig.run(3600, imported=5, exported=1)  # all of it into register 15
    rig.push(tariffs.text(rates=rates, days=[[[0, 14]]]))
    rig.run(2 * 86400, step_s=900, imported=5)
    assert rig.live.rates[14]
    assert verify(evidence.collect(CoreLink(rig)))


def test_energy_that_came_while_the_clock_stood_still_holds():
    rig = Rig(unix(2026, 10, 1))
    rig.run(60)
    rig.push(tariffs.text())
    rig.run(3540, imported=5)  # the last row ends now
    rig.ports.clock.good = 0
    rig.run(600, imported=5)
    assert verify(evidence.collect(CoreLink(rig)))


def test_a_tier_that_is_crossed_while_the_clock_stands_still_holds():
    tiers = {"mode": "chronological", "per": "period", "bounds": [3_000_000]}
    rates = [dict(rate, prices=[1, 2]) for rate in tariffs.data(tiers=tiers)["rates"]]
    rig = Rig(unix(2026, 10, 1, 8))
    rig.run(60)
    rig.push(tariffs.text(tiers=tiers, rates=rates))
    rig.run(3600 + 600, imported=5)  # by day, in the midst of an interval
    rig.ports.clock.good = 0
    rig.run(600, imported=50_000)
    assert [s.reason for s in evidence.collect(CoreLink(rig)).records("snapshots")][-1:] == [5]
    assert verify(evidence.collect(CoreLink(rig)))
