"""What cost how much: by rate, hour, weekday and month, each table adding up to the bills."""

from fractions import Fraction

from wattledger.analysis.costs import Cost
from wattledger.analysis.findings import KINDS
from wattledger.bills import bill_units
from wattledger.html_page import Cell
from wattledger.reports import figures_cost, parts, texts
from wattledger.reports.parts import Section
from wattledger.reports.study import Study

_ROUNDING = "rounding"


def rates(study: Study) -> Section | None:
    """Energy by rate, and by rate and day; None: none was bought."""
    subject, costs = study.subject, study.found.costs
    tariff, history = subject.tariff, subject.history
    by_rate = figures_cost.energy_by_rate(costs, tariff)
    if not by_rate:
        return None
    spent: dict[str, Fraction] = {}
    for spread in costs.spreads:
        if spread.kind == "energy":
            share = spread.scale * sum(spread.share.tolist())
            spent[spread.name] = spent.get(spread.name, Fraction()) + share
    total = int(history.import_mwh.sum())
    rows: list[list[Cell]] = []
    for rate, mwh in by_rate.items():
        name = tariff.rates[rate]
        amount = texts.money(spent.get(name, Fraction()), tariff.decimals)
        rows.append([name, texts.kilo(mwh), texts.percent(mwh, total), amount])
    whole = texts.money(sum(spent.values(), Fraction()), tariff.decimals)
    columns = ("rate", ">kWh", ">share", f">{tariff.currency}")
    made = parts.table(
        "Energy bought by rate, before tax", columns, rows, ("all", texts.kilo(total), "", whole)
    )
    drawn = parts.picture(figures_cost.rates_by_day(costs, tariff))
    return parts.section("rates", "Which prices", parts.beside(drawn, made))


def hours(study: Study) -> Section:
    """By hour of the day and by weekday."""
    by, tariff = study.found.by_time(), study.subject.tariff
    drawn = parts.picture(figures_cost.by_hour(by["hour"], tariff.currency, tariff.decimals))
    shift = study.found.could_shift
    could = ""
    if shift.at_most:
        could = parts.says(
            f"{texts.kilo(shift.mwh).text} kWh were used above the base load at a price above the"
            f" cheapest of the day; at that one they would have cost"
            f" {texts.money(shift.at_most, tariff.decimals).text} {tariff.currency} less,"
            " before tiers, demand and tax."
        )
    tables = [_by_time(name, by[name], study) for name in ("weekday", "hour")]
    left = drawn + could + tables[0]
    return parts.section("hours", "What each hour cost", parts.beside(left, tables[1]))


def months(study: Study) -> Section | None:
    """By month, of more than one."""
    by_month = study.found.by_time()["month"]
    if len(by_month) < 2:
        return None
    shown = _by_time("month", by_month, study)
    return parts.section("months", "What each month cost", shown)


def _by_time(name: str, costs: dict[str, Cost], study: Study) -> str:
    """Rows add up to the bills as they are printed: the last one has what rounding adds."""
    tariff = study.subject.tariff
    used = [kind for kind in KINDS if any(kind in cost.amounts for cost in costs.values())]
    used = used if len(used) > 1 else []  # else it is the sum again
    rows: list[list[Cell]] = []
    shown: list[Fraction] = []
    for key, cost in costs.items():
        amounts = [cost.amounts.get(kind, Fraction()) for kind in used]
        cells = [texts.money(n, tariff.decimals) for n in (*amounts, cost.amount)]
        rows.append([key, texts.kilo(cost.import_mwh), *cells])
        shown.append(cost.amount)
    blank = [""] * (len(used) + 1)
    for label, amount in _not_by_time(study):
        rows.append([label, *blank, texts.money(amount, tariff.decimals)])
        shown.append(amount)
    printed = sum((Fraction(bill_units.decimal(n, tariff.decimals)) for n in shown), Fraction())
    rest = study.subject.total - printed
    if rest:
        rows.append([_ROUNDING, *blank, texts.money(rest, tariff.decimals).text])
    total: list[Cell] = ["total", *blank, texts.money(study.subject.total, tariff.decimals)]
    columns = (name, ">kWh", *(f">{kind}" for kind in used), f">{tariff.currency}")
    return parts.table(f"Cost by {name}", columns, rows, total)


def _not_by_time(study: Study) -> list[tuple[str, Fraction]]:
    found = [
        (item if kind in (item, "fixed", "tax") else f"{kind}, {item}", amount)
        for (kind, item), amount in study.found.rests().items()
        if kind != _ROUNDING
    ]
    if study.beyond:
        found.append(("registers and earlier periods, beyond the profile", study.beyond))
    return found
