"""How much a tier holds in one part of a billing period. Loaded on demand.

A part is what lies between two records of the ledger: a whole period, or what a change of
tariff inside it leaves. A day belongs to the part in which it ends.
"""

_KW_MW = 1_000_000


def share(tariff, opening, end):
    """-> (num, den): the days of this part of those of its whole billing period."""
    calendar, day = tariff.calendar, tariff.billing_day
    whole_start = calendar.period_start(opening, day)
    whole_end = calendar.period_end(opening, day)
    if opening == whole_start and end == whole_end:
        return 1, 1
    return calendar.days(opening, end), calendar.days(whole_start, whole_end)


def bounds(tariff, index, opening, end, peak_mw):
    """-> tuple of mWh; see Tariff.tier_bounds. Fractions are cut off."""
    _, per, fixed = tariff.tier_sets[index]
    if per == "kw":
        return tuple([bound * peak_mw // _KW_MW for bound in fixed])
    wanted, calendar = tariff.set_days[index], tariff.calendar
    if per == "period" and wanted is None:
        num, den = share(tariff, opening, end)
    else:
        num, den = calendar.days(opening, end), 1
        if wanted is not None:
            first, num = calendar.local_day(opening), 0
            for day_number in range(first, calendar.local_day(end)):
                num += wanted[calendar.day_profile(day_number)]
        if per == "period":
            den = calendar.days(
                calendar.period_start(opening, tariff.billing_day),
                calendar.period_end(opening, tariff.billing_day),
            )
    return tuple([bound * num // den for bound in fixed])
