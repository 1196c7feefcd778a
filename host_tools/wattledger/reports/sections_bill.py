"""What is to be paid: the bill by line, the bill to come, other tariffs."""

from fractions import Fraction
from typing import Any

from wattledger import compare
from wattledger.analysis import forecast, unpriced
from wattledger.analysis.forecast import Forecast
from wattledger.bills import bill_text, bill_units
from wattledger.html_page import Cell, Number
from wattledger.reading import MeterBill
from wattledger.reports import figures_cost, parts, texts
from wattledger.reports.parts import Section
from wattledger.reports.study import Study
from wattledger.show import QUANTITY_DECIMALS


def bill(study: Study) -> Section:
    """All lines; of several bills their sums, and each bill in a row."""
    subject = study.subject
    currency = subject.tariff.currency
    due = texts.money(subject.total, subject.tariff.decimals)
    without = unpriced.sentence(subject.bills, subject.tariff)
    noted = parts.says(f"{without}.", "small") if without else ""
    if len(subject.bills) == 1:
        shown = _one(subject.bills[0], study)
        return parts.section("bill", "The bill", _verdict(study), shown, noted)
    rows: list[list[Cell]] = [
        [
            _named(item.item, item.tier),
            *_quantity(item.quantity, item.kind, item.unit, subject.tariff),
            texts.money(item.amount, subject.tariff.decimals),
        ]
        for item in compare.items(subject.bills, {subject.tariff.digest: subject.tariff})
    ]
    columns = ("", ">quantity", "", f">{currency}")
    lines = parts.table("All bills by line", columns, rows, ("total", "", "", due))
    return parts.section("bill", "The bills", parts.beside(_each(study), lines), noted)


def _verdict(study: Study) -> str:
    document = study.subject.document
    if document is None:
        return ""
    state = document["verification"]["state"]
    first = bill_text.verdict(document)[0].replace("`", "")
    kind = state if state in ("verified", "different") else ""
    return parts.says(first, f"verdict {kind}".strip())


def _one(shown: MeterBill, study: Study) -> str:
    tariff = study.subject.tariff
    rows: list[list[Cell]] = []
    for line in shown.lines:
        units = bill_units.of_line(line, tariff)
        tier = line["tier"] + 1 if bill_units.is_tiered(line, tariff) else 0
        rows.append(
            [
                _named(bill_units.item(line), tier),
                *_quantity(bill_units.quantity(line, tariff), line["kind"], units.unit, tariff),
                f"{bill_units.price(line, tariff)} {units.price_unit}".strip(),
                texts.money(texts.units(line["rounded"], tariff.decimals), tariff.decimals),
            ]
        )
    columns = ("", ">quantity", "", ">price", f">{tariff.currency}")
    total = ("total", "", "", "", texts.money(study.subject.total, tariff.decimals))
    state = "open" if shown.open else "closed"
    return parts.table(f"Period {shown.period}, {state}", columns, rows, total)


def _each(study: Study) -> str:
    subject = study.subject
    zone, decimals = subject.history.zone, subject.tariff.decimals
    rows: list[list[Cell]] = []
    for one in subject.bills:
        bought = sum(
            (Fraction(*line["quantity"]) for line in one.lines if line["kind"] == "energy"),
            Fraction(),
        )
        rows.append(
            [
                f"{texts.day(one.start, zone)} to {texts.last_day(one.end, zone)}"
                + (", open" if one.open else ""),
                texts.quantity(bought / 10**6),
                texts.money(texts.units(one.total, decimals), decimals),
            ]
        )
    columns = ("period", ">kWh", f">{subject.tariff.currency}")
    total = ("total", "", texts.money(subject.total, decimals))
    return parts.table("Each bill", columns, rows, total)


def to_come(study: Study) -> Section:
    """The forecast of the open period, or why there is none."""
    coming, tariff = study.found.forecast, study.subject.tariff
    title = "The bill to come"
    if isinstance(coming, str):
        return parts.section("forecast", title, parts.says(f"No forecast: {coming}."))
    zone, decimals = study.subject.history.zone, tariff.decimals
    rows: list[list[Cell]] = [
        ["so far", texts.money(texts.units(coming.so_far_units, decimals), decimals)],
        ["whole period", texts.money(texts.units(coming.bill.total, decimals), decimals)],
    ]
    if coming.half_units is not None:
        for name, sign in (("at least", -1), ("at most", 1)):
            end = coming.bill.total + sign * coming.half_units
            rows.append(
                [f"{name}, in 4 of 5 cases", texts.money(texts.units(end, decimals), decimals)]
            )
    caption = f"{texts.day(coming.start, zone)} to {texts.last_day(coming.end, zone)}"
    made = parts.table(caption, ("", f">{tariff.currency}"), rows)
    drawn = figures_cost.to_come(coming, tariff.currency, decimals)
    return parts.section(
        *("forecast", title, parts.beside(parts.picture(drawn), made + _tried(study))),
        _prices_to_come(coming, tariff),
    )


def _prices_to_come(coming: Forecast, tariff: Any) -> str:
    if not tariff.dynamic:
        return ""
    without = unpriced.sentence([coming.bill], tariff)
    said = without or "Prices that are not announced are those of a week before"
    return parts.says(f"{said}.", "small")


def _tried(study: Study) -> str:
    coming, tariff = study.found.forecast, study.subject.tariff
    if isinstance(coming, str) or not coming.trials:
        why = "No earlier period to try it on: the rest is as the same hours of the weeks before."
        return parts.says(why, "small")
    errors = "; ".join(
        f"{score.model} {texts.mean(score.units / 10**tariff.decimals)} {tariff.currency}"
        for score in forecast.scores(coming.trials)
    )
    said = f"Forecast by {coming.model}. Mean error in {len(coming.trials)} periods: {errors}."
    if coming.half_units is not None:
        misses = [trial.misses[coming.model].units for trial in coming.trials]
        held, judged = forecast.held(misses)
        said += f" The limits held in {held} of {judged} of them."
    return parts.says(said, "small")


def tariffs(study: Study) -> Section | None:
    """What other tariffs would cost for the same use."""
    choice, tariff = study.found.choice, study.subject.tariff
    if len(choice.candidates) < 2:
        return None
    rows: list[list[Cell]] = [
        [one.name, *(texts.money(n, tariff.decimals) for n in (one.total, choice.saving(one)))]
        for one in choice.candidates
    ]
    columns = ("tariff", f">{choice.currency}", ">saves a year")
    of = "" if choice.is_year else f" A year is reckoned from {choice.days} days."
    cheapest = f"The cheapest is {choice.best.name}.{of}"
    return parts.section(
        *("tariffs", "Other tariffs", parts.says(cheapest)),
        parts.table("The same use under each tariff", columns, rows),
        *(parts.says(f"{one.unpriced}.", "small") for one in choice.candidates if one.unpriced),
    )


def _named(item: str, tier: int) -> str:
    return f"{item}, tier {tier}" if tier else item


def _quantity(value: Fraction, kind: str, unit: str, tariff: Any) -> tuple[Number, str]:
    """Sums of money with their own decimals, days and months with those they have."""
    if kind in QUANTITY_DECIMALS:
        return texts.quantity(value), unit
    if unit == tariff.currency:
        return texts.money(value, tariff.decimals), unit
    return Number(bill_units.trimmed(value, 4), str(value)), unit
