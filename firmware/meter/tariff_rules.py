"""Which prices and charges a tariff may have, and which do not go together. On demand."""

from meter import limits
from meter.tariff_check import KINDS, MODES, integer, named, need, price

_DAY_S = 86400
_PER = ("day", "month", "year")
_ACTIONS = ("remind", "reprice", "shed")
_PPM_MAX = 10_000_000


def check(data, room):
    """data: dict of a tariff file; room: tariff_check.Room. MeterError, or KeyError and such."""
    imports = len(data["rates"])
    _check_tiers(data, room)
    _check_rates(data, room)
    _check_together(data)
    if data["demand"] is not None:
        _check_demand(data["demand"], imports, room)
    if data["limiter"] is not None:
        _check_limiter(data["limiter"], imports)
    if data["reactive"] is not None:
        price(data["reactive"]["price"], "reactive")
        integer(data["reactive"]["free"], 0, 10 * 10**9, "reactive.free")
    _check_charges(data, room)


def _check_tiers(data, room):
    sets = data["tiers"]
    integer(len(sets), 0, room.tier_sets, "tiers")
    for tiers in sets:
        mode, per, bounds, last = tiers["mode"], tiers["per"], tiers["bounds"], 0
        need(mode in MODES, "tiers.mode", " ".join(MODES))
        need(per in ("period", "day", "kw"), "tiers.per", "period, day or kw")
        integer(len(bounds), 1, room.tiers - 1, "tiers.bounds")
        for bound in bounds:
            integer(bound, last + 1, limits.REGISTER_MAX, "tiers.bounds")
            last = bound
        if per == "kw":
            need(room.wide or mode != "chronological", "tiers", "bounds per kW in another mode")
            need(_has_peak(data["demand"]), "tiers", "per kW a demand charge on all rates")
        if mode == "chronological":
            netting = data["netting"]["mode"]
            need(netting == "none", "tiers", "without netting if chronological")


def _has_peak(demand):
    """Whether the peak of every part is measured, in a slot of its own."""
    for charge in demand["charges"] if demand else ():
        if not charge["rates"] and charge["highest"] == 1 and charge["months"] == 4095:
            return True
    return False


def _check_rates(data, room):
    imports, exports, sets = data["rates"], data["exports"], data["tiers"]
    need(imports and exports, "rates", "an import and an export rate at least")
    integer(len(imports) + len(exports), 2, room.rates, "rates")
    for rate in imports:
        integer(rate["export"], 0, len(exports) - 1, "rates.export")
        integer(rate["tiers"], -1, len(sets) - 1, "rates.tiers")
        if rate["tiers"] >= 0:
            tiers = len(sets[rate["tiers"]]["bounds"]) + 1
            need(len(rate["prices"]) in (1, tiers), rate["name"], "one price, or one a tier")
            need(rate["dynamic"] is None, rate["name"], "no tiers with a dynamic price")
        else:
            integer(len(rate["prices"]), 1, 1, rate["name"])
    for rate in exports:
        integer(len(rate["prices"]), 1, 1, rate["name"])
    for rate in imports + exports:
        named(rate["name"], "rates")
        for nano in rate["prices"]:
            price(nano, rate["name"])
        if rate["dynamic"] is not None:
            multiply_ppm, add_nano = rate["dynamic"]
            integer(multiply_ppm, -_PPM_MAX, _PPM_MAX, rate["name"])
            price(add_nano, rate["name"])


def _check_together(data):
    """Dynamic prices, netting and what is carried over."""
    dynamic, netting, carry = data["dynamic"], data["netting"]["mode"], data["netting"]["carry"]
    used = any(rate["dynamic"] is not None for rate in data["rates"] + data["exports"])
    need(used == (dynamic is not None), "dynamic", "a rate with a dynamic price, or neither")
    need(netting in ("none", "interval", "month"), "netting.mode", "none, interval or month")
    need(carry in ("none", "money", "kwh"), "netting.carry", "none, money or kwh")
    if dynamic is not None:
        need(dynamic["settlement"] in ("interval", "hour"), "settlement", "interval or hour")
        need(netting != "month", "netting.mode", "not month with dynamic prices")
        if data["limiter"] is not None:
            grid = data["limiter"]["window_s"] % data["interval_s"]
            need(grid == 0, "limiter.window_s", "a multiple of interval_s with dynamic prices")
    if carry == "kwh":
        need(netting == "month", "netting.carry", "kwh only with netting by month")
        need(len(data["exports"]) <= 2, "netting.carry", "kwh with at most 2 export rates")


def _check_demand(demand, imports, room):
    low, high = limits.WINDOWS_S
    _check_window(demand["window_s"], low, high, "demand.window_s")
    integer(demand["parts"], 1, 12, "demand.parts")
    need(demand["window_s"] % demand["parts"] == 0, "demand.parts", "a divisor of the window")
    need(demand["charges"], "demand", "a charge at least")
    slots = 0
    for charge in demand["charges"]:
        where = "demand." + str(charge["name"])
        named(charge["name"], "demand")
        for rate in charge["rates"]:
            integer(rate, 0, imports - 1, where)
        integer(charge["months"], 1, 4095, where)
        integer(charge["highest"], 1, limits.DEMAND_SLOTS, where)
        slots += charge["highest"]
        bounds, last = charge["bounds"], 0
        integer(len(bounds), 0, room.tiers - 1, where)
        integer(len(charge["prices"]), len(bounds) + 1, len(bounds) + 1, where)
        for bound in bounds:
            integer(bound, last + 1, 0xFFFFFFFF, where)
            last = bound
        for nano in charge["prices"]:
            price(nano, where)
        if charge["ratchet"] is not None:
            ppm, months = charge["ratchet"]
            integer(ppm, 0, _PPM_MAX, where)
            integer(months, 1, limits.HISTORY, where)
    integer(slots, 1, room.demand_slots, "demand: sum of highest")


def _check_limiter(limiter, imports):
    low, high = limits.LIMITER_WINDOWS_S
    _check_window(limiter["window_s"], low, high, "limiter.window_s")
    integer(len(limiter["levels"]), 1, limits.LIMITER_LEVELS, "limiter.levels")
    for level in limiter["levels"]:
        where = "limiter." + str(level["name"])
        named(level["name"], "limiter")
        need(level["action"] in _ACTIONS, where, " ".join(_ACTIONS))
        integer(level["threshold_mw"], 1, 0xFFFFFFFF, where)
        integer(level["release_mw"], 0, level["threshold_mw"], where)
        integer(level["over"], 1, limits.WINDOWS_MAX, where)
        integer(level["under"], 1, limits.WINDOWS_MAX, where)
        integer(level["rate"], 0, imports - 1 if level["action"] == "reprice" else 0, where)
        integer(level["manual"], 0, 1 if level["action"] == "shed" else 0, where)


def _check_window(window_s, low, high, where):
    integer(window_s, low, high, where)
    need(_DAY_S % window_s == 0, where, "a divisor of a day")


def _check_charges(data, room):
    integer(len(data["fixed"]), 0, limits.FIXED, "fixed")
    for name, nano, per in data["fixed"]:
        named(name, "fixed")
        price(nano, "fixed")
        need(per in _PER, "fixed", " ".join(_PER))
    if data["minimum"] is not None:
        nano, per, kinds = data["minimum"]
        integer(nano, 0, limits.PRICE_NANO_MAX, "minimum")
        need(per in (_PER if room.wide else _PER[:2]), "minimum", "day or month")
        _check_kinds(kinds, KINDS[:-1], "minimum")
    integer(len(data["taxes"]), 0, limits.TAXES, "taxes")
    for name, ppm, kinds in data["taxes"]:
        named(name, "taxes")
        integer(ppm, 0, _PPM_MAX, "taxes")
        _check_kinds(kinds, KINDS, "taxes")


def _check_kinds(kinds, allowed, where):
    for kind in kinds:
        need(kind in allowed, where, " ".join(allowed))
