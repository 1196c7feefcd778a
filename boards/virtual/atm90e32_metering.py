"""What an ATM90E32AS measures: a load in, energy counts and live values out.

After the datasheet Atmel-46003B, 3.5 (accumulation) and 5 (registers). Energy is exact in
integers: a count is 0.01 CF = PLconst * 2/25 uJ, as there are 450e9 / PLconst pulses a kWh.
"""

import math

_SQRT2_PPM = 1414214
_NW = 1000000  # nW in a mW: powers behind ratios and gains are kept that fine
_OFFSET_NW = 320000  # of Poffset and Qoffset; Uoffset has 0.01/512 V, Ioffset 0.001/512 A (AN)
_COUNTERS = 20  # registers 80..93: forward and reverse active and reactive, apparent


class Metering:
    """registers   the chip's list of 16-bit registers, read only
    ct vt       (primary, secondary)
    wraps       a full energy register starts again from 0; else it stays full

    energy      counts in registers 80..93; who reads one clears it
    true        the same, never cleared
    interrupts  the latched EMMIntState0 and 1
    reversed_phases   whether the voltages follow each other as A, C, B
    """

    reversed_phases = False

    def __init__(self, ct, vt, wraps, unity_gain):
        self._ct, self._vt, self._wraps, self._unity = ct, vt, wraps, unity_gain
        self.true = [0] * _COUNTERS

    def power_on(self, registers):
        self._registers = registers
        self.energy = [0] * _COUNTERS
        self.interrupts = [0, 0]
        self._residue = [0] * 12  # signed, below one count: P, Q, S of T, A, B, C
        self.point = None  # the load point in use; None: look again

    def use(self, point):
        """Take a load point: the live values, and what each accumulator gains in a ms."""
        before = self.states() if self.point else None
        self.point = point
        powers = self._behind_transformers(point)
        self.p_mw, self.q_mvar, self.s_mva = [[x // _NW for x in row] for row in powers]
        self.freq_mhz = point.freq_mhz if any(self.v_mv) else 0
        self._rates, self._no_load = [], 0
        for kind in range(3):
            self._rates += self._started(kind, powers[kind])
        if before:
            for k, state in enumerate(self.states()):
                self.interrupts[k] |= before[k] ^ state

    def _behind_transformers(self, point):
        """Set v_mv and i_ma. -> lists P, Q, S of A, B, C in nW, nvar, nVA; all with gains."""
        ct, vt, unity = self._ct, self._vt, self._unity
        p, q, s, self.v_mv, self.i_ma = [], [], [], [], []
        for phase in range(3):
            u_gain = self._registers[0x61 + 4 * phase]
            i_gain = self._registers[0x62 + 4 * phase]
            v_mv = point.v_mv[phase] * u_gain * vt[1] // (unity * vt[0])
            i_ma = point.i_ma[phase] * i_gain * ct[1] // (unity * ct[0])
            self.v_mv.append(max(0, v_mv + 10 * self._signed(0x63 + 4 * phase) // 512))
            self.i_ma.append(max(0, i_ma + self._signed(0x64 + 4 * phase) // 512))
            num = ct[1] * vt[1] * u_gain * i_gain * _NW
            den = ct[0] * vt[0] * unity * unity
            s.append(point.v_mv[phase] * point.i_ma[phase] * num // (1000 * den))
            num *= self._signed(0x47 + 2 * phase) + 0x8000
            p_mw, q_mvar = point.delayed(phase, self._delay_ns(0x48 + 2 * phase))
            p_offset = _OFFSET_NW * self._signed(0x41 + 2 * phase)
            q_offset = _OFFSET_NW * self._signed(0x42 + 2 * phase)
            p.append(p_mw * num // (den * 0x8000) + p_offset)
            q.append(q_mvar * num // (den * 0x8000) + q_offset)
        return p, q, s

    def _signed(self, register):
        value = self._registers[register]
        return value - 0x10000 if value & 0x8000 else value

    def _delay_ns(self, register):
        """Phi: bit 15 delays the voltage instead of the current."""
        value = self._registers[register]
        delay_ns = (value & 0xFF) * 1000000 // 2048
        return -delay_ns if value & 0x8000 else delay_ns

    def _started(self, kind, powers):
        """-> powers of T, A, B, C that count: above the start thresholds of P, Q or S."""
        mode = self._registers[0x33]
        rates = [0, 0, 0, 0]
        for phase in range(3):
            load = abs(self.p_mw[phase]) + abs(self.q_mvar[phase])
            if load * 25 > self._registers[0x38 + kind] * 8:  # 0.32 mW
                rates[1 + phase] = powers[phase]
                if mode & (4 >> phase):
                    absolute = mode & (0x08, 0x10, 0)[kind]
                    rates[0] += abs(powers[phase]) if absolute else powers[phase]
        if abs(rates[0]) * 25 <= self._registers[0x35 + kind] * 8 * _NW:
            rates[0] = 0
            self._no_load |= (0x20, 0x40, 0x10)[kind]
        return rates

    def integrate(self, dt_ms):
        """Count what the load of `use` gives in that time."""
        count = 2 * _NW * (self._registers[0x31] << 16 | self._registers[0x32])
        if not count:
            return
        for k in range(12):
            rate = self._rates[k]
            if not rate:
                continue
            total = self._residue[k] + 25 * rate * dt_ms
            counts = abs(total) // count
            if counts:
                kind, phase = k // 4, k % 4
                index = 8 * kind + phase + (4 if total < 0 else 0)
                self.true[index] += counts
                value = self.energy[index] + counts
                self.energy[index] = value & 0xFFFF if self._wraps else min(value, 0xFFFF)
                total -= counts * count if total > 0 else -counts * count
            self._residue[k] = total

    # live values

    def states(self):
        """-> EMMState0, EMMState1 now."""
        state1 = 0
        for kind, bit in ((0, 3), (1, 7)):
            for k in range(4):
                if self._rates[4 * kind + k] < 0:
                    state1 |= 1 << (bit - k)
        for phase in range(3):
            gain = self._registers[0x61 + 4 * phase] or 1
            instant = self.v_mv[phase] * _SQRT2_PPM * 16384 // (10000000 * gain)
            state1 |= (instant < self._registers[0x08]) << (14 - phase)
            state1 |= (instant < self._registers[0x09]) << (10 - phase)
        freq = self.freq_mhz // 10
        state1 |= (freq > self._registers[0x0D]) << 15 | (freq < self._registers[0x0C]) << 11
        return self._no_load | self.reversed_phases << 9, state1

    def measured(self, address):
        """-> 16 bits of a mean, rms, angle or frequency register, B0..FF."""
        group, k = address & 0xF0, address & 0x0F
        if group in (0xB0, 0xC0) and k < 12:
            values = (self.p_mw, self.q_mvar, self.s_mva)[k // 4]
            value32 = (sum(values) if k % 4 == 0 else values[k % 4 - 1]) * 25 // 8
            return value32 >> 16 & 0xFFFF if group == 0xB0 else value32 & 0xFFFF
        if 0xBC <= address <= 0xBF:
            return self._power_factor(address - 0xBC) & 0xFFFF
        if 0xD9 <= address <= 0xDB:
            return min(self.v_mv[k - 9] // 10, 0xFFFF)
        if 0xE9 <= address <= 0xEB:
            return (self.v_mv[k - 9] % 10 * 256 // 10) << 8
        if 0xDD <= address <= 0xDF:
            return min(self.i_ma[k - 13], 0xFFFF)
        if address == 0xF8:
            return self.freq_mhz // 10
        if 0xF9 <= address <= 0xFB:
            angle = math.atan2(self.q_mvar[k - 9], self.p_mw[k - 9])
            return int(angle * 1800 / math.pi) % 3600
        if 0xFD <= address <= 0xFF:
            return 1200 * (k - 13)
        return 25 if address == 0xFC else 0

    def _power_factor(self, k):
        active = sum(self.p_mw) if k == 0 else self.p_mw[k - 1]
        apparent = sum(self.s_mva) if k == 0 else self.s_mva[k - 1]
        return active * 1000 // apparent if apparent else 0
