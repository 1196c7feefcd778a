"""Evidence made by hand: one closed part with every kind of line, for documents and print."""

import tariffs
from rig import unix

from meter import billing, codes, tariff_check
from meter.records import Ledger, Snapshot
from meter.rows import Row
from wattledger.bills import bill_account
from wattledger.reading import Entry, MeterBill
from wattledger.verification.evidence import Evidence
from wattledger.verification.heads import Head

START, END = unix(2026, 8, 31, 22), unix(2026, 9, 30, 22)  # September in Madrid
SERIAL = 'wl-<script src="//x">&1'
BOUGHT, SOLD = 300_000_000, 20_000_000  # mWh
ROW_S, ROWS = 3600, 30 * 24
CROSSED = 10 * 24  # rows before the crossing


def tariff_text(**changes):
    """Compiled, with a charge of every kind."""
    charge = tariffs.charge("peak kW", highest=2, bounds=[2_000_000], prices=[10**9, 2 * 10**9])
    made = {
        "name": 'All of "it" <b>',
        "source": "sheet & page 3",
        "valid_from": START,
        "interval_s": ROW_S,
        "tiers": {"mode": "chronological", "per": "period", "bounds": [100_000_000]},
        "rates": [
            {"name": "night", "export": 0, "prices": [100_000_000]},
            {"name": "day", "export": 0, "prices": [300_000_000, 350_000_000]},
        ],
        "demand": tariffs.demand(charge, window_s=ROW_S),
        "netting": {"mode": "none", "carry": "money"},
        "reactive": {"price": 20_000_000, "free": 330_000_000},
        "fixed": [["grid", 3_000_000_000, "month"], ["meter", 30_000_000, "day"]],
        "minimum": [90_000_000_000, "month", ["energy"]],
        "taxes": [["VAT", 210_000, ["energy", "fixed"]]],
    }
    return tariffs.text(**{**made, **changes})


def evidence(text):
    """-> Evidence without bills: one part that lasted September, all of it in the profile."""
    digest = tariff_check.digest(text)
    info = {
        "serial": SERIAL,
        "board": "rig",
        "versions": {"firmware": "0.4"},
        "software": "ab" * 32,
        "keyed": False,
        "tariff": {"active": digest[:16], "passive": None, "at": 0},
    }
    ledger = [_ledger(0, START, digest, 0), _ledger(1, END, digest, ROWS)]
    rings = {
        "ledger": [_entry("ledger", record) for record in ledger],
        "snapshots": [_entry("snapshots", _crossing())],
        "profile": [_entry("profile", _row(seq)) for seq in range(1, ROWS + 1)],
    }
    seen = [Head("ledger", 2, "5a" * 8, END)]
    return Evidence(info, {}, rings, tariffs={digest: text}, seen=seen)


def bill(found):
    """-> the MeterBill of the part, as the core makes it."""
    digest = next(iter(found.tariffs))
    blank = MeterBill(1, START, END, False, digest, [], 0)
    part = bill_account.part_of(found, blank)
    lines = list(billing.lines(part.tariff, bill_account.account(part)))
    shown = [line.as_dict() for line in lines]
    made = MeterBill(1, START, END, False, digest, shown, billing.total(lines))
    found.bills[1] = made
    return made


def _registers(rows):
    """-> (registers, rates) after so many rows of equal energy; half of it by day."""
    bought, sold = BOUGHT * rows // ROWS, SOLD * rows // ROWS
    rates = [0] * 16
    rates[0], rates[1], rates[15] = bought // 2, bought - bought // 2, sold
    return [bought, sold, bought // 2, 0, 0, 0, bought], rates


def _ledger(period, utc, digest, rows):
    record = Ledger()
    record.seq, record.utc, record.period = period + 1, utc, period
    record.reason = codes.PERIOD if period else codes.START
    record.digest = bytes.fromhex(digest)
    record.registers, record.rates = _registers(rows)
    record.profile_seq, record.software = rows, b"\xcd" * 32
    record.money = [0, 0, 0, 0] if period else [5 * 10**15, 0, 0, 0]
    if period:
        record.demand = [3_000_000, START + ROW_S, 1_000_000, START + 50 * ROW_S] + [0] * 20
    return record


def _crossing():
    record = Snapshot()
    record.seq, record.utc, record.period = 7, START + CROSSED * ROW_S, 1
    record.reason, record.tier, record.profile_seq = codes.TIER, 0, CROSSED
    record.registers, record.rates = _registers(CROSSED)
    return record


def _row(seq):
    row = Row()
    row.seq, row.utc, row.duration_s = seq, START + seq * ROW_S, ROW_S
    registers, _ = _registers(seq)
    row.import_mwh, row.export_mwh = registers[0], registers[1]
    row.reactive_plus_mvarh = registers[2]
    return row


def _entry(ring, record):
    buf = bytearray(record.size)
    record.pack_into(buf)
    return Entry.of(ring, bytes(buf))
