"""One spot of a TOML file: its value, and how to name the spot in an error.

The getters return checked values; whatever else stands there is refused with a ToolError of
the form `file: path: seen against expected: cure`.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from wattledger.errors import ToolError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
YEARS = range(2020, 2100)  # core seconds begin in 2020
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


class Node:
    """value at `path` ("" is the whole file) of the TOML file named `file`."""

    def __init__(self, value: Any, file: str, path: str = "") -> None:
        self.value, self.file, self.path = value, file, path

    def fail(self, text: str) -> NoReturn:
        raise ToolError(": ".join(part for part in (self.file, self.path, text) if part))

    def fields(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, "Node"]:
        """The table's entries by key; every key is a known one, no required one is absent."""
        children = self._children()
        required = tuple(required)
        known = (*required, *optional)
        for key, child in children.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                child.fail(f"unknown key: {hint}")
        for key in required:
            if key not in children:
                self.fail(f"{key} is missing: add it")
        return children

    def named(self, chars_max: int, count_max: int) -> dict[str, "Node"]:
        """The table's entries by names that the user gave; at least one."""
        children = self._children()
        if not 1 <= len(children) <= count_max:
            self.fail(f"{len(children)} entries: 1 to {count_max} are possible")
        for name, child in children.items():
            if not _NAME.fullmatch(name) or len(name) > chars_max:
                child.fail(f"a name has up to {chars_max} letters, digits, _ or -: rename it")
        return children

    def elements(self, count_max: int) -> list["Node"]:
        """The array's elements; at least one."""
        if not isinstance(self.value, list):
            self.fail(f"{self._seen()}: expected a list: put it into [ ]")
        if not 1 <= len(self.value) <= count_max:
            self.fail(f"{len(self.value)} entries: 1 to {count_max} are possible")
        return [Node(v, self.file, f"{self.path}[{i}]") for i, v in enumerate(self.value)]

    def text(self, chars_max: int) -> str:
        if not isinstance(self.value, str):
            self.fail(f"{self._seen()}: expected a text: put it into quotes")
        if not 1 <= len(self.value) <= chars_max:
            self.fail(f"{len(self.value)} characters: 1 to {chars_max} are possible")
        return str(self.value)

    def integer(self, allowed: Iterable[int], expected: str) -> int:
        if type(self.value) is not int or self.value not in allowed:
            self.fail(f"{self._seen()}: expected {expected}")
        return self.value

    def calendar_date(self) -> date:
        """A TOML date, which stands without quotes."""
        if type(self.value) is not date:
            self.fail(f"{self._seen()}: expected a date without quotes, such as 2026-03-01")
        if self.value.year not in YEARS:
            self.fail(f"{self.value}: expected a year from {YEARS[0]} to {YEARS[-1]}")
        return self.value

    def month_day(self) -> tuple[int, int]:
        """ "12-25" -> (12, 25): a date that every year has."""
        match = _MONTH_DAY.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None:
            self.fail(f'{self._seen()}: expected month and day such as "12-25"')
        month, day = int(match[1]), int(match[2])
        try:
            date(2021, month, day)  # a year without 29 February
        except ValueError:
            self.fail(f"{self._seen()}: no year, or not every year, has this date: correct it")
        return month, day

    def choice(self, options: Iterable[str]) -> str:
        options = tuple(options)
        if self.value not in options:
            self.fail(f"{self._seen()}: expected one of {', '.join(options)}")
        return str(self.value)

    def reference(self, names: Iterable[str], kind: str) -> int:
        """-> the index of the named thing among `names`."""
        names = list(names)
        if self.value in names:
            return names.index(self.value)
        near = difflib.get_close_matches(str(self.value), names, 1)
        hint = f"did you mean {near[0]}?" if near else f"defined are {', '.join(names)}"
        self.fail(f"{self._seen()} is not a {kind} of this file: {hint}")

    def scaled(self, decimals: int, low: int, high: int) -> int:
        """A decimal number -> the int of its 10^-decimals units; never rounded.

        low, high   bounds, in whole units
        """
        number = self._decimal()
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)
        if -exponent > decimals:
            self.fail(f"{-exponent} decimals in {number:f}: at most {decimals}")
        if not low <= number <= high:
            self.fail(f"{number:f}: expected {low} to {high}")
        return int(number.scaleb(decimals))

    def _decimal(self) -> Decimal:
        if isinstance(self.value, str) and _NUMBER.fullmatch(self.value):
            return Decimal(self.value)
        if type(self.value) is int or (isinstance(self.value, Decimal) and self.value.is_finite()):
            return Decimal(self.value)
        self.fail(f'{self._seen()}: expected a decimal number, such as "0.25"')

    def _children(self) -> dict[str, "Node"]:
        if not isinstance(self.value, dict):
            self.fail(f"{self._seen()}: expected a table of keys: see docs/tariffs.md")
        dot = f"{self.path}." if self.path else ""
        return {key: Node(v, self.file, f"{dot}{key}") for key, v in self.value.items()}

    def _seen(self) -> str:
        if isinstance(self.value, dict | list):
            return "a table" if isinstance(self.value, dict) else "a list"
        return f'"{self.value}"' if isinstance(self.value, str) else str(self.value).lower()


def parse(text: str, file: str) -> Node:
    """The whole file as one Node; numbers with a point are read as exact decimals."""
    try:
        return Node(tomllib.loads(text, parse_float=Decimal), file)
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"{file}: not TOML: {error}: correct it there") from None
