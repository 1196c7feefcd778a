"""The association of the public client with its object list (IEC 62056-6-2, class 15): loaded on
demand."""

from comms import cosem_data as axdr
from comms.cosem_data import Denied, number, octets, structure
from comms.cosem_objects import FIXED, unit
from meter.compat import const

_REGISTER, _PROFILE, _ASSOCIATION = const(3), const(7), const(15)
_LIST, _SECRET = const(2), const(7)
# partners, context, conformance and sizes as comms.cosem has them, mechanism, none, associated
_PARTS = (
    b"\x02\x02\x0f\x10\x12\x00\x01",
    b"\x09\x07\x60\x85\x74\x05\x08\x01\x01",
    b"\x02\x06\x04\x18\x00\x10\x14\x12\x02\x00\x12\x04\x00\x11\x06\x0f\x00\x09\x00",
    b"\x09\x07\x60\x85\x74\x05\x08\x02\x00",
    b"",
    b"\x16\x02",
)


def read(objects, attribute, selector, selection):
    """-> bytes or an iterator of bytes. objects: comms.cosem_objects.Objects."""
    if attribute == _SECRET:
        raise Denied(axdr.READ_WRITE_DENIED)
    return _list(objects) if attribute == _LIST else _PARTS[attribute - 3]


def _list(objects):
    """Yields object_list: what this role may read."""
    codes = []
    for values in (objects.energies, objects.live):
        try:
            codes.extend([code for code in sorted(values()) if unit(code)])
        except Denied:  # not for this role
            continue
    fixed = [name for name in FIXED if objects.may(name)]
    yield axdr.array(len(fixed) + len(codes))
    for name in fixed:
        yield _listed(name, *FIXED[name][:3])
    for code in codes:
        name = bytes([1, 0] + [int(part) for part in code.split(".")] + [0xFF])
        yield _listed(name, _REGISTER, 0, 3)


def _listed(name, class_id, version, attributes):
    """-> an element of object_list: all attributes are read only, there are no methods."""
    access = [b"\x02\x02\x01" + bytes((attributes,))]
    for attribute in range(1, attributes + 1):
        mode = 0 if class_id == _ASSOCIATION and attribute == _SECRET else 1
        selective = class_id == _PROFILE and attribute == 2
        selectors = b"\x01\x02\x0f\x01\x0f\x02" if selective else axdr.NULL
        parts = number(axdr.I8, attribute), number(axdr.ENUM, mode), selectors
        access.append(structure(*parts))
    access.append(axdr.array(0))
    head = number(axdr.U16, class_id), number(axdr.U8, version), octets(name)
    return structure(*head, b"".join(access))
