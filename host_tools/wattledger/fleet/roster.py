"""Which meters there are, in which group, behind which feeder: a CSV file.

    serial,group,feeder,role
    f00000000001,village,north,meter
    f000000000aa,,north,feeder

role: meter, or feeder for the meter that measures all that goes into the feeder. Columns after
serial may be left out or empty.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from wattledger.errors import ToolError

METER, FEEDER = "meter", "feeder"


@dataclass(frozen=True)
class Member:
    serial: str
    group: str
    feeder: str
    is_head: bool


@dataclass(frozen=True)
class Roster:
    members: tuple[Member, ...]

    @property
    def groups(self) -> dict[str, list[str]]:
        """-> group: serials of its meters, for those in one."""
        return _by((m.group, m.serial) for m in self.members if m.group and not m.is_head)

    @property
    def feeders(self) -> dict[str, tuple[str, list[str]]]:
        """-> feeder: (serial of its own meter, serials of those behind it).

        ToolError: a feeder has not exactly one meter of its own, or no other
        """
        heads = _by((m.feeder, m.serial) for m in self.members if m.is_head)
        behind = _by((m.feeder, m.serial) for m in self.members if m.feeder and not m.is_head)
        for name in sorted(heads | behind):
            if len(heads.get(name, ())) != 1 or name not in behind:
                raise ToolError(
                    f"meters: feeder {name}: {len(heads.get(name, ()))} with role feeder and"
                    f" {len(behind.get(name, ()))} behind it: expected one and some"
                )
        return {name: (heads[name][0], behind[name]) for name in sorted(heads)}

    def of_groups(self, groups: list[str]) -> "Roster":
        """-> the members of these groups, all if none is named. ToolError: nobody is in one."""
        for group in groups:
            if group not in self.groups:
                raise ToolError(
                    f"meters: no group {group}: expected {', '.join(self.groups) or 'a group'}"
                )
        if not groups:
            return self
        return replace(self, members=tuple(m for m in self.members if m.group in groups))


def read(path: Path) -> Roster:
    """ToolError: names the line that is wrong."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            members = tuple(_members(csv.DictReader(file), path.name))
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable CSV file") from None
    except UnicodeDecodeError:
        raise ToolError(f"{path}: not UTF-8: give serial,group,feeder,role") from None
    if all(member.is_head for member in members):
        raise ToolError(f"{path}: no meter with the role meter: name one a line")
    return Roster(members)


def _members(reader: "csv.DictReader[str]", name: str) -> Iterator[Member]:
    if "serial" not in (reader.fieldnames or ()):
        raise ToolError(f"{name}: no column serial: give serial,group,feeder,role")
    seen = set()
    for row in reader:
        serial, role = (row["serial"] or "").strip(), (row.get("role") or METER).strip()
        if not serial or serial in seen or role not in (METER, FEEDER):
            raise ToolError(
                f"{name}: line {reader.line_num}: {serial or 'no serial'} {role}:"
                " expected each serial once, and the role meter or feeder"
            )
        seen.add(serial)
        group, feeder = ((row.get(column) or "").strip() for column in ("group", "feeder"))
        if role == FEEDER and not feeder:
            raise ToolError(f"{name}: line {reader.line_num}: a feeder's meter without a feeder")
        yield Member(serial, group, feeder, role == FEEDER)


def _by(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
