"""Random tariffs and loads for the two roads: all that a meter can run, in any combination that
it accepts."""

import json

import tariffs

from meter import tariff_check
from meter.civil import EPOCH, days
from meter.errors import MeterError
from wattledger.engine.load import Span, of_spans

ZONES = (
    tariffs.MADRID,
    "EST5EDT,M3.2.0,M11.1.0",
    "<+0545>-5:45",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "UTC0",
)
ROWS_MAX = 1500


def tariff_text(draw, **changes):
    """-> bytes of a compiled tariff that a meter accepts. draw: random.Random."""
    while True:
        made = _tariff(draw, **changes)
        try:
            tariff_check.load(made)
        except MeterError:
            continue
        return made


def load(draw, tariff):
    """-> Load of one meter: rows of equal length from any second, or where a profile row begins
    if the tariff settles by rows; nothing, little and much, both ways."""
    step_s = draw.choice((300, 900, 900, 1800, 3600, 1234))
    month, day = draw.choice(((3, 5), (10, 3), (3, 25), (10, 27), (2, 20), (6, 1), (12, 20)))
    start = days(draw.randint(2024, 2027), month, day) * 86400
    by_rows = tariff.dynamic or tariff.netting == "interval"
    start += draw.choice((0, 900 * draw.randrange(96), 0 if by_rows else draw.randrange(86400)))
    rows = min(ROWS_MAX, draw.randrange(20, 45) * 86400 // step_s)
    spans, t = [], start
    for _ in range(rows):
        bought, sold = _uj(draw, step_s), 0
        if draw.random() < 0.3:
            bought, sold = draw.choice(((0, bought), (bought, _uj(draw, step_s))))
        lagging, leading = draw.choice(((0, 0), (_uj(draw, step_s), 0), (0, _uj(draw, step_s))))
        spans.append(Span(t, t + step_s, bought, sold, lagging, leading))
        t += step_s
    return of_spans(spans)


def prices_text(draw, start, currency="EUR", rates=()):
    """-> bytes of a price schedule that begins in the hour after core second start: a meter that
    takes it then has no price for a row that has begun."""
    step_s = draw.choice((900, 1800, 3600))
    count = draw.randrange(20, 192)
    prices = [draw.randrange(-50_000_000, 500_000_000) for _ in range(count)]
    exports = [nano // 2 for nano in prices] if draw.random() < 0.5 else []
    begin = (start // 3600 + 1) * 3600 + EPOCH
    events, t = [], begin
    for _ in range(draw.randrange(4) if rates else 0):
        t += draw.randrange(3600, 86400)
        t -= t % draw.choice((1, 3600))
        events.append([t, t + draw.randrange(60, 30000), draw.choice(rates)])
        t = events[-1][1]
    made = {
        "schema": 1, "kind": "prices", "id": draw.randrange(65536), "currency": currency,
        "start": begin, "step_s": step_s, "import": prices, "export": exports, "events": events,
    }  # fmt: skip
    return json.dumps(made).encode()


def _uj(draw, step_s):
    mw = draw.choice((0, draw.randrange(50), draw.randrange(900_000), draw.randrange(9_000_000)))
    return mw * step_s * 1000 + draw.choice((0, draw.randrange(1000)))


def _tariff(draw, **changes):
    imports = draw.randint(1, 4)
    interval_s = draw.choice((300, 900, 1800, 3600))
    netting = draw.choice(("none", "none", "interval", "month"))
    dynamic = draw.random() < 0.25
    demand = _demand(draw, imports) if draw.random() < 0.6 else None
    sets = _tier_sets(draw, netting, demand)
    grid_s = max(demand["window_s"] if demand else 60, interval_s if dynamic else 60)
    made = {
        "rounding": draw.choice(("half_even", "half_up", "down")),
        "decimals": draw.choice((0, 2, 2, 3, 9)),
        "zone": draw.choice(ZONES),
        "billing_day": draw.choice((0, 1, 1, 15, 28)),
        "interval_s": interval_s,
        "rates": [_rate(draw, i, sets, dynamic) for i in range(imports)],
        "exports": [_export(draw, "sold", dynamic), _export(draw, "sold2", False)],
        "tiers": sets,
        "demand": demand,
        "limiter": _limiter(draw, imports) if draw.random() < 0.5 else None,
        "netting": {"mode": netting, "carry": _carry(draw, netting)},
        "reactive": draw.choice((None, {"price": 10**7, "free": 330_000_000})),
        "fixed": [[f"fixed{i}", draw.randrange(10**10), draw.choice(("day", "month", "year"))]
                  for i in range(draw.randrange(3))],
        "minimum": draw.choice((None, [draw.randrange(50 * 10**9), draw.choice(("day", "month")),
                                       ["energy", "demand", "fixed"]])),
        "taxes": [["vat", 210_000, ["energy", "export", "fixed", "minimum"]]]
        if draw.random() < 0.5 else [],
        **calendar(draw, imports, grid_s),
    }  # fmt: skip
    dynamic = any(rate["dynamic"] for rate in made["rates"] + made["exports"])
    settlement = draw.choice(("interval", "hour"))
    made["dynamic"] = {"settlement": settlement} if dynamic else None
    made.update(changes)
    return tariffs.text(**made)


def _rate(draw, index, sets, dynamic):
    tiers = draw.randrange(-1, len(sets))
    count = len(sets[tiers]["bounds"]) + 1 if tiers >= 0 and draw.random() < 0.8 else 1
    priced = [draw.randrange(2 * 10**6), 10**7] if dynamic and tiers < 0 else None
    return {
        "name": f"rate{index}",
        "export": draw.randrange(2),
        "prices": [draw.randrange(-50_000_000, 600_000_000) for _ in range(count)],
        "tiers": tiers,
        "dynamic": priced if draw.random() < 0.7 else None,
    }


def _export(draw, name, dynamic):
    made = {"name": name, "prices": [draw.randrange(200_000_000)], "dynamic": None}
    if dynamic and draw.random() < 0.5:
        made["dynamic"] = [10**6, -(10**6)]
    return made


def _tier_sets(draw, netting, demand):
    modes = ("prorata", "per_rate") + (("chronological",) * 3 if netting == "none" else ())
    sets = []
    for _ in range(draw.randrange(4)):
        mode, per = draw.choice(modes), draw.choice(("period", "day", "kw"))
        if per == "kw" and (mode == "chronological" or not demand):
            per = "period"
        most = {"period": 900_000_000, "day": 20_000_000, "kw": 90_000_000}[per]
        bounds = sorted({draw.randrange(1, most) for _ in range(draw.randint(1, 3))})
        sets.append({"mode": mode, "per": per, "bounds": bounds})
    return sets


def _demand(draw, imports):
    window_s = draw.choice((300, 900, 1800, 3600))
    parts = draw.choice((1, 1, 3)) if window_s >= 900 else 1
    charges = [tariffs.charge()] if draw.random() < 0.7 else []
    for i in range(draw.randint(1, 3)):
        highest = draw.randint(1, 3)
        charges.append(
            tariffs.charge(
                f"charge{i}",
                rates=sorted(draw.sample(range(imports), draw.randint(0, imports))),
                months=draw.choice((4095, 0b000000000110, 0b001000000100)),
                highest=highest,
                bounds=[2_000_000],
                prices=[draw.randrange(10**10), draw.randrange(10**10)],
                ratchet=draw.choice((None, [900_000, draw.randint(1, 3)])),
            )
        )
    return tariffs.demand(*charges, window_s=window_s, parts=parts)


def _limiter(draw, imports):
    levels = []
    for i in range(draw.randint(1, 3)):
        threshold_mw = draw.randrange(500_000, 7_000_000)
        action = draw.choice(("reprice", "reprice", "remind", "shed"))
        levels.append(
            tariffs.level(
                f"level{i}",
                action=action,
                threshold_mw=threshold_mw,
                release_mw=draw.randrange(threshold_mw),
                over=draw.randint(1, 3),
                under=draw.randint(1, 3),
                rate=draw.randrange(imports) if action == "reprice" else 0,
            )
        )
    return tariffs.limiter(*levels, window_s=draw.choice((60, 300, 900, 3600)))


def _carry(draw, netting):
    return draw.choice(("none", "money", "kwh") if netting == "month" else ("none", "money"))


def calendar(draw, imports, grid_s):
    """-> the calendar of a tariff, its switches on a grid."""

    def profile():
        minutes = draw.sample(range(0, 1440, grid_s // 60), draw.randint(0, 4))
        return [[m, draw.randrange(imports)] for m in sorted({0, *minutes})]

    profiles = [profile() for _ in range(3)]
    weeks = [[draw.randrange(3) for _ in range(7)] for _ in range(2)]
    return {
        "seasons": [[3, 20, 0], [10, 28, 1]],
        "weeks": weeks,
        "days": profiles,
        "special_days": [[0, 12, 25, 2], [2026, 3, 14, 1]],
    }
