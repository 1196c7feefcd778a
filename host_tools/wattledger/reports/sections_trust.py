"""How far the numbers can be trusted: gaps, estimates, rules, events, registers, proof."""

from typing import Any

from wattledger import show
from wattledger.analysis import findings
from wattledger.bills import bill_text
from wattledger.html_page import Cell
from wattledger.reports import parts, texts
from wattledger.reports.parts import Section
from wattledger.reports.study import Study
from wattledger.vee import layer
from wattledger.vee.layer import Finding
from wattledger.vee.rules import WORDS, Rule

_RUNS = 40  # of a table
_EVENTS = 60


def quality(study: Study) -> Section:
    """What is missing, what is estimated, which rules were hit."""
    found = layer.findings(study.layer)
    rows: list[list[Cell]] = []
    for rule in Rule:
        runs = [one for one in found if one.rule == rule]
        if runs:
            rows.append([f"V{rule}", WORDS[rule], str(len(runs)), *_sums(runs)])
    columns = ("rule", "what", ">times", ">intervals", ">to estimate", ">kWh")
    made = parts.table("Rules that intervals hit", columns, rows) if rows else ""
    return parts.section("quality", "How good the data is", *map(parts.says, _shares(study)), made)


def runs(study: Study) -> Section | None:
    """Each run of intervals that a rule hit, and the marks of the meter itself."""
    found, zone = layer.findings(study.layer), study.subject.history.zone
    rows: list[list[Cell]] = [
        [
            *(f"V{one.rule}", WORDS[one.rule]),
            *(texts.moment(one.start, zone), texts.moment(one.end, zone)),
            *_sums([one]),
        ]
        for one in found[:_RUNS]
    ]
    columns = ("rule", "what", "from", "to", ">intervals", ">to estimate", ">kWh")
    shown = parts.table("Findings of validation", columns, rows) if rows else ""
    if len(found) > _RUNS:
        shown += parts.says(f"{len(found) - _RUNS} more are not shown.", "small")
    history = study.subject.history
    marks: list[list[Cell]] = [
        [name, str(count)]
        for bit, name in show.STATUS_NAMES.items()
        if (count := int((history.status & bit > 0).sum()))
    ]
    if marks:
        shown += parts.table("Marks of the meter", ("mark", ">intervals"), marks)
    return parts.section("runs", "Validation in detail", shown) if shown else None


def events(study: Study) -> Section | None:
    """What the meter noted in the span, oldest first."""
    records = study.subject.events
    if records is None:
        return None
    rows = show.event_rows(records, study.subject.history.zone)
    if not rows:
        return parts.section("events", "Events", parts.says("The meter noted nothing."))
    columns = ("time", "group", "event", ">count", "before", "after")
    shown = parts.table("What the meter noted", columns, rows[-_EVENTS:])
    more = f"{len(rows) - _EVENTS} earlier ones are not shown." if len(rows) > _EVENTS else ""
    return parts.section("events", "Events", shown, parts.says(more, "small") if more else "")


def registers(study: Study) -> Section | None:
    """At both ends of the bill."""
    document = study.subject.document
    if document is None:
        return None
    rows = [
        (r["obis"], r["name"], r["opening"], r["closing"], r["difference"], r["unit"])
        for r in document["registers"]
        if not bill_text.is_unused(r)
    ]
    columns = ("OBIS", "register", ">opening", ">closing", ">difference", "")
    return parts.section("registers", "Registers", parts.table("Both ends", columns, rows))


def proof(study: Study) -> Section | None:
    """What was checked, and the heads of the meter's chains."""
    document = study.subject.document
    if document is None:
        return None
    said = [parts.says(text.replace("`", "")) for text in bill_text.verdict(document)]
    chain = document["chain"]
    rows: list[list[Cell]] = [[h["ring"], str(h["seq"]), h["tag"]] for h in chain["heads"]]
    keyed = "keyed" if chain["keyed"] else "without a key of their own"
    heads = parts.table(f"Heads of the chains, {keyed}", ("ring", ">record", "tag"), rows)
    return parts.section("proof", "Proof", *said, heads, _digests(document))


def _digests(document: dict[str, Any]) -> str:
    rows = [
        ("tariff digest", document["tariff"]["digest"]),
        ("software digest", document["meter"]["software"]),
        ("seal of the meter", document["meter"]["seal"]),
    ]
    return parts.table("What was in force", ("", ""), rows)


def _shares(study: Study) -> list[str]:
    history, zone = study.subject.history, study.subject.history.zone
    estimated = int(history.estimated.sum())
    energy = int(history.import_mwh[history.estimated].sum())
    missing_s = findings.missing_s(history)
    said = [
        f"{len(history)} intervals of {history.interval_s // 60} min,"
        f" {texts.moment(int(history.start[0]), zone)} to"
        f" {texts.moment(int(history.end[-1]), zone)};"
        + (f" {missing_s / 3600:.1f} h are missing." if missing_s else " none is missing."),
        f"Estimated: {estimated} of them ({texts.percent(estimated, len(history)) or '0.0 %'}),"
        f" {texts.percent(energy, int(history.import_mwh.sum())) or '0.0 %'} of the energy.",
    ]
    if study.found.unpriced:
        said.append(f"{study.found.unpriced}.")
    made, raw = study.layer, int(study.layer.history.estimated.sum())
    if raw > estimated:
        count, share = made.shares
        said.append(
            f"Validation would estimate {raw - estimated} more, so that"
            f" {texts.percent(count, 1)} of the intervals and {texts.percent(share, 1)} of the"
            " energy were estimates; this report is of what was measured."
        )
    return said


def _sums(found: list[Finding]) -> list[Cell]:
    return [
        str(sum(one.intervals for one in found)),
        str(sum(one.estimated for one in found)),
        texts.kilo(sum(one.import_mwh for one in found)),
    ]
