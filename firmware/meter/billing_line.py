"""One line of a bill, and the rounding that makes it money."""

from meter.compat import const

ONE = const(1_000_000_000_000_000)  # one unit of currency in 1e-15
PER_NANO = const(1_000_000)  # nano-units to 1e-15


class Line:
    """One line of a bill.

    kind      "energy", "export", "demand", "reactive", "fixed", "minimum", "carry" or "tax"
    name      of the rate, the charge or the tax; else the kind
    tier      0-based; 0 where there are none
    quantity  (num, den): mWh, mW, mvarh, or the days, months or years of a fixed or minimum
              charge; of a tax and of what is carried a sum in units of rounding
    price     nano-units per kWh, kW, kvarh, day, month or year; parts per million for a tax;
              0: by interval, or none
    amount    (num, den) in 1e-15 of the currency; negative is a credit
    rounded   int, units of 10^-decimals of the currency
    """

    def __init__(self, kind, name, tier, quantity, price, amount, tariff):
        self.kind, self.name, self.tier = kind, name, tier
        self.quantity, self.price, self.amount = quantity, price, amount
        unit = amount[1] * (ONE // 10**tariff.decimals)
        self.rounded = round_fraction(amount[0], unit, tariff.rounding)

    def as_dict(self):
        """-> the line as it goes over the wire."""
        return {
            "kind": self.kind,
            "name": self.name,
            "tier": self.tier,
            "quantity": self.quantity,
            "price": self.price,
            "amount": self.amount,
            "rounded": self.rounded,
        }


def round_fraction(num, den, rule):
    """num / den -> int by "half_even", "half_up" (away from zero) or "down" (to zero)."""
    sign = -1 if num < 0 else 1
    whole, rest = abs(num) // den, abs(num) % den
    up = 2 * rest - den  # above, below, or exactly half
    if rule != "down" and (up > 0 or (up == 0 and (rule == "half_up" or whole & 1))):
        whole += 1
    return sign * whole
