"""Load files: `timestamp,p_kw[,q_kvar,v,a]` or `timestamp,kwh[,kvarh_lag,kvarh_lead,v,a]`.

Stamps are the START of an interval, as 2006-12-16T17:24[:00], in UTC, in a zone, or with an
offset of their own; steps are equal. Other columns are ignored. A row whose cells are all
empty is a missing measurement and carries no energy; `missing` counts them.
"""

from array import array

from boards.virtual.load import Rows

_NOMINAL_MV = 230000
_COLUMNS = ("p_kw", "q_kvar", "kwh", "kvarh_lag", "kvarh_lead", "v", "a")


class LoadError(ValueError):
    """file, line, what was found against what was expected."""


class CsvLoad(Rows):
    """Rows in arrays; `missing` counts the empty ones."""

    def __init__(self, stamps, energies, reactive, v_mv, i_ma, repeat, phases):
        Rows.__init__(self, stamps[0] * 1000, stamps[1] * 1000, len(energies), repeat, phases)
        self._p_uj, self._q_uj, self._v_mv, self._i_ma = energies, reactive, v_mv, i_ma
        self.missing = 0

    def row(self, index):
        i_ma = self._i_ma[index] if self._i_ma else None
        return self._p_uj[index], self._q_uj[index], self._v_mv[index], i_ma, 50000


def read_csv(path, start=None, zone=None, repeat=False, phases=1):
    """-> CsvLoad; see `boards.virtual.load.open_load`. LoadError, OSError."""
    with open(path) as file:
        lines = file.read().split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    reader = _Reader(str(path), lines, zone)
    p_uj, q_uj = array("q"), array("q")
    v_mv, i_ma = array("l"), array("l")
    missing = 0
    for number in range(2, len(lines) + 1):
        row = reader.row(number)
        missing += row is None
        p, q, v, i = row or (0, 0, _NOMINAL_MV, 0)
        p_uj.append(p)
        q_uj.append(q)
        v_mv.append(v)
        if i is not None:
            i_ma.append(i)
    first_s = reader.first_s if start is None else start
    load = CsvLoad((first_s, reader.step_s), p_uj, q_uj, v_mv, i_ma, repeat, phases)
    load.missing = missing
    return load


class _Reader:
    def __init__(self, name, lines, zone):
        self._name, self._lines = name, lines
        self._zone = _zone(zone)
        header = [x.strip() for x in lines[0].split(",")] if lines else []
        self._width = len(header)
        self._at = {x: header.index(x) for x in _COLUMNS if x in header}
        if "timestamp" not in header or ("p_kw" in self._at) == ("kwh" in self._at):
            self._refuse(1, "header needs timestamp and either p_kw or kwh")
        if len(lines) < 3:
            self._refuse(len(lines), "needs two rows or more, to know the step")
        self._stamp_at = header.index("timestamp")
        self.first_s = self._stamp(2, None)
        self.step_s = self._stamp(3, self.first_s) - self.first_s
        if self.step_s <= 0:
            self._refuse(3, "timestamp is not after the one before")
        self._expected_s = self.first_s

    def row(self, number):
        """-> (uJ, uJ reactive, v_mv, i_ma or None), or None for an empty row."""
        found_s = self._stamp(number, self._expected_s - 1)
        if found_s != self._expected_s:
            off_s = found_s - self._expected_s
            self._refuse(number, f"timestamp is {off_s} s off the step of {self.step_s} s")
        self._expected_s += self.step_s
        cells = self._cells(number)
        if not any(cells[i].strip() for i in self._at.values()):
            return None
        if "p_kw" in self._at:
            p_uj = self._value(number, "p_kw", 9) * self.step_s
            q_uj = self._value(number, "q_kvar", 9) * self.step_s
        else:  # 1e-11 kWh is 36 uJ
            p_uj = self._value(number, "kwh", 11) * 36
            lag, lead = (self._value(number, x, 11) for x in ("kvarh_lag", "kvarh_lead"))
            q_uj = (lag - lead) * 36
        v_mv = self._value(number, "v", 3) if "v" in self._at else _NOMINAL_MV
        i_ma = self._value(number, "a", 3) if "a" in self._at else None
        return p_uj, q_uj, v_mv, i_ma

    def _cells(self, number):
        cells = self._lines[number - 1].split(",")
        if len(cells) != self._width:
            self._refuse(number, f"has {len(cells)} cells, the header {self._width}")
        return cells

    def _value(self, number, column, digits):
        """-> the cell times 10**digits, rounded; 0 where the column does not exist."""
        if column not in self._at:
            return 0
        text = self._cells(number)[self._at[column]].strip()
        negative = text[:1] == "-"
        whole, _, part = (text[1:] if text[:1] in ("+", "-") else text).partition(".")
        if not (whole + part).isdigit():
            self._refuse(number, f"{column} is {text!r}, expected a decimal number")
        part = (part + "0" * digits)[: max(digits + 1, len(part))]
        value = int((whole or "0") + part[:digits])
        if part[digits : digits + 1] >= "5":
            value += 1
        return -value if negative else value

    def _stamp(self, number, after_s):
        """-> Unix s; of a local time that comes twice the first one later than `after_s`."""
        text = self._cells(number)[self._stamp_at].strip()
        try:
            local_s, offset_s = parse_stamp(text)
        except ValueError:
            self._refuse(number, f"timestamp is {text!r}, expected 2006-12-16T17:24")
        if offset_s is not None:
            return local_s - offset_s
        return self._zone(local_s, after_s)

    def _refuse(self, number, text):
        raise LoadError(f"{self._name} line {number}: {text}")


def parse_stamp(text):
    """-> (seconds of the local reading since 1970, offset from UTC in s or None).

    ValueError: not YYYY-MM-DD[T ]HH:MM[:SS][Z or +HH:MM], or no such time.
    """
    offset_s = None
    if text[-1:] == "Z":
        text, offset_s = text[:-1], 0
    elif text[-6:-5] in ("+", "-") and text[-3:-2] == ":" and len(text) > 16:
        sign = -1 if text[-6] == "-" else 1
        offset_s = sign * (_number(text[-5:-3]) * 3600 + _number(text[-2:]) * 60)
        text = text[:-6]
    shape = "dddd-dd-dd dd:dd:dd"[: len(text)]
    if len(text) not in (16, 19) or text[10] not in "T ":
        raise ValueError
    for want, got in zip(shape, text):
        if want in "-:" and want != got:
            raise ValueError
    year, month, day = _number(text[:4]), _number(text[5:7]), _number(text[8:10])
    hour, minute = _number(text[11:13]), _number(text[14:16])
    second = _number(text[17:19]) if len(text) == 19 else 0
    days = days_from_civil(year, month, day)
    if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23 or minute > 59 or second > 59:
        raise ValueError
    if days >= days_from_civil(year + month // 12, month % 12 + 1, 1):
        raise ValueError
    return days * 86400 + hour * 3600 + minute * 60 + second, offset_s


def _number(text):
    if not text.isdigit():
        raise ValueError
    return int(text)


def days_from_civil(year, month, day):
    """-> days since 1970-01-01 of a date in the Gregorian calendar."""
    year -= month <= 2
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719468


def _zone(name):
    """-> function (local s, after_s) -> Unix s."""
    if name is None:
        return lambda local_s, after_s: local_s
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise LoadError(f"load: no time zone {name!r}: expected a name such as Europe/Paris")
    epoch = datetime(1970, 1, 1)

    def to_unix(local_s, after_s):
        local = (epoch + timedelta(seconds=local_s)).replace(tzinfo=zone)
        unix_s = int(local.timestamp())
        if after_s is not None and unix_s <= after_s:
            unix_s = int(local.replace(fold=1).timestamp())
        return unix_s

    return to_unix
