"""Answers to `wifi`, `mqtt`, `local`: who the meter talks to, and as whom. Never read back.

Loaded on demand. docs/home.md has what can be set; comms.profiles reads what is kept here.
"""

import json
from binascii import b2a_base64

from meter import codes
from meter.civil import EPOCH
from meter.compat import const
from meter.security import safe
from meter.security.gate import from_base64
from meter.service import Refused

_SSID = const(32)  # bytes, IEEE 802.11
_PASSWORD = (8, 63)  # characters of a WPA passphrase, IEEE 802.11
_PORT_MAX = const(65535)
_PROFILES = ("wifi", "mqtt", "home", "local")
_PARTS = ("main", "ca", "cert", "key")
# name -> longest text, None: true or false, or the range of an integer
_FIELDS = {
    "host": 64,
    "port": (1, _PORT_MAX),
    "tls": 4,
    "name": 64,
    "user": 64,
    "password": 64,
    "psk_identity": 32,
    "psk_key": 88,  # base64 of 64 bytes
    "keepalive_s": (10, 3600),
    "live_s": (1, 3600),
    "commands": None,
    "prefix": 32,
}
_TLS = ("none", "ca", "psk")
_NTP = const(64)
_UART, _ROLES = (1, 2), ("public", "reader")  # 0 is the console's
_LOCAL = {
    "p1": ("uart tx rx request invert role", "uart tx"),
    "readout": ("uart tx rx role", "uart tx rx"),
    "cosem": ("role", ""),
}
_PINS, _T1 = ("tx", "rx", "request"), ("t1", "t1_out")


def wifi(meter, identity, args):
    """Keep name and password of the network; ssid null: forget them."""
    if args["ssid"] is None:
        return _kept(meter, "wifi", 0, b"", "wifi")
    ssid, password = args["ssid"], args["password"]
    if not isinstance(ssid, str) or not 1 <= len(ssid.encode()) <= _SSID:
        _refuse("wifi: ssid: expected 1 to 32 bytes")
    if not isinstance(password, str) or not _PASSWORD[0] <= len(password) <= _PASSWORD[1]:
        _refuse("wifi: password: expected 8 to 63 characters: an open network is none for a meter")
    kept = [ssid, password]
    if args.get("ntp") is not None:
        if not _fits(_NTP, args["ntp"]):
            _refuse("wifi: ntp: expected the name of a time server, 64 bytes at most")
        kept.append(args["ntp"])
    return _kept(meter, "wifi", 0, json.dumps(kept).encode(), "wifi")


def mqtt(meter, identity, args):
    """Keep one part of a profile: its fields, or a certificate or key in DER."""
    args = dict(args)
    name, part = args.pop("profile"), args.pop("part", "main")
    if name not in _PROFILES[1:3] or part not in _PARTS:
        _refuse("mqtt: expected profile mqtt or home, part main, ca, cert or key")
    if part == "main":
        return _kept(meter, name, 0, _main(name, args), "mqtt")
    data = _decoded(args.pop("data"))
    if args or len(data) > safe.ROOM:
        _refuse("mqtt: data: expected DER of at most 466 bytes, a key of P-256 has 121")
    return _kept(meter, name + "_" + part, _PARTS.index(part), data, "mqtt")


def local(meter, identity, args):
    """Keep which roads run on the spot: p1, readout, cosem, each null or its settings; t1, t1_out:
    rates of the P1 telegram."""
    kept, args = {}, dict(args)
    rates = {name: args.pop(name) for name in _T1 if name in args}
    for name, settings in args.items():
        if name not in _LOCAL:
            _refuse("local: expected p1, readout, cosem, t1, t1_out")
        if settings is not None:
            _check_road(name, settings, meter.ports.local_pins)
            kept[name] = settings
    uarts = [settings["uart"] for name, settings in kept.items() if name != "cosem"]
    pins = [settings[pin] for settings in kept.values() for pin in _PINS if pin in settings]
    if len(set(uarts)) < len(uarts) or len(set(pins)) < len(pins):
        _refuse("local: two roads on one UART, or two lines on one GPIO")
    for name, numbers in rates.items():
        if "p1" not in kept or not isinstance(numbers, list) or not all(map(_is_rate, numbers)):
            _refuse("local: " + name + ": expected rate numbers, 1 to 16, and p1 beside them")
        kept["p1"][name] = numbers
    data = json.dumps(kept).encode() if kept else b""
    if len(data) > safe.ROOM:
        _refuse("local: the settings are too long together")
    return _kept(meter, "local", 0, data, "local")


def _check_road(name, settings, free):
    """free   GPIOs that the board leaves to such roads: any other would be taken from the meter"""
    known, needed = [names.split() for names in _LOCAL[name]]
    for field in needed:
        if field not in settings:
            _refuse("local: " + name + ": expected " + field)
    for field, value in settings.items():
        if field == "uart":
            good = type(value) is int and value in _UART
        elif field in _PINS:
            good = type(value) is int and value in free
        elif field == "role":
            good = value in _ROLES
        else:
            good = field == "invert" and _fits(None, value)
        if field not in known or not good:
            text = ": no such field, or not of its kind; GPIOs that are free: "
            _refuse("local: " + name + ": " + field[:16] + text + str(free))


def _is_rate(number):
    return _fits((1, 16), number)


def _main(name, args):
    """-> bytes to keep of the fields of a profile; b"": it is to be forgotten"""
    if args["host"] is None:
        return b""
    for field, value in args.items():
        if field not in _FIELDS or not _fits(_FIELDS[field], value):
            _refuse("mqtt: " + field[:16] + ": no such field, or not of its kind or length")
    if "port" not in args or args["tls"] not in _TLS:
        _refuse("mqtt: expected port, and tls none, ca or psk")
    if name == "mqtt" and args["tls"] == "none":
        _refuse("mqtt: tls: the utility is never talked to in plain text")
    if args["tls"] == "psk" and not ("psk_identity" in args and "psk_key" in args):
        _refuse("mqtt: tls psk: expected psk_identity and psk_key")
    _decoded(args.get("psk_key", ""))
    if "password" in args and "user" not in args:
        _refuse("mqtt: a password without a user")
    kept = json.dumps(args).encode()
    if len(kept) > safe.ROOM:
        _refuse("mqtt: the fields are too long together")
    return kept


def _decoded(text):
    """-> bytes. What is no base64 would be another key, or none."""
    data = from_base64(text.encode())
    if b2a_base64(data)[:-1] != text.encode():
        _refuse("mqtt: expected base64")
    return data


def _fits(kind, value):
    if kind is None:
        return value is True or value is False
    if isinstance(kind, tuple):
        return type(value) is int and kind[0] <= value <= kind[1]
    return isinstance(value, str) and 0 < len(value.encode()) <= kind


def _kept(meter, name, part, data, do):
    """Store it, leave an event, and let whoever runs it know."""
    gate = meter.gate
    if gate.keys is None:
        raise Refused("state", do + ": no keys to keep it under: run wattledger keys install")
    if meter.state == "ready":
        place = _PROFILES.index(name.partition("_")[0]) << 8 | part
        t = max(meter.live.t, meter.ports.clock.now() - EPOCH)
        meter.events.log(codes.EVENT_PROFILE, t, place, len(data), 0)
    safe.store(gate, name, data)
    gate.profiles += 1
    return {"set": bool(data)}


def _refuse(text):
    raise Refused("arguments", text)
