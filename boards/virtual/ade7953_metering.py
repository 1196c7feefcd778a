"""What an ADE7953 measures: a load in, energy counts and live values out.

After the datasheet, revision C. Energy is exact in integers: at full scale of voltage and current,
and gains of 400000h, 206 900 counts come each second. Two things are taken from drivers and the
application note, not from the datasheet: that an rms offset counts 2^12 of the square, and that a
positive PHCAL delays the current.
"""

from boards.virtual.load import isqrt

_NW = 1000000  # nW in a mW
_GAIN = 0x400000
_RMS_FULL_SCALE = 9032007
_PEAK_FULL_SCALE = 6500000
_POWER_FULL_SCALE = 4862401
_COUNTS_PER_S = 206900
_POWER_OFFSET = 512  # counts of an offset register in one of a power register
_RMS_OFFSET_BITS = 12  # of the square of an rms register in a count of its offset register
_PHASE_NS = 1117  # of a step of PHCAL
# of channel A, B: gains of current, of P, Q, S; offsets of current, of P, Q, S; PHCAL
_CHANNELS = (
    (0x280, (0x282, 0x283, 0x284), 0x286, (0x289, 0x28A, 0x28B), 0x108),
    (0x28C, (0x28E, 0x28F, 0x290), 0x292, (0x295, 0x296, 0x297), 0x109),
)


class Metering:
    """ct vt        (primary, secondary)
    full_scale      (mV, mA)
    shared          AVGAIN is for the power of channel B too

    energy      signed counts in registers 21E..223: active A, B, reactive A, B, apparent A, B
    true        the same without end, forward and reverse: index 6 * channel + 2 * kind
    interrupts  IRQSTATA and IRQSTATB
    """

    def __init__(self, ct, vt, full_scale, shared):
        self._ct, self._vt, self._shared = ct, vt, shared
        self._v_mv, self._i_ma = full_scale
        self._full_nw = full_scale[0] * full_scale[1] * 1000
        self.true = [0] * 12

    def power_on(self, registers):
        self._registers = registers
        self.energy = [0] * 6
        self.interrupts = [0, 0]
        self._residue = [0] * 6  # signed, below one count; as `energy`
        self._powers = [0] * 6
        self._no_load = 0  # by index
        self.point = None  # the load point in use; None: look again

    def use(self, point):
        """Take a load point: the live values, and what each accumulator gains in a ms."""
        fresh, before = self.point is None, self.accmode()
        self.point, vt = point, self._vt
        v_gain = self._registers[0x281]
        self._v_code = (
            point.v_mv[0] * vt[1] * _RMS_FULL_SCALE * v_gain // (self._v_mv * vt[0] * _GAIN)
        )
        self.vrms = self._corrected(self._v_code, 0x288)
        self.freq_mhz = point.freq_mhz if self._v_code else 0
        self.irms = []
        for channel in range(2):
            self._use_channel(channel, point, v_gain)
        if not fresh:
            self._note_changes(before)

    def _use_channel(self, channel, point, v_gain):
        current, gains, rms_offset, offsets, phase = _CHANNELS[channel]
        ct, vt = self._ct, self._vt
        i_gain = self._registers[current]
        code = (
            point.i_ma[channel] * ct[1] * _RMS_FULL_SCALE * i_gain // (self._i_ma * ct[0] * _GAIN)
        )
        self.irms.append(self._corrected(code, rms_offset))
        if channel == 1 and not self._shared:
            v_gain = _GAIN
        num = ct[1] * vt[1] * v_gain * i_gain * _NW
        den = ct[0] * vt[0] * _GAIN * _GAIN
        p_mw, q_mvar = point.delayed(channel, self._delay_ns(phase))
        s_mva = point.v_mv[0] * point.i_ma[channel] // 1000
        for kind, power in enumerate((p_mw, q_mvar, s_mva)):
            power = power * num * self._registers[gains[kind]] // (den * _GAIN)
            power += (
                self._signed(offsets[kind]) * self._full_nw // (_POWER_FULL_SCALE * _POWER_OFFSET)
            )
            index = 2 * kind + channel
            self._powers[index] = power
            # X_NOLOAD = 65536 - Y/1.4, where full scale is Y times the threshold
            steps = 65536 - self._registers[0x203 + kind]
            idle = abs(power) * 14 * steps < 10 * self._full_nw
            if idle and not self._registers[0x001] >> kind & 1:
                self._no_load |= 1 << index
            else:
                self._no_load &= ~(1 << index)

    def _corrected(self, code, offset):
        square = code * code + (self._signed(offset) << _RMS_OFFSET_BITS)
        return min(isqrt(square) if square > 0 else 0, 0xFFFFFF)

    def _signed(self, register):
        value = self._registers[register]
        return value - 0x1000000 if value & 0x800000 else value

    def _delay_ns(self, register):
        """PHCAL: sign and magnitude; positive is taken to delay the current."""
        value = self._registers[register]
        return (value & 0x1FF) * _PHASE_NS * (-1 if value & 0x200 else 1)

    def integrate(self, dt_ms):
        """Count what the load of `use` gives in that time."""
        count = self._full_nw * 1000
        for index in range(6):
            power = self._powers[index]
            if not power or self._no_load >> index & 1:
                continue
            total = self._residue[index] + power * _COUNTS_PER_S * dt_ms
            counts = abs(total) // count
            if counts:
                channel, kind = index & 1, index >> 1
                self.true[6 * channel + 2 * kind + (total < 0)] += counts
                if total < 0:
                    counts = -counts
                total -= counts * count
                self._count(index, self.energy[index] + counts)
            self._residue[index] = total

    def _count(self, index, value):
        channel, kind = index & 1, index >> 1
        if not -0x400000 <= value < 0x400000:
            self.interrupts[channel] |= 1 << kind  # half full
        if not -0x800000 <= value < 0x800000:
            self.interrupts[channel] |= 8 << kind  # rolled over
        self.energy[index] = (value + 0x800000 & 0xFFFFFF) - 0x800000

    # live values

    def accmode(self):
        """-> the status bits of ACCMODE: signs of P and Q, and no-load, of A and B."""
        found = 0
        for channel in range(2):
            for kind in range(3):
                index = 2 * kind + channel
                if kind < 2 and self._powers[index] < 0:
                    found |= 1 << 10 + 2 * kind + channel
                # ACTNLOAD_A, VANLOAD_A, VARNLOAD_A, then B
                if self._no_load >> index & 1:
                    found |= 1 << 16 + 3 * channel + (0, 2, 1)[kind]
        return found

    def _note_changes(self, before):
        changed = before ^ self.accmode()
        for channel in range(2):
            bits = changed >> 10 + channel & 1 | (changed >> 12 + channel & 1) << 1
            self.interrupts[channel] |= bits << 9
            gone = changed & self.accmode()
            for kind in range(3):
                bit = 16 + 3 * channel + (0, 2, 1)[kind]
                self.interrupts[channel] |= (gone >> bit & 1) << 6 + kind
        peak = self._v_code * _PEAK_FULL_SCALE // _RMS_FULL_SCALE
        self.interrupts[0] |= bool(self._v_code) << 15 | (peak > self._registers[0x224]) << 16
        if self._registers[0x000] and peak < self._registers[0x200]:
            self.interrupts[0] |= 1 << 19

    def measured(self, register):
        """-> 16 or 24 bits of a register that only the chip writes."""
        if 0x21E <= register <= 0x223:
            return self.energy[register - 0x21E] & 0xFFFFFF
        if 0x210 <= register <= 0x215:  # apparent, active, reactive
            index = (4, 5, 0, 1, 2, 3)[register - 0x210]
            return self._powers[index] * _POWER_FULL_SCALE // self._full_nw & 0xFFFFFF
        if register in (0x21A, 0x21B):
            return self.irms[register - 0x21A]
        if register == 0x21C:
            return self.vrms
        if register in (0x22D, 0x22E):
            return self.interrupts[0]
        if register in (0x230, 0x231):
            return self.interrupts[1]
        if register in (0x10A, 0x10B):
            active, apparent = self._powers[register & 1], self._powers[4 + (register & 1)]
            return active * 0x7FFF // apparent & 0xFFFF if apparent else 0
        if register == 0x10E:
            return 223750000 // self.freq_mhz - 1 if self.freq_mhz else 0
        return 0
