"""The load profile as ProfileGeneric (IEC 62056-6-2, class 7): loaded on demand.

The buffer is made as it is sent, from pages of the meter's own rows: docs/formats.md, "Row".
"""

import binascii
import struct

from comms import cosem_data as axdr
from comms.cosem_data import Denied, Malformed, number, octets, structure
from comms.cosem_objects import CLOCK, RATE, STATUS
from meter.compat import const

_PAGE = const(8)  # rows in one answer of the meter
_CLOCK_INVALID = const(2)  # status bit of a row
_REGISTERS = [bytes((1, 0, channel, 8, 0, 0xFF)) for channel in (1, 2, 3, 4)]
# (class, logical name), all with attribute 2; where each begins in an entry, after its head
_COLUMNS = [(8, CLOCK), (1, STATUS)] + [(3, name) for name in _REGISTERS] + [(1, RATE)]
_PLACES = (2, 16, 19, 28, 37, 46, 55, 57)
_ENTRY = ">BBBB12sBHBQBQBQBQBB"
_LOST = octets(axdr.wild()) + axdr.NULL * 6
_LOST_PLACES = (0, 14, 15, 16, 17, 18, 19, 20)
_BY_RANGE, _BY_ENTRY = const(1), const(2)
_FIFO = const(1)


def read(objects, attribute, selector, selection):
    """-> bytes or an iterator of bytes. objects: comms.cosem_objects.Objects."""
    if attribute == 2:
        try:
            return _buffer(objects, *_selected(objects, selector, selection))
        except (Malformed, TypeError, ValueError):  # of another kind, or of another number
            raise Denied(axdr.TYPE_UNMATCHED)
    if attribute == 3:
        return axdr.array(len(_COLUMNS)) + b"".join([_object(*column) for column in _COLUMNS])
    if attribute == 4:
        return number(axdr.U32, objects.ask("info")["interval_s"])
    if attribute == 5:
        return number(axdr.ENUM, _FIFO)
    if attribute == 6:
        return _object(*_COLUMNS[0])
    first, last = _held(objects)
    return number(
        axdr.U32, last - first + 1
    )  # in use, and what is promised, for older ones go one by one


def _object(class_id, name):
    return structure(
        number(axdr.U16, class_id), octets(name), number(axdr.I8, 2), number(axdr.U16, 0)
    )


def _held(objects):
    """-> (first, last) seq of the rows that this role may see"""
    found = objects.ask("rows", ring="profile", from_seq=1, n=0)
    return max(found["first"], 1), found["last"]


def _selected(objects, selector, selection):
    """-> (first seq, last seq, columns by index). TypeError, ValueError: no such selection."""
    first, last = _held(objects)
    columns = list(range(len(_COLUMNS)))
    if selector == _BY_ENTRY:
        low, high, left, right = selection
        if low < 1 or left < 1:
            raise ValueError
        if high:
            last = min(last, first + high - 1)
        return first + low - 1, last, columns[left - 1 : right or None]
    if selector == _BY_RANGE:
        (class_id, name, attribute, index), since, until, chosen = selection
        if (class_id, name, attribute, index) != (8, CLOCK, 2, 0):
            raise ValueError
        since, until = axdr.unix(since), axdr.unix(until)
        last = _first_at(objects, until + 1, first, last + 1) - 1
        first = _first_at(objects, since, first, last + 1)
        if chosen:
            columns = [_column(*column) for column in chosen]
    elif selector:
        raise Denied(axdr.SCOPE_VIOLATED)
    return first, last, columns


def _column(class_id, name, attribute, index):
    if (attribute, index) != (2, 0):
        raise ValueError
    return _COLUMNS.index((class_id, name))


def _first_at(objects, utc, low, high):
    """-> seq of the first row since then, or high; near it if the clock was ever set back."""
    while low < high:
        middle = (low + high) // 2
        found = objects.ask("rows", ring="profile", from_seq=middle, n=1)["rows"]
        if found and struct.unpack_from("<I", binascii.a2b_base64(found[0].encode()), 4)[0] < utc:
            low = middle + 1
        else:
            high = middle
    return low


def _buffer(objects, seq, last, columns):
    """Yields an array with an entry for each seq, also where the meter has lost the row, or does
    so while it is read: the count goes first."""
    whole = columns == list(range(len(_COLUMNS)))
    yield axdr.array(max(last - seq + 1, 0))
    while seq <= last:
        found = objects.ask("rows", ring="profile", from_seq=seq, n=_PAGE)
        page = []
        for text in found["rows"]:
            row = binascii.a2b_base64(text.encode())
            at = int.from_bytes(row[:4], "little")
            while seq < at and seq <= last:
                page.append(_entry(_LOST, _LOST_PLACES, columns, False))
                seq += 1
            if seq <= last:
                page.append(_entry(_encoded(row), _PLACES, columns, whole))
                seq += 1
        while seq < found["next"] and seq <= last:
            page.append(_entry(_LOST, _LOST_PLACES, columns, False))
            seq += 1
        if not page:  # a journal of a new life: what was begun cannot be ended
            raise Denied(axdr.TEMPORARY_FAILURE)
        yield b"".join(page)


def _encoded(row):
    """-> an entry of all columns"""
    utc = struct.unpack_from("<I", row, 4)[0]
    status, rate = struct.unpack_from("<HB", row, 32)
    energies = [int.from_bytes(row[at : at + 6], "little") for at in (8, 14, 20, 26)]
    time = axdr.date_time(utc, 1 if status & _CLOCK_INVALID else 0)
    plus, minus, reactive_plus, reactive_minus = energies
    return struct.pack(
        _ENTRY, 2, len(_COLUMNS), 9, len(time), time, 0x12, status, 0x15, plus, 0x15, minus,
        0x15, reactive_plus, 0x15, reactive_minus, 0x11, rate + 1,
    )  # fmt: skip


def _entry(data, places, columns, whole):
    if whole:
        return data
    parts = [data[places[i] : places[i + 1]] for i in columns]
    return structure(*parts)
