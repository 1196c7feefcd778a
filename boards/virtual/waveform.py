"""A load of sampled v(t) and i(t), through sensors with errors: for a model of a metering IC.

The samples become what an IC integrates, whole mW, mvar, mV and mA; from there on everything is
exact in integers, with `true` (before the sensors) as the reference. An IC's high-pass filter is
taken for granted: a constant part of v or i is seen by nothing. Reactive power is that of every
order on its own (a 90 degree shift at each), positive where the current lags. Host only (numpy).
"""

import numpy as np

from boards.virtual.load import Point

SAMPLES = 512  # a cycle
CYCLES = 10
ORDERS = 40
_NOTHING = np.zeros(SAMPLES * CYCLES)


class Sensors:
    """What stands between the line and the IC's pins, one phase; all 0: nothing.

    u_gain_ppm i_gain_ppm   too much by this
    lead_mdeg      how far the current comes too early at the line's frequency; as a time, which
                   an IC's phase register undoes for each order
    transformer    True: order n leads by 1/n of it, as a current transformer's does
    u_dc_mv i_dc_ma         added, constant
    u_noise_mv i_noise_ma   added, rms of a normal distribution
    coupling_ua_per_v       current that is seen for each volt of the phase: a power offset
    """

    def __init__(
        self,
        u_gain_ppm=0,
        i_gain_ppm=0,
        lead_mdeg=0,
        transformer=False,
        u_dc_mv=0,
        i_dc_ma=0,
        u_noise_mv=0,
        i_noise_ma=0,
        coupling_ua_per_v=0,
        seed=1,
    ):
        self.u_gain, self.i_gain = 1 + u_gain_ppm / 1e6, 1 + i_gain_ppm / 1e6
        self.lead = np.radians(lead_mdeg / 1000)
        self.transformer = transformer
        self.u_dc, self.i_dc = u_dc_mv / 1e3, i_dc_ma / 1e3
        self.u_noise, self.i_noise = u_noise_mv / 1e3, i_noise_ma / 1e3
        self.coupling = coupling_ua_per_v / 1e6
        self._seed = seed

    def seen(self, v, i):
        """Samples of whole cycles -> (v, i) as the IC's converters get them."""
        dice = np.random.default_rng(self._seed)
        u_noise, i_noise = dice.normal(size=(2, len(v)))
        i = self._turned(i + self.coupling * v) * self.i_gain
        return (
            v * self.u_gain + self.u_dc + self.u_noise * u_noise,
            i + self.i_dc + self.i_noise * i_noise,
        )

    def _turned(self, i):
        if not self.lead:
            return i
        spectrum = np.fft.rfft(i)
        orders = np.arange(len(spectrum)) / CYCLES
        with np.errstate(divide="ignore"):
            angles = self.lead * (np.where(orders, 1 / orders, 0) if self.transformer else orders)
        return np.fft.irfft(spectrum * np.exp(1j * angles), len(i))


PERFECT = Sensors()


class Waveform:
    """A load: `segments` as in load.py.

    phases    up to three (v, i): volts and amperes, SAMPLES * CYCLES each over CYCLES cycles
    sensors   one Sensors for all, or one for each phase

    point     what the IC gets
    true      what flows
    """

    def __init__(self, phases, sensors=PERFECT, freq_mhz=50000):
        self.use(phases, sensors, freq_mhz)

    def use(self, phases, sensors=None, freq_mhz=None):
        """From now on this; what is None stays as it is."""
        self._sensors = sensors or self._sensors
        self._freq_mhz = freq_mhz or self._freq_mhz
        each = self._sensors if isinstance(self._sensors, (list, tuple)) else [self._sensors] * 3
        self.true = measured(phases, self._freq_mhz)
        seen = [sensor.seen(*phase) for sensor, phase in zip(each, phases)]
        self.point = measured(seen, self._freq_mhz)

    def segments(self, t0_ms, t1_ms):
        yield t0_ms, t1_ms, self.point


def waves(v_rms, i_rms, angle_deg=0, u_orders=None, i_orders=None):
    """-> (v, i) of one phase, samples.

    angle_deg   how far the current lags at the line's frequency
    u_orders i_orders   {order: (fraction of the fundamental, degrees of the order's own)}
    """
    at = 2 * np.pi * np.arange(SAMPLES * CYCLES) / SAMPLES
    v, i = np.sin(at), np.sin(at - np.radians(angle_deg))
    for wave, orders in ((v, u_orders), (i, i_orders)):
        for order, (fraction, degrees) in (orders or {}).items():
            wave += fraction * np.sin(order * at - np.radians(degrees))
    return np.sqrt(2) * v_rms * v, np.sqrt(2) * i_rms * i


def measured(phases, freq_mhz):
    """-> Point of samples [(v, i), ...]: the integers that the models go by."""
    p, q, v_mv, i_ma, spectra = [], [], [], [], []
    for v, i in list(phases) + [(_NOTHING, _NOTHING)] * (3 - len(phases)):
        v, i = v - v.mean(), i - i.mean()
        v_spectrum = np.fft.rfft(v) * np.sqrt(2) / len(v)
        powers = 1e6 * v_spectrum * np.conj(np.fft.rfft(i) * np.sqrt(2) / len(i))
        # The bin at half the sampling rate counts once, and is real.
        powers[-1] /= 2
        p.append(_whole(powers.real.sum() / 1e3))
        q.append(_whole(powers.imag.sum() / 1e3))
        v_mv.append(_whole(1e3 * np.sqrt(np.mean(v * v))))
        i_ma.append(_whole(1e3 * np.sqrt(np.mean(i * i))))
        orders = [(n, powers[n * CYCLES]) for n in range(1, ORDERS + 1)]
        spectra.append([(n, _whole(s.real), _whole(s.imag)) for n, s in orders if abs(s) > 0.5])
    return Point(p, q, v_mv, i_ma, freq_mhz, spectra)


def _whole(value):
    return round(float(value))
