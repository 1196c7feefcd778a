"""The ports of a simulated meter, in RAM: a load that is counted, a clock that is told."""

import binascii
import hashlib
import os
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from meter.errors import MeterError

UJ_PER_COUNT = 60_000_000  # a count is a watt-minute: 600 imp/kWh and 0.01 CF
FILE_BYTES_MAX = 8192


class LoadChip:
    """A metering IC that counts a load of boards.virtual.load.

    on   whether the load switch lets the load through
    """

    window_counts = 65535
    energy_ratio = (50, 3)
    pmax_w = 15000

    def __init__(self, load: Any, unix_s: int) -> None:
        self._load, self._at_ms, self.now_ms = load, unix_s * 1000, unix_s * 1000
        self._uj = [0] * 6  # import, export, q1, q2, q3, q4: of this driver object
        self.on = True

    def start(self, calibration: Any) -> None:
        pass

    def ok(self) -> bool:
        return True

    def read(self, sample: Any) -> None:
        point = None
        for start_ms, end_ms, point in self._load.segments(self._at_ms, self.now_ms):
            p, q = (sum(point.p_mw), sum(point.q_mvar)) if self.on else (0, 0)
            step_ms = end_ms - start_ms
            self._uj[0 if p >= 0 else 1] += abs(p) * step_ms
            self._uj[(2 if p >= 0 else 3) if q >= 0 else (5 if p >= 0 else 4)] += abs(q) * step_ms
        self._at_ms = max(self._at_ms, self.now_ms)
        sample.counts = (*(uj // UJ_PER_COUNT for uj in self._uj), None)
        if point is not None:
            sample.v_mv[:], sample.i_ma[:] = point.v_mv, point.i_ma
            sample.p_mw[:] = point.p_mw if self.on else (0, 0, 0)
            sample.freq_mhz = point.freq_mhz
        sample.flags = 0


class Clock:
    """utc   Unix s, moved by whoever simulates"""

    def __init__(self, utc: int) -> None:
        self.utc = utc

    def now(self) -> int:
        return self.utc

    def quality(self) -> int:
        return 2

    def set(self, utc: int) -> None:
        self.utc = utc

    discipline = set


class Retained:
    def __init__(self) -> None:
        self._kept = b""

    def load(self) -> bytes:
        return self._kept

    def store(self, buf: bytes) -> None:
        self._kept = bytes(buf)


class Files:
    """Tariff and price files by digest, as drivers.files keeps them."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}
        self._new: tuple[str, bytes] = "", b""

    def load(self, start: str) -> bytes | None:
        return next((data for name, data in self._held.items() if name.startswith(start)), None)

    def put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self._held[name] = data
        return name

    def candidate(self, name: str, at: int, data: bytes, size: int) -> int:
        if not 0 < size <= FILE_BYTES_MAX or at + len(data) > size:
            raise MeterError(f"files: {size} bytes, expected at most {FILE_BYTES_MAX}")
        if name in self._held:
            return size
        held = self._new[1] if self._new[0] == name else b""
        if at == len(held):
            held += data
        self._new = name, held
        if len(held) == size:
            self._new = "", b""
            if hashlib.sha256(held).hexdigest() != name:
                raise MeterError(f"files: {name[:16]}: not what it is named: send it again")
            self._held[name] = held
        return len(held)

    def read(self, name: str, at: int) -> tuple[str, int, bytes] | None:
        for found, data in self._held.items():
            if found.startswith(name):
                return found, len(data), data[at : at + 512]
        return None

    def names(self) -> list[str]:
        return sorted(self._held)

    def remove(self, name: str) -> None:
        self._held.pop(name, None)


class Outputs:
    """The load switch opens and closes what the IC counts."""

    def __init__(self, chip: LoadChip) -> None:
        self._chip = chip
        self.alarmed = False

    def load_switch(self, on: bool) -> None:
        self._chip.on = on

    def alarm(self, on: bool) -> None:
        self.alarmed = on


class Vault:
    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        return self._held.get(name)

    def store(self, name: str, data: bytes) -> None:
        self._held[name] = bytes(data)


class Crypto:
    def aes_ecb(self, key: bytes) -> "_Ecb":
        return _Ecb(key)

    def random(self, size: int) -> bytes:
        return os.urandom(size)


class _Ecb:
    def __init__(self, key: bytes) -> None:
        self._encryptor = Cipher(AES(key), ECB()).encryptor()

    def encrypt(self, block: bytes) -> bytes:
        return self._encryptor.update(bytes(block))


class Watchdog:
    def feed(self) -> None:
        pass


class Ports:
    """flash, retained RAM, vault and files are given: they live on when the software restarts."""

    has_power_fail = False
    quality = None

    def __init__(self, chip: LoadChip, clock: Clock, flash: Any, lasting: "Lasting") -> None:
        self.chip, self.clock, self.flash = chip, clock, flash
        self.retained, self.files = lasting.retained, lasting.files
        self.outputs, self.watchdog = Outputs(chip), Watchdog()


class Lasting:
    """What a restart of the software leaves."""

    def __init__(self) -> None:
        self.retained, self.files, self.vault = Retained(), Files(), Vault()


def salt_of(serial: str) -> int:
    """-> u32 > 0 for the journal of this meter; the same each time"""
    return binascii.crc32(serial.encode()) or 1
