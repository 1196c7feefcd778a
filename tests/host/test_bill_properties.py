"""What must hold for every bill: properties of meter.billing over random tariffs and energies."""

from fractions import Fraction
from itertools import pairwise

import tariffs
from hypothesis import given
from hypothesis import strategies as st

from meter import tiers
from meter.accounts import Accounts
from meter.billing import Account, Reading, lines, total
from meter.civil import DAY_S, days
from meter.limits import PRICE_NANO_MAX, REGISTER_MAX

KWH = 1_000_000
JUNE = days(2026, 6, 1) * DAY_S - 7200, days(2026, 7, 1) * DAY_S - 7200
MODES = ("chronological", "prorata", "per_rate")
energy = st.integers(0, 2000 * KWH)
price = st.integers(0, 10**9)
signed = st.integers(-(10**9), 10**9)
bounds = st.lists(st.integers(1, 1500 * KWH), min_size=1, max_size=4, unique=True).map(sorted)


def by_tier(draw, count, kind, ascending):
    found = draw(st.lists(kind, min_size=count, max_size=count))
    return sorted(found) if ascending else found


@st.composite
def tiered(draw, modes=MODES, kind=price, ascending=False):
    """-> dict of a tariff with one tier set; night, day and a rate outside of the set."""
    limits = draw(bounds)
    rates = [
        {"name": name, "export": 0, "prices": by_tier(draw, len(limits) + 1, kind, ascending)}
        for name in ("night", "day")
    ]
    rates.append({"name": "other", "export": 0, "prices": [draw(kind)], "tiers": -1})
    tier_set = {"mode": draw(st.sampled_from(modes)), "per": "period", "bounds": limits}
    return {"tiers": tier_set, "rates": rates}


@st.composite
def whole(draw):
    """-> dict of a tariff with every kind of line that one part can have."""
    made = draw(tiered(("prorata", "per_rate"), signed))
    made["exports"] = [{"name": "sold", "prices": [draw(signed)]}]
    made["netting"] = {
        "mode": draw(st.sampled_from(("none", "month"))),
        "carry": draw(st.sampled_from(("none", "money"))),
    }
    made["demand"] = tariffs.demand(
        tariffs.charge(prices=[draw(price)], ratchet=draw(st.sampled_from((None, [500_000, 2])))),
        tariffs.charge("mean", highest=2, bounds=[KWH], prices=[draw(price), draw(price)]),
    )
    made["reactive"] = {"price": draw(price), "free": draw(st.integers(0, 10**9))}
    made["fixed"] = [["grid", draw(signed), draw(st.sampled_from(("day", "month", "year")))]]
    kinds = st.lists(st.sampled_from(("energy", "export", "demand", "fixed")), unique=True)
    made["minimum"] = [draw(st.integers(0, 10**12)), "month", draw(kinds)]
    made["taxes"] = [["VAT", draw(st.integers(0, 500_000)), ["energy", "minimum", "export"]]]
    made["decimals"] = draw(st.integers(0, 9))
    made["rounding"] = draw(st.sampled_from(("half_even", "half_up", "down")))
    return made


def reading(t, bought, sold=0, q1=0):
    rates = [*bought, *[0] * (15 - len(bought)), sold]
    return Reading(t, rates, [sum(bought), sold, q1, 0, 0, 0, 0])


def account(bought, sold=0, q1=0, **more):
    zeros = reading(JUNE[0], [0] * len(bought))
    return Account(zeros, reading(JUNE[1], bought, sold, q1), **more)


def crossed(tariff, pieces):
    """-> Account of energy that came in this order, [(rate, mWh), ...], by the meter's Accounts,
    which stop at each bound; one second a piece."""
    accounts = Accounts(1, 1)
    accounts.move(JUNE[0])
    limits = tariff.tier_bounds(0, *JUNE)
    crossings, counted = [], 0
    for second, (rate, mwh) in enumerate(pieces, 1):
        counted += mwh
        counts = (counted, 0, None, None, None, None, None)
        while accounts.live.seen[0] < counted or accounts.live.t < JUNE[0] + second:
            bound = None
            live = accounts.live
            used = live.rates[0] + live.rates[1]
            if tariff.tier_set(rate) == 0 and len(crossings) < len(limits):
                bound = live.registers[0] + limits[len(crossings)] - used
            now = JUNE[0] + second
            accounts.advance(counts, now, now, rate, 15, bound)
            live = accounts.live
            if bound is not None and live.registers[0] >= bound:
                crossings.append((0, Reading(live.t, live.rates)))
    live = accounts.live
    opening = Reading(JUNE[0], [0] * 16)
    return Account(opening, Reading(JUNE[1], live.rates, live.registers), crossings=crossings)


def cost(tariff, made):
    """-> Fraction: the bill before it is rounded."""
    return sum((Fraction(*line.amount) for line in lines(tariff, made)), Fraction())


def shown(tariff, made):
    return [line.as_dict() for line in lines(tariff, made)]


pieces = st.lists(st.tuples(st.integers(0, 2), energy), max_size=6)


@given(tiered(("prorata",), ascending=True), st.tuples(*[energy] * 3), st.integers(0, 2), energy)
def test_more_energy_never_costs_less(data, bought, rate, more):
    tariff = tariffs.load(**data)
    greater = list(bought)
    greater[rate] += more
    assert cost(tariff, account(greater)) >= cost(tariff, account(bought))


@given(tiered(("per_rate",)), st.tuples(*[energy] * 3), st.integers(0, 2), energy)
def test_more_energy_never_costs_less_per_rate_though_tiers_fall(data, bought, rate, more):
    tariff = tariffs.load(**data)
    greater = list(bought)
    greater[rate] += more
    assert cost(tariff, account(greater)) >= cost(tariff, account(bought))


@given(tiered(("chronological",), ascending=True), pieces, st.data())
def test_more_energy_never_costs_less_in_clock_order(data, load, more):
    tariff = tariffs.load(**data)
    at = more.draw(st.integers(0, len(load)))
    greater = [*load[:at], (more.draw(st.integers(0, 2)), more.draw(energy)), *load[at:]]
    assert cost(tariff, crossed(tariff, greater)) >= cost(tariff, crossed(tariff, load))


@given(tiered(("chronological",), signed), pieces, st.data())
def test_a_load_that_is_split_in_time_has_the_same_bill(data, load, cuts):
    tariff = tariffs.load(**data)
    split = []
    for rate, mwh in load:
        first = cuts.draw(st.integers(0, mwh))
        split += [(rate, first), (rate, mwh - first)]
    assert shown(tariff, crossed(tariff, split)) == shown(tariff, crossed(tariff, load))


@given(tiered(kind=signed), pieces)
def test_a_bound_at_infinity_is_no_bound(data, load):
    fewer = tariffs.load(**data)
    data["tiers"]["bounds"].append(REGISTER_MAX)
    for rate in data["rates"][:2]:
        rate["prices"].append(PRICE_NANO_MAX)
    more = tariffs.load(**data)
    assert shown(more, crossed(more, load)) == shown(fewer, crossed(fewer, load))


@given(tiered(kind=signed), pieces)
def test_the_modes_agree_on_one_rate(data, load):
    found = []
    load = [(0, mwh) for _, mwh in load]
    for mode in MODES:
        data["tiers"]["mode"] = mode
        tariff = tariffs.load(**data)
        found.append(shown(tariff, crossed(tariff, load)))
    assert found[0] == found[1] == found[2]


@given(tiered(MODES, signed), pieces)
def test_every_mwh_is_in_one_line(data, load):
    tariff = tariffs.load(**data)
    made = crossed(tariff, load)
    billed = sum((Fraction(*line.quantity) for line in lines(tariff, made)), Fraction())
    assert billed == sum(mwh for _, mwh in load)


@given(
    whole(),
    st.tuples(*[energy] * 3),
    energy,
    energy,
    st.lists(st.integers(0, 10**8), min_size=3, max_size=3),
    st.integers(0, 10**18),
)
def test_the_lines_add_up_and_a_credit_is_neither_lost_nor_made(
    data, bought, sold, q1, peaks, credit
):
    tariff = tariffs.load(**data)
    demand = [x for n, peak in enumerate(peaks) for x in (peak, n)]  # slot 0 is empty
    made = account(bought, sold, q1, demand=demand, history=[[10**7, 5]], carry=(credit, 0, 0, 0))
    found = list(lines(tariff, made))
    unit = 10 ** (15 - tariff.decimals)
    due = sum(line.rounded for line in found if line.kind != "carry")
    assert total(found) == sum(line.rounded for line in found)
    if tariff.carry == "money":
        assert total(found) >= 0
        assert total(found) * unit == due * unit - credit + made.carry_out[0]
        assert made.carry_out[0] >= 0
        assert not total(found) or made.carry_out[0] < unit
    else:
        assert total(found) == due
        assert made.carry_out == made.carry
    for line in found:
        assert abs(Fraction(*line.amount) - line.rounded * unit) <= (
            unit if tariff.rounding == "down" else Fraction(unit, 2)
        )


@given(st.lists(energy, min_size=3, max_size=3), energy, energy)
def test_netting_by_month_bills_the_balance(bought, sold, kept):
    """With one price for all that is bought and sold it is the balance that costs."""
    rates = [{"name": name, "export": 0, "prices": [10**8]} for name in "abc"]
    exports = [{"name": "sold", "prices": [10**8]}]
    netting = {"mode": "month", "carry": "none"}
    tariff = tariffs.load(rates=rates, exports=exports, netting=netting)
    assert cost(tariff, account(bought, sold)) == (sum(bought) - sold) * 10**8
    tariff = tariffs.load(rates=rates, exports=exports, netting=dict(netting, carry="kwh"))
    made = account(bought, sold, carry=(0, 0, kept, 0))
    balance = sum(bought) - sold - kept
    assert cost(tariff, made) == max(0, balance) * 10**8
    assert made.carry_out[2] == max(0, -balance)


@given(
    st.sampled_from((1, 13, 28, 0)), st.lists(st.integers(0, 50 * 86400), min_size=1, max_size=4)
)
def test_the_parts_of_a_period_add_up_to_the_whole(billing_day, cuts):
    tier_set = {"mode": "prorata", "per": "period", "bounds": [1000 * KWH]}
    tariff = tariffs.load(billing_day=billing_day, tiers=tier_set, rates=[
        {"name": "a", "export": 0, "prices": [1, 2]}, {"name": "b", "export": 0, "prices": [1, 2]}
    ])  # fmt: skip
    start = tariff.calendar.period_start(JUNE[0], billing_day)
    end = tariff.calendar.period_end(start, billing_day)
    borders = sorted({start, end, *(start + cut for cut in cuts if start + cut < end)})
    parts = list(pairwise(borders))
    assert sum(Fraction(*tiers.share(tariff, *part)) for part in parts) == 1
    allowed = sum(tariff.tier_bounds(0, *part)[0] for part in parts)
    assert 1000 * KWH - len(parts) < allowed <= 1000 * KWH
