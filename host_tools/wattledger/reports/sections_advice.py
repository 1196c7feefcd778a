"""What could be done, and what changed."""

from html import escape

from wattledger.analysis import changes as rules
from wattledger.html_page import Cell
from wattledger.reports import parts, texts
from wattledger.reports.parts import Section
from wattledger.reports.study import Study


def advice(study: Study) -> Section:
    """The most saving first, each with its assumption."""
    shown = [
        f'<strong>{escape(one.sentence)}</strong><br><span class="small">Assumed:'
        f" {escape(one.assumption)}.</span>"
        for one in study.advice
    ]
    if not shown:
        return parts.section(
            "advice", "Advice", parts.says("Nothing that was tried saves anything.")
        )
    note = (
        "Each saving is the difference of two bills, of the use as it is and as it would have"
        " been; two of them together save less than their sum."
    )
    return parts.section("advice", "Advice", parts.listed(shown, True), parts.says(note, "small"))


def changes(study: Study) -> Section | None:
    """What is not as before, in sentences."""
    if not study.found.changes:
        return None
    note = "A change is a reason to look, never a proof."
    shown = parts.listed(escape(change.sentence) for change in study.found.changes)
    return parts.section("changes", "What changed", shown, parts.says(note, "small"))


def change_table(study: Study) -> Section:
    """The same for software and people who compare meters."""
    zone = study.subject.history.zone
    rows: list[list[Cell]] = [
        [
            change.rule,
            rules.WORDS[change.rule],
            texts.moment(change.start, zone),
            texts.moment(change.end, zone),
            f"{'-' if change.power_mw < 0 else ''}{texts.power(abs(change.power_mw))}",
            f"{change.confidence:.0%}",
        ]
        for change in study.found.changes
    ]
    columns = ("rule", "what", "from", "to", ">on average", ">confidence")
    shown = parts.table("Changes found without weather", columns, rows)
    nothing = parts.says("No rule found a change.")
    return parts.section("changes", "What changed", shown if rows else nothing)
