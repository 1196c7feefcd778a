"""What the golden image holds: the fields of every record, from its kind and its number alone."""

import random

UTC = 1_780_000_000  # of record 0; each is a minute after the one before
PATTERNS = 5  # zeros, highest, lowest, then by chance

# Field -> how many, and of what: bits of an unsigned number, -bits of a signed one, or bytes.
_TOTALS = {"registers": (7, 48), "rates": (16, 48)}
_STAMP = {"boot": (1, 16), "ms": (1, 16)}
FIELDS = {
    "E": {
        **_STAMP,
        **_TOTALS,
        "carries": (7, 32),
        "interval_status": (1, 16),
        "v_min_dv": (1, 16),
        "v_max_dv": (1, 16),
        "price_id": (1, 16),
        "sliding": (11, 32),
        "window_rate": (1, 8),
        "window_flags": (1, 8),
        "limiter_flags": (1, 8),
        "window_mwh": (1, 32),
        "limiter_mwh": (1, 32),
        "limiter_windows": (1, 16),
    },
    "W": {
        **_STAMP,
        "active_digest": (8, "bytes"),
        "active_since": (1, 32),
        "passive_digest": (8, "bytes"),
        "passive_at": (1, 32),
        "period_start": (1, 32),
        "period": (1, 16),
        "period_flags": (1, 16),
        "tier_base_mwh": (1, 48),
        "tiers": (1, 16),
        "demand": (24, 32),
        "money": (4, -128),
        "limiter_state": (1, 8),
        "limiter_trips": (1, 16),
        "limiter_since": (1, 32),
        "price_digest": (8, "bytes"),
        "price_expiry": (1, 32),
        "outputs": (1, 32),
        "export_mask": (1, 16),
    },
    "row": {
        "import_mwh": (1, 48),
        "export_mwh": (1, 48),
        "reactive_plus_mvarh": (1, 48),
        "reactive_minus_mvarh": (1, 48),
        "status": (1, 16),
        "rate": (1, 8),
        "tier": (1, 8),
        "price_id": (1, 16),
        "v_min_dv": (1, 16),
        "v_max_dv": (1, 16),
        "duration_s": (1, 16),
        "price_nano": (1, -64),
        "export_nano": (1, -64),
    },
    "event": {
        "group": (1, 8),
        "code": (1, 8),
        "count": (1, 16),
        "before": (1, -64),
        "after": (1, -64),
        "tag": (32, "bytes"),
    },
    "snapshot": {
        **_STAMP,
        "reason": (1, 8),
        "tier": (1, 8),
        "period": (1, 16),
        "digest": (8, "bytes"),
        **_TOTALS,
        "profile_seq": (1, 32),
        "money": (2, -128),
        "tag": (32, "bytes"),
    },
    "ledger": {
        **_STAMP,
        "reason": (1, 8),
        "tier": (1, 8),
        "period": (1, 16),
        "period_start": (1, 32),
        "digest": (32, "bytes"),
        **_TOTALS,
        "profile_seq": (1, 32),
        "snapshot_seq": (1, 32),
        "demand": (24, 32),
        "money": (4, -128),
        "profile_head": (16, "bytes"),
        "ledger_head": (16, "bytes"),
        "event_heads": (20, "bytes"),
        "tag": (32, "bytes"),
        "software": (32, "bytes"),
    },
}


def record(kind, number):
    """-> {field: value} of the record of this kind and number."""
    rng = random.Random(f"{kind} {number}")
    fields = {"utc": UTC + 60 * number}
    for name, (count, what) in FIELDS[kind].items():
        values = [_value(rng, number % PATTERNS, what) for _ in range(count)]
        if what == "bytes":
            fields[name] = bytes(values)
        else:
            fields[name] = values if count > 1 else values[0]
    return fields


def number_of(fields):
    """-> the number that `record` made these fields from."""
    return (fields["utc"] - UTC) // 60


def _value(rng, pattern, what):
    bits = 8 if what == "bytes" else abs(what)
    low, high = 0, (1 << bits) - 1
    if what != "bytes" and what < 0:
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return {0: 0, 1: high, 2: low}.get(pattern, rng.randint(low, high))
