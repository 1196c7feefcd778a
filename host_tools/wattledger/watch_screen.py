"""What `wattledger watch` shows: the meter at this moment, and what belongs to it."""

from rich.console import Group
from rich.text import Text

from wattledger import show
from wattledger.live import curve
from wattledger.live.state import Day, Now

_EVENTS = 4


def screen(now: Now, day: Day) -> Group:
    lines = show.table("", "")
    for name, text in now.facts:
        lines.add_row(name, text)
    lines.add_row("alerts", ", ".join(now.alerts) or "none")
    shown = [show.titled(show.instant(now.utc, now.zone), lines)]
    today, yesterday = curve.of(day)
    if today.points or yesterday.points:
        shown.append(Group(Text(curve.summary(today, yesterday)), ""))
    if day.bill and day.tariff:
        shown.append(Group(show.bill(day.bill, day.tariff), ""))
    if day.events:
        events = show.events(list(day.events[:_EVENTS]), day.zone)
        shown.append(show.titled("Last events", events))
    return Group(*shown)
