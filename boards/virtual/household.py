"""A household that a seed decides: the same watts at the same minute, on every machine.

Whole watts and whole var a minute, so at 600 imp/kWh a minute is a whole number of counts.
Base load, a fridge, mornings and evenings by weekday, kettle, cooking, washing, a heat pump
in winter, and about two nights a week a car at 7 kW. 750 kWh in January, 400 kWh in July.
"""

from array import array

from boards.virtual.load import Rows

_MINUTES = 1440


class Household(Rows):
    """seed           any int; another seed is another house
    utc_offset_s   by which its people live
    """

    def __init__(self, seed=1, phases=1, utc_offset_s=3600):
        Rows.__init__(self, -utc_offset_s * 1000, 60000, None, phases=phases)
        self._seed = seed
        self._day = None

    def row(self, index):
        day, minute = index // _MINUTES, index % _MINUTES
        if day != self._day:
            self._p_w, self._q_var = _day(self._seed, day)
            self._day = day
        p_w, q_var = self._p_w[minute], self._q_var[minute]
        wobble = (index * 2654435761 >> 7) & 0x3FF
        v_mv = 230500 + wobble - p_w * 4 // 10
        return p_w * 60000000, q_var * 60000000, v_mv, None, 49990 + wobble % 21


class _Dice:
    """xorshift32: small, and the same everywhere."""

    def __init__(self, seed):
        self._state = seed & 0xFFFFFFFF or 1
        for _ in range(8):
            self.roll(1)

    def roll(self, below):
        """-> 0 to below - 1"""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x % below


def winter_percent(day):
    """-> 0 (mid July) to 100 (mid January) for a day since 1970."""
    of_year = (day * 100 % 36525) // 100
    away = abs(of_year - 14)
    return 100 - min(away, 365 - away) * 100 // 183


def _day(seed, day):
    """-> (W, var) of each minute of a local day."""
    dice = _Dice(seed * 1000003 + day * 8191)
    p_w, q_var = array("l", [0] * _MINUTES), array("l", [0] * _MINUTES)
    winter = winter_percent(day)
    weekend = (day + 3) % 7 >= 5

    def run(start, minutes, watts, var=0):
        for minute in range(max(start, 0), min(start + minutes, _MINUTES)):
            p_w[minute] += watts
            q_var[minute] += var

    for minute in range(_MINUTES):
        p_w[minute] += 85 + dice.roll(25)
        q_var[minute] += 30 + dice.roll(9)
    _fridge(dice, run)
    _people(dice, run, weekend, winter)
    for start in range(dice.roll(20), _MINUTES, 40):  # heat pump
        run(start, 30 * winter // 100, 700, 240)
    if dice.roll(7) < 3:  # washing: heat, turn, spin
        start = 540 + dice.roll(600)
        run(start, 22, 2000)
        run(start + 22, 60, 150, 90)
        run(start + 82, 10, 450, 200)
    if dice.roll(7) < 2:  # the car
        run(20 + dice.roll(120), 90 + dice.roll(120), 7000, 150)
    return p_w, q_var


def _fridge(dice, run):
    at = dice.roll(45)
    while at < _MINUTES:
        run(at, 14 + dice.roll(4), 95, 55)
        at += 42 + dice.roll(9)


def _people(dice, run, weekend, winter):
    wake = (480 if weekend else 390) + dice.roll(40)
    leave = _MINUTES if weekend else wake + 90
    sleep = 1350 + dice.roll(60)
    run(wake, 80, 180 + winter, 20)  # light, radio, bath
    run(wake + 10, 9, 1100)  # hair, toast
    if weekend:
        run(leave - 600, 200, 120, 15)
        run(690 + dice.roll(60), 40, 1500)
    home = 1020 + dice.roll(60)
    run(home, sleep - home, 160 + 2 * winter, 40)
    cook = home + 30 + dice.roll(60)
    for start in range(cook, cook + 40, 8):  # a hob switches
        run(start, 5, 1800)
    run(cook, 35, 250, 30)
    for _ in range(3 + dice.roll(3)):
        run(wake + dice.roll(sleep - wake), 3, 2100)
    if dice.roll(7) < 4:
        run(cook + 75, 18, 1900)  # dishwasher, heating
        run(cook + 93, 50, 60, 30)
