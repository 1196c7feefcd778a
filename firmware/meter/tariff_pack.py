"""Makes the Tariff that the meter runs of the checked data of a tariff file.

Loaded on demand. What is many becomes bytes: an int object takes four times the heap.
"""

import struct

from meter.calendar import Calendar
from meter.civil import Zone
from meter.limits import RATES
from meter.tariff import NO_SET, Tariff

_AS_THEY_ARE = (
    "name", "currency", "decimals", "rounding", "valid_from", "billing_day", "interval_s",
    "fallback",
)  # fmt: skip


def packed(data, digest):
    """-> Tariff. data: dict that `tariff_check.check` has passed; digest: 64 hex digits."""
    imports, exports = data["rates"], data["exports"]
    rates = imports + exports
    fields = {name: data[name] for name in _AS_THEY_ARE}
    fields["digest"] = digest
    fields["imports"] = len(imports)
    fields["rates"] = [rate["name"] for rate in rates]
    fields["registers"] = max(RATES, len(rates))
    fields["export_of"] = bytes([len(imports) + rate["export"] for rate in imports])
    fields["_price_at"], fields["_prices"] = _prices(rates)
    fields["_sets"] = bytes([NO_SET if r["tiers"] < 0 else r["tiers"] for r in imports])
    fields["tier_sets"] = [(s["mode"], s["per"], tuple(s["bounds"])) for s in data["tiers"]]
    fields["set_days"] = [_days_of(i, imports, data["days"]) for i in range(len(data["tiers"]))]
    fields["dynamic"] = None
    if any(rate["dynamic"] for rate in rates):
        fields["dynamic"] = [rate["dynamic"] and tuple(rate["dynamic"]) for rate in rates]
    fields["settlement"] = data["dynamic"] and data["dynamic"]["settlement"]
    _load(fields, data["demand"], data["limiter"])
    fields["netting"], fields["carry"] = data["netting"]["mode"], data["netting"]["carry"]
    reactive, minimum = data["reactive"], data["minimum"]
    fields["reactive"] = reactive and (reactive["price"], reactive["free"])
    fields["fixed"] = tuple([tuple(charge) for charge in data["fixed"]])
    fields["minimum"] = minimum and (minimum[0], minimum[1], tuple(minimum[2]))
    fields["taxes"] = tuple([(name, ppm, tuple(kinds)) for name, ppm, kinds in data["taxes"]])
    fields["calendar"] = Calendar(
        Zone(data["zone"]), data["seasons"], data["weeks"], data["days"], data["special_days"]
    )
    return Tariff(fields)


def _prices(rates):
    """-> (by rate: (index of its first price, how many)), all prices as int64."""
    places, packed_prices, first = [], b"", 0
    for rate in rates:
        prices = rate["prices"]
        places.append((first, len(prices)))
        first += len(prices)
        packed_prices += struct.pack("<" + str(len(prices)) + "q", *prices)
    return places, packed_prices


def _days_of(index, imports, profiles):
    """-> by day profile: 1 if any rate of this tier set is in force on such a day; None: always.

    A set of all rates needs no look at the days either.
    """
    wanted = [rate["tiers"] == index for rate in imports]
    found = bytes([any(wanted[rate] for _, rate in switches) for switches in profiles])
    return None if all(found) else found


def _load(fields, demand, limiter):
    """Demand charges and limiter levels, in the order of their keys in docs/tariffs.md."""
    fields["demand"] = fields["limiter"] = None
    fields["peak_slot"] = -1
    if demand:
        charges, slot = [], 0
        for c in demand["charges"]:
            if not c["rates"] and c["highest"] == 1 and c["months"] == 4095:
                if fields["peak_slot"] < 0:
                    fields["peak_slot"] = slot
            slot += c["highest"]
            bounds, prices = tuple(c["bounds"]), tuple(c["prices"])
            ratchet = c["ratchet"] and tuple(c["ratchet"])
            head = (c["name"], tuple(c["rates"]), c["months"], c["highest"])
            charges.append(head + (bounds, prices, ratchet))
        fields["demand"] = (demand["window_s"], demand["parts"], tuple(charges))
    if limiter:
        levels = [tuple([level[key] for key in LEVEL]) for level in limiter["levels"]]
        fields["limiter"] = (limiter["window_s"], tuple(levels))


LEVEL = ("name", "action", "threshold_mw", "release_mw", "over", "under", "rate", "manual")
