"""What flows through the simulated meter: piecewise constant, exact in integers.

A load has `segments(t0_ms, t1_ms)`, which yields (ta_ms, tb_ms, point) without gaps, in Unix
milliseconds. `open_load` makes one from a file, or the embedded household; waveform.py from
samples.
"""

import math


class Point:
    """Lists of three ints, phases A, B, C: p_mw (negative: export), q_mvar (positive: lag),
    v_mv, i_ma; and freq_mhz.

    spectra   for each phase a list of (order, p_uw, q_uvar): the part of P and Q that a delay
              turns; None: all of it is of the line's frequency
    """

    def __init__(self, p_mw, q_mvar, v_mv, i_ma, freq_mhz, spectra=None):
        self.p_mw, self.q_mvar, self.v_mv, self.i_ma = p_mw, q_mvar, v_mv, i_ma
        self.freq_mhz, self.spectra = freq_mhz, spectra

    def delayed(self, phase, delay_ns):
        """-> (p_mw, q_mvar) of a phase when its current is taken `delay_ns` late (negative: its
        voltage), as an IC's phase register does: order n turns by n times the angle."""
        p_mw, q_mvar = self.p_mw[phase], self.q_mvar[phase]
        if not delay_ns:
            return p_mw, q_mvar
        spectrum = self.spectra[phase] if self.spectra else ((1, p_mw * 1000, q_mvar * 1000),)
        p_uw = q_uvar = 0
        for order, p, q in spectrum:
            angle = 2 * math.pi * order * self.freq_mhz * delay_ns / 1e12
            cos, sin = math.cos(angle) - 1, math.sin(angle)
            p_uw += p * cos - q * sin
            q_uvar += q * cos + p * sin
        return p_mw + round(p_uw / 1000), q_mvar + round(q_uvar / 1000)


def point_of(p_mw, q_mvar, v_mv, i_ma=None, freq_mhz=50000, phases=1):
    """-> Point with a total spread over the phases, what does not divide on A.

    i_ma   of all phases together; None: as large as P, Q and V make it
    """
    share_p, share_q = p_mw // phases, q_mvar // phases
    p = [p_mw - share_p * (phases - 1), share_p, share_p]
    q = [q_mvar - share_q * (phases - 1), share_q, share_q]
    v = [v_mv] * 3
    if i_ma is None:
        i = [isqrt(p[k] * p[k] + q[k] * q[k]) * 1000 // v_mv if v_mv else 0 for k in range(3)]
    else:
        i = [i_ma // phases] * 3
    for k in range(phases, 3):
        p[k] = q[k] = v[k] = i[k] = 0
    return Point(p, q, v, i, freq_mhz)


def isqrt(value):
    """-> the integer part of the square root (MicroPython has no math.isqrt)."""
    if value < 2:
        return value
    root = 1
    while root * root <= value:
        root <<= 1
    while True:
        better = (root + value // root) >> 1
        if better >= root:
            return root
        root = better


class Constant:
    """The same point for ever; assign `point` to change it from now on."""

    def __init__(self, point):
        self.point = point

    def segments(self, t0_ms, t1_ms):
        yield t0_ms, t1_ms, self.point


class Rows:
    """A load in rows of equal length; a subclass has `row(index)`.

    row(index) -> (energy uJ, reactive energy uJ, v_mv, i_ma or None, freq_mhz)

    A power in whole mW cannot always carry the energy of its row: then the last part of the
    row has 1 mW more, so that the energy is exact.

    first_ms   start of row 0
    count      rows; None: endless both ways. Outside there is voltage but no load
    repeat     start over after the last row
    """

    idle = point_of(0, 0, 230000)

    def __init__(self, first_ms, step_ms, count, repeat=False, phases=1):
        self.first_ms, self.step_ms, self.count = first_ms, step_ms, count
        self.repeat, self.phases = repeat, phases
        self._cached = None
        self._points = {}

    def segments(self, t0_ms, t1_ms):
        at_ms = t0_ms
        while at_ms < t1_ms:
            index = (at_ms - self.first_ms) // self.step_ms
            offset_ms = (at_ms - self.first_ms) % self.step_ms
            if self.count is None or 0 <= index < self.count or self.repeat:
                end_offset_ms, point = self._part(index, offset_ms)
                end_ms = min(at_ms - offset_ms + end_offset_ms, t1_ms)
            else:
                point = self.idle
                end_ms = min(self.first_ms, t1_ms) if index < 0 else t1_ms
            yield at_ms, end_ms, point
            at_ms = end_ms

    def _part(self, index, offset_ms):
        """-> (offset at which it ends, point) of the part of a row that holds `offset_ms`."""
        if index != self._cached:
            self._values = self.row(index % self.count if self.count else index)
            self._cached, self._points = index, {}
        p_uj, q_uj, v_mv, i_ma, freq_mhz = self._values
        step_ms = self.step_ms
        p_cut_ms = step_ms - p_uj % step_ms  # from here on 1 mW more
        q_cut_ms = step_ms - q_uj % step_ms
        more_p, more_q = offset_ms >= p_cut_ms, offset_ms >= q_cut_ms
        if (more_p, more_q) not in self._points:
            p_mw, q_mvar = p_uj // step_ms + more_p, q_uj // step_ms + more_q
            point = point_of(p_mw, q_mvar, v_mv, i_ma, freq_mhz, self.phases)
            self._points[(more_p, more_q)] = point
        end_ms = min(x for x in (p_cut_ms, q_cut_ms, step_ms) if x > offset_ms)
        return end_ms, self._points[(more_p, more_q)]


class Feed:
    """A load as a model takes it: each stretch of time once, when it is asked for."""

    def __init__(self, load, now_ms):
        self._load, self._now_ms = load, now_ms
        self._at_ms = now_ms()
        self._point = None

    def steps(self):
        """Yield (dt_ms, point) from the last call until now; nothing if time went back."""
        start_ms, self._at_ms = self._at_ms, self._now_ms()
        if self._at_ms <= start_ms:
            return
        for ta_ms, tb_ms, point in self._load.segments(start_ms, self._at_ms):
            self._point = point
            yield tb_ms - ta_ms, point

    def point(self):
        """-> the load now."""
        if self._point is None:
            for _, _, point in self._load.segments(self._at_ms, self._at_ms + 1):
                self._point = point
        return self._point


def open_load(path=None, start=None, zone=None, repeat=False, phases=1, seed=1):
    """-> a load: the CSV file at `path`, or the household of `seed` where there is no path.

    start    Unix s at which the first row of a file begins; None: when its stamp says
    zone     IANA name of the file's local time; None: UTC
    LoadError (a ValueError): one line that names the file and its line.
    """
    if path is None:
        from boards.virtual.household import Household

        return Household(seed, phases=phases)
    from boards.virtual.load_csv import read_csv

    return read_csv(path, start=start, zone=zone, repeat=repeat, phases=phases)
