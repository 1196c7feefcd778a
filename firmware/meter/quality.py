"""Power quality and tamper: what each tick shows, debounced by time, as events and counters.

Only a board that asks for it loads this (drivers.quality_ports); names, OBIS codes and texts are
in meter.quality_codes, on demand. Voltages and currents are the IC's rms values against the
board's ratings, never the IC's own threshold bits: at their defaults those are set on a good
supply. What lasts less than two ticks is not seen.
"""

import binascii
import struct

from meter.civil import EPOCH
from meter.compat import const
from meter.errors import MeterError

# Watches, by number: the kinds SAG to LOSS have one a phase, the others one.
_PHASED = const(12)
_NEUTRAL_BIT = const(1 << 13)
_TEMPERATURE_BIT = const(1 << 14)
_REVERSE_BIT = const(1 << 15)
_SEQUENCE_BIT = const(1 << 12)
_COVER_BIT = const(1 << 16)
_WATCHES = const(18)
_FAILURE = const(18)  # counters without a watch: power failures, and those of 3 min or more
_LONG_FAILURE = const(19)
COUNTERS = const(20)
# Kinds: sag, swell, over-current, phase loss, sequence, neutral, temperature, reverse, cover,
# magnet. Seconds that a condition holds before it counts, and is gone before it has ended.
_START_S = b"\x02\x02\x0a\x05\x0a\x0a\x3c\x3c\x01\x02"
_END_S = b"\x02\x02\x0a\x05\x0a\x0a\x3c\x3c\x05\x05"
_METROLOGY = const(0x010)  # event of the first kind, then its end, and so on
_SECURITY = const(0x401)  # the same from kind _REVERSE on
_REVERSE = const(7)

# percent of Un, Imax: where a condition begins, where it ends
_SAG, _SAG_END = const(90), const(92)
_SWELL, _SWELL_END = const(110), const(108)
_LOSS, _LOSS_END = const(45), const(50)
_OVER_END = const(95)
_DIFFERENCE = const(10)  # percent of the larger current that phase and neutral may differ
_DIFFERENCE_MA = const(500)
_TEMPERATURE_K = const(3)  # back inside by so much

_NEVER = const(-1)
_DT_S_MAX = const(5)  # a clock that is set, or a late tick, ends no debounce
_SLOW_S = const(60)  # between two looks at the temperature, and arms of the sag interrupt
_SAVE_S = const(900)  # between two writes of the counters; see docs/formats.md
_LONG_S = const(180)
FORMAT = const(1)
HEADER_SIZE = const(8)  # format u8, counters u8, 0 u16, since u32 Unix s
ENTRY = "<HII"  # count, first and last beginning, Unix s
ENTRY_SIZE = const(10)
RECORD_SIZE = const(212)  # and CRC32
_MOST = const(0xFFFF)


class Quality:
    """Told by the meter of each tick.

    limits   dict: wiring "1p" "1pn" "2c" "3p3w" "3p4w", un_mv, imax_ma, reverse_mw (0: power
             may flow back, as it may by any tariff that pays for it), temp_c (low, high)
    store    `load() -> bytes`, `store(buf)`; OSError or MeterError
    inputs   callable -> bit 0: cover open, bit 1: magnet; None: the board has neither
    temperature   callable -> degrees C, or None
    chip     has `wrong_sequence()` -> bool and `arm_sag()`, where the IC tells; else None

    active   bit of each watch whose condition holds, debounced
    record   the counters as they are kept, docs/formats.md
    failure  text of the last error of store or inputs, or None
    """

    def __init__(self, limits, store, inputs=None, temperature=None, chip=None):
        wiring, un_mv, imax_ma = limits["wiring"], limits["un_mv"], limits["imax_ma"]
        self._phases = {"3p4w": (0, 1, 2), "3p3w": (0, 2), "2c": (0, 1)}.get(wiring, (0,))
        self._wiring, self._imax_ma = wiring, imax_ma
        self._volts = [
            un_mv * n // 100 for n in (_SAG, _SAG_END, _SWELL, _SWELL_END, _LOSS, _LOSS_END)
        ]
        self._reverse_mw, self._temp_c = limits.get("reverse_mw", 0), limits.get("temp_c")
        self._store, self._inputs, self._chip = store, inputs, chip
        self._temperature, self._celsius = temperature, None
        # Core second of the last tick, seconds watched up to it, and up to the tick before: one
        # store, so that a tick that is repeated judges as it did.
        self._time = _NEVER, 0, 0
        self._since_s, self._began = [_NEVER] * _WATCHES, [0] * _WATCHES
        self._values, self._worst = [0] * _WATCHES, [0] * _WATCHES
        self.active, self.failure = 0, None
        self._slow_t = -_SLOW_S
        self._dirty, self._saved_t = False, -_SAVE_S
        self.record = bytearray(RECORD_SIZE)
        self._load()

    def tick(self, meter, t, calm):
        """Judge meter.sample. t: core seconds, as told; calm: whether flash may be written.

        Interrupted anywhere and repeated with the same t it counts nothing twice.
        """
        seen_t, watched_s, _ = self._time
        if t != seen_t:
            dt_s = min(max(t - seen_t, 0), _DT_S_MAX) if seen_t != _NEVER else 0
            self._time = t, watched_s + dt_s, watched_s
        if not 0 <= t - self._slow_t < _SLOW_S:
            self._slow_t = t
            self._slow()
        found = self._judge(meter)
        changing = found ^ self.active
        for watch in range(_WATCHES):
            bit = 1 << watch
            if changing & bit:
                self._debounce(meter, watch, t)
            elif self._since_s[watch] != _NEVER:
                self._since_s[watch] = _NEVER
            if found & self.active & bit:
                self._worst[watch] = self._worse(watch)
        if self._dirty and calm and not 0 <= t - self._saved_t < _SAVE_S:
            self._save()
            self._saved_t = t

    def counter(self, number):
        """-> count, first and last beginning in Unix s. number: 0 to 19, see quality_codes."""
        return struct.unpack_from(ENTRY, self.record, HEADER_SIZE + ENTRY_SIZE * number)

    @property
    def since(self):
        """Unix s of the first that was ever counted, 0: none."""
        return struct.unpack_from("<I", self.record, 4)[0]

    def power_failed(self, failed_t, back_t):
        """The supply was gone between these core seconds; told before the first tick.

        Its time is that of its end, which is the same when this is repeated.
        """
        self._count(_FAILURE, back_t + EPOCH)
        if back_t - failed_t >= _LONG_S:
            self._count(_LONG_FAILURE, back_t + EPOCH)

    def _debounce(self, meter, watch, t):
        kind, bit = _kind_of(watch), 1 << watch
        ending = self.active & bit
        _, watched_s, before_s = self._time
        if self._since_s[watch] == _NEVER:
            if not ending:
                self._began[watch] = max(t, 0) + EPOCH
                self._worst[watch] = self._values[watch]
            self._since_s[watch] = before_s
        if watched_s - self._since_s[watch] < (_END_S if ending else _START_S)[kind]:
            return
        event = _METROLOGY + 2 * kind
        if kind >= _REVERSE:
            event = _SECURITY + 2 * (kind - _REVERSE)
        # Before the rest: what breaks this off writes it twice, not never.
        value = self._worst[watch] if ending else self._values[watch]
        phase = watch % 3 + 1 if watch < _PHASED else 0
        meter.events.log(event + (1 if ending else 0), meter.live.t, phase, value)
        if not ending:
            self._count(watch, self._began[watch])
        self.active ^= bit
        self._since_s[watch] = _NEVER

    # what is seen

    def _judge(self, meter):
        """-> bits of the conditions that hold at this read, each with its hysteresis."""
        sample, active = meter.sample, self.active
        found = self._inputs_now() << 16
        found |= self._of_phases(sample)
        power_mw = sum(sample.p_mw)
        self._values[15] = power_mw
        if self._reverse_mw and power_mw < -self._reverse_mw and not _sells(meter.contract):
            found |= _REVERSE_BIT
        if self._celsius is not None and self._temp_c:
            low, high = self._temp_c
            if active & _TEMPERATURE_BIT:
                low, high = low + _TEMPERATURE_K, high - _TEMPERATURE_K
            self._values[14] = self._celsius
            if not low <= self._celsius <= high:
                found |= _TEMPERATURE_BIT
        return found

    def _of_phases(self, sample):
        sag, sag_end, swell, swell_end, loss, loss_end = self._volts
        active, values, found, live = self.active, self._values, 0, 0
        for phase in self._phases:
            if sample.v_mv[phase] >= loss:
                live += 1
        if not live:  # no supply at all: a power failure, or a bench
            return active & ((1 << _PHASED + 2) - 1)
        over_end = self._imax_ma * _OVER_END // 100
        for phase in self._phases:
            v_mv, i_ma, bits = sample.v_mv[phase], sample.i_ma[phase], active >> phase
            values[phase] = values[phase + 3] = values[phase + 9] = v_mv
            values[phase + 6] = i_ma
            if v_mv < (loss_end if bits & 1 << 9 else loss):
                found |= 1 << phase + 9
            elif v_mv < (sag_end if bits & 1 else sag):
                found |= 1 << phase
            elif v_mv > (swell_end if bits & 1 << 3 else swell):
                found |= 1 << phase + 3
            if i_ma > (over_end if bits & 1 << 6 else self._imax_ma):
                found |= 1 << phase + 6
        if self._neutral_is_wrong(sample, found):
            found |= _NEUTRAL_BIT
        if live == 3 and self._chip is not None and self._chip.wrong_sequence():
            found |= _SEQUENCE_BIT
        return found

    def _neutral_is_wrong(self, sample, found):
        """1pn: what flows in does not flow back. 3p4w: one phase sags while another swells, as
        they do around a star point that has lost its neutral."""
        if self._wiring == "3p4w":
            return found & 7 and found & 7 << 3
        if self._wiring != "1pn":
            return False
        one_ma, other_ma = sample.i_ma[0], sample.i_ma[1]
        self._values[13] = difference_ma = abs(one_ma - other_ma)
        return difference_ma > _DIFFERENCE_MA + max(one_ma, other_ma) * _DIFFERENCE // 100

    def _worse(self, watch):
        """-> the worse of the worst so far and the value now."""
        worst, now = self._worst[watch], self._values[watch]
        kind = _kind_of(watch)
        if kind in (1, 2, 5) or (kind == 6 and self._temp_c and now > self._temp_c[0]):
            return max(worst, now)
        return min(worst, now)

    def _inputs_now(self):
        return self._inputs() if self._inputs is not None else 0

    def _slow(self):
        """Once a minute: the temperature, and the IC's sag interrupt, so that a supply that
        flickers has no more than one last gasp a minute."""
        try:
            if self._temperature is not None:
                self._celsius = self._temperature()
            if self._chip is not None:
                self._chip.arm_sag()
        except (MeterError, OSError) as error:
            self.failure = "quality: " + str(error)

    # counters

    def _load(self):
        kept = b""
        try:
            kept = self._store.load()
        except (MeterError, OSError) as error:
            self.failure = "quality: " + str(error)
        record = self.record
        whole = len(kept) == RECORD_SIZE and kept[0] == FORMAT and kept[1] == COUNTERS
        if (
            whole
            and binascii.crc32(kept[:-4]) == struct.unpack_from("<I", kept, RECORD_SIZE - 4)[0]
        ):
            record[:] = kept
        else:  # `since` stays 0 until the first count: no one knows what was before
            struct.pack_into("<BBHI", record, 0, FORMAT, COUNTERS, 0, 0)

    def _count(self, counter, utc):
        """One more, that began at Unix s utc; told again of the same one, none."""
        count, first, last = self.counter(counter)
        if count and last == utc:
            return
        self._dirty = True
        at = HEADER_SIZE + ENTRY_SIZE * counter
        if not self.since:
            struct.pack_into("<I", self.record, 4, utc)
        struct.pack_into(ENTRY, self.record, at, min(count + 1, _MOST), first or utc, utc)

    def _save(self):
        record = self.record
        struct.pack_into("<I", record, RECORD_SIZE - 4, binascii.crc32(memoryview(record)[:-4]))
        try:
            self._store.store(record)
        except (MeterError, OSError) as error:
            self.failure = "quality: counters not stored: " + str(error)
            return
        self._dirty, self.failure = False, None


def _sells(contract):
    """-> whether the tariff pays for energy that flows back, or none is in force that says."""
    tariff = contract.tariff
    if not contract.w.period or tariff.netting != "none":
        return True
    for rate in range(tariff.imports, len(tariff.rates)):
        if tariff.price_nano(rate, 0) or (tariff.dynamic and tariff.dynamic[rate]):
            return True
    return False


def _kind_of(watch):
    return watch // 3 if watch < _PHASED else watch - 8


assert HEADER_SIZE + COUNTERS * ENTRY_SIZE + 4 == RECORD_SIZE
assert struct.calcsize(ENTRY) == ENTRY_SIZE
assert len(_START_S) == len(_END_S) == _WATCHES - 8
