"""The tariff as ActivityCalendar and SpecialDaysTable (IEC 62056-6-2, classes 20 and 11).

Loaded on demand. The lists are read from the tariff file of the meter piece by piece, one element
in RAM at a time: once to count them, and once to send them.
"""

import binascii
import json

from comms import cosem_data as axdr
from comms.cosem_data import Denied, number, octets, structure
from meter.compat import const

_SCRIPT = octets(b"\x00\x00\x0a\x00\x64\xff")  # of the rates; selector t is the register 1.8.t
_NAME_MAX = const(64)
_OPEN, _CLOSE = const(0x5B), const(0x5D)  # [ ]


def activity(objects, attribute, selector, selection):
    """-> bytes or an iterator of bytes. objects: comms.cosem_objects.Objects."""
    found = objects.ask("info")["tariff"]
    if attribute == 10:
        at = found["at"] if found["passive"] else 0
        return octets(axdr.date_time(at) if at else axdr.wild())
    digest = found["active"]
    if attribute > 5:
        digest, attribute = found["passive"], attribute - 4
    if attribute == 2:
        return octets((digest or "").encode())
    if not digest:
        return axdr.array(0)
    key, encoded = (("seasons", _season), ("weeks", _week), ("days", _day))[attribute - 3]
    return _table(objects, digest, key, encoded)


def special_days(objects, attribute, selector, selection):
    """-> an iterator of bytes: entries of the active tariff"""
    digest = objects.ask("info")["tariff"]["active"]
    return _table(objects, digest, "special_days", _special_day) if digest else axdr.array(0)


def zone(objects, attribute, selector, selection):
    """-> the POSIX TZ rule of the local time that the calendar goes by"""
    digest, text = objects.ask("info")["tariff"]["active"], b""
    for piece in _after(objects, digest, b'"zone":') if digest else ():
        text += piece
        if len(text) > _NAME_MAX:
            break
    return octets((text.split(b'"') + [b""])[1])


def _table(objects, digest, key, encoded):
    """Yields an array with an element for each one of a list in the tariff file."""
    count = 0
    for _ in _elements(objects, digest, key):
        count += 1
    yield axdr.array(count)
    for place, element in enumerate(_elements(objects, digest, key)):
        yield encoded(place, element)


def _season(place, element):
    month, day, week = element
    start = octets(axdr.wild(month, day))
    return structure(octets(b"S%d" % (place + 1)), start, octets(b"W%d" % (week + 1)))


def _week(place, element):
    return structure(octets(b"W%d" % (place + 1)), *[number(axdr.U8, day + 1) for day in element])


def _day(place, element):
    actions = axdr.array(len(element))
    for minute, rate in element:
        start = octets(bytes((minute // 60, minute % 60, 0, 0)))
        actions += structure(start, _SCRIPT, number(axdr.U16, rate + 1))
    return structure(number(axdr.U8, place + 1), actions)


def _special_day(place, element):
    year, month, day, profile = element
    date = (year or 0xFFFF).to_bytes(2, "big") + bytes((month, day, 0xFF))
    return structure(number(axdr.U16, place + 1), octets(date), number(axdr.U8, profile + 1))


def _elements(objects, digest, key):
    """Yields each element of a list of lists of numbers, decoded."""
    depth, text = 0, b""
    for piece in _after(objects, digest, b'"' + key.encode() + b'":'):
        start = 0
        for i in range(len(piece)):
            if piece[i] == _OPEN:
                depth += 1
                if depth == 2:
                    start = i
            elif piece[i] == _CLOSE:
                depth -= 1
                if depth == 0:
                    return
                if depth == 1:
                    yield json.loads(text + piece[start : i + 1])
                    text = b""
        if depth > 1:
            text += piece[start:]


def _after(objects, digest, mark):
    """Yields the bytes of the tariff file behind a mark, which is a name of it: quotes within
    texts are escaped. Denied: the file is not there."""
    at, size, held, found = 0, 1, b"", False
    while at < size:
        answer = objects.ask("get", **{"name": digest, "from": at})
        data, size = binascii.a2b_base64(answer["data"].encode()), answer["size"]
        if not data:
            raise Denied(axdr.TEMPORARY_FAILURE)
        at += len(data)
        if found:
            yield data
            continue
        held = held[-len(mark) :] + data
        place = held.find(mark)
        if place >= 0:
            found = True
            yield held[place + len(mark) :]
