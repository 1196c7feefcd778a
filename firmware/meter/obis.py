"""OBIS codes (IEC 62056-6-1) of what leaves the meter, as C.D.E of group 1-0."""

TOTALS = ("1.8.0", "2.8.0", "5.8.0", "6.8.0", "7.8.0", "8.8.0", "9.8.0")  # by channel
POWER, POWER_OUT, FREQUENCY = "1.7.0", "2.7.0", "14.7.0"
VOLTAGES = ("32.7.0", "52.7.0", "72.7.0")
CURRENTS = ("31.7.0", "51.7.0", "71.7.0")
DEMAND_NOW, DEMAND_LAST, DEMAND_MAX = "1.4.0", "1.5.0", "1.6.0"  # mW
# Of the maker's own range: nano per kWh, units of rounding, bits of the levels that have tripped.
PRICE_NOW, COST, LIMITER = "128.7.0", "128.8.0", "128.35.0"


def of_rate(tariff, rate):
    """-> "1.8.t" or "2.8.t", t from 1: the register of one rate of this tariff."""
    if rate < tariff.imports:
        return "1.8." + str(rate + 1)
    return "2.8." + str(rate - tariff.imports + 1)
