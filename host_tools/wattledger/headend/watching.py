"""Who has not been heard of: intervals that are late, and meters that are away."""

from dataclasses import dataclass

from wattledger import show
from wattledger.headend.audit import Audit
from wattledger.headend.intake import Intake
from wattledger.headend.key_source import KeySource


@dataclass(frozen=True)
class Missing:
    """since: Unix s at which the newest interval ended, 0: none has ever come."""

    serial: str
    since: int


def missing(
    intake: Intake, keys: KeySource, now: float, interval_s: int, after: int
) -> list[Missing]:
    """-> meters without an interval for more than `after` of them."""
    found = []
    for serial in keys.group("*"):
        meter = intake.meters.get(serial)
        since = meter.utc if meter else 0
        if now - since > after * interval_s:
            found.append(Missing(serial, since))
    return found


class Watch:
    """Notes who begins to be missing, and who is back."""

    def __init__(self, audit: Audit) -> None:
        self._audit, self._missing = audit, set[str]()

    def look(self, found: list[Missing]) -> None:
        serials = {one.serial for one in found}
        for one in found:
            if one.serial not in self._missing:
                since = show.instant(one.since) if one.since else "ever"
                self._audit.note("missing", meter=one.serial, since=since)
        for serial in sorted(self._missing - serials):
            self._audit.note("back", meter=serial)
        self._missing = serials
