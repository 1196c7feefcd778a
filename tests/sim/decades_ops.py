"""What happens to a meter in one week: a seeded list that knows nothing of the meter."""

import random
from dataclasses import dataclass

WEEK_S = 7 * 86400
# kind -> how often in a week, on average, with all faults on
_WEEKLY = {
    "load": 14,
    "peak": 0.5,
    "burst": 1.5,
    "ask": 10,
    "push": 0.1,
    "prices": 1.0,
    "load_on": 0.3,
    "cut": 0.7,
    "cut_in_flash": 1.0,
    "cut_in_boot": 0.3,
    "gasp": 0.5,
    "reset": 0.8,
    "reset_in_boot": 0.1,
    "reset_in_flash": 0.4,
    "chip_reset": 0.3,
    "chip_reset_in_read": 0.3,
    "flip_miso": 0.8,
    "flip_mosi": 0.5,
    "drop_clocks": 0.4,
    "stuck_select": 0.15,
    "saturate": 0.05,
    "step": 0.4,
    "drift": 0.3,
    "set_clock": 0.3,
    "quality": 0.1,
    "dead_battery": 0.08,
    "flash_fails": 0.3,
    "bad_sector": 0.02,
    "lose_file": 0.02,
}
KINDS = tuple(_WEEKLY)


@dataclass(frozen=True)
class Op:
    """name   "week.index": what --only takes; at_ms: from the start of the week
    args   ints, their meaning is the kind's (decades_acts)"""

    name: str
    at_ms: int
    kind: str
    args: tuple[int, ...]


def week_of(seed, week):
    """-> list of Op in the order of time."""
    rng = random.Random(f"decades {seed} {week}")
    drawn = []
    for kind, average in _WEEKLY.items():
        for _ in range(_count(rng, average)):
            at_ms = rng.randrange(WEEK_S * 1000)
            if rng.random() < 0.3:
                at_ms -= at_ms % 900_000  # on the border of an interval
            drawn.append((at_ms, kind, _ARGS.get(kind, _one)(rng)))
    drawn.sort()
    return [Op(f"{week}.{i}", *each) for i, each in enumerate(drawn)]


def _count(rng, average):
    """-> int, Poisson: arrivals of an exponential clock before 1."""
    count, at = 0, rng.expovariate(average)
    while at < 1:
        count, at = count + 1, at + rng.expovariate(average)
    return count


def _one(rng):
    return (rng.randrange(1 << 30),)


def _load(rng):
    watts = rng.choice((0, 1, 2, 3, 50, 300, 900, 2500, 4000))
    p_mw = rng.randint(watts * 500, watts * 1000) * rng.choice((1, 1, 1, -1))
    q_mvar = rng.randint(-1000, 1000) * watts // 3 if rng.random() < 0.6 else 0
    return p_mw, q_mvar


def _off(rng):
    """How long the power is away, ms."""
    longest_s = rng.choice((2, 60, 900, 5000, 86400, 86400, 5 * 86400, 40 * 86400))
    return rng.randint(500, longest_s * 1000)


def _step(rng):
    """ms"""
    most_s = rng.choice((3, 5, 6, 60, 900, 3600, 4000, 86400, 3 * 86400, 40 * 86400))
    if rng.random() < 0.03:
        most_s = 400 * 86400
    return (rng.choice((-1, 1)) * rng.randint(500, most_s * 1000),)


def _when(rng):
    """0: at the end of the period, 1: now, or seconds from now"""
    return rng.choice((0, 0, 1, 1, rng.randint(-3600, 45 * 86400), 900 * rng.randrange(2000)))


_ARGS = {
    "load": _load,
    "peak": lambda rng: (rng.randint(10_000_000, 14_900_000), rng.randint(60, 2400)),
    "burst": lambda rng: (rng.randint(5, 150), rng.choice((1, 1, 1, 7))),
    "ask": lambda rng: tuple(rng.randrange(1 << 16) for _ in range(4)),
    "push": lambda rng: (rng.randrange(1 << 30), _when(rng), rng.randrange(10)),
    "cut": lambda rng: (_off(rng),),
    "gasp": lambda rng: (rng.randrange(5), _off(rng)),
    "reset_in_boot": lambda rng: (_off(rng), rng.randrange(15)),
    "cut_in_flash": lambda rng: (rng.randrange(1200), rng.randrange(256), _off(rng)),
    "cut_in_boot": lambda rng: (rng.randrange(600), rng.randrange(256), _off(rng)),
    "reset_in_flash": lambda rng: (rng.randrange(6), rng.randrange(2)),
    "chip_reset_in_read": lambda rng: (rng.randint(1, 20),),
    "flip_miso": lambda rng: (rng.randint(1, 25), _bits(rng)),
    "flip_mosi": lambda rng: (rng.randint(1, 25), _bits(rng)),
    "drop_clocks": lambda rng: (rng.randint(1, 25), rng.randint(1, 8)),
    "stuck_select": lambda rng: (rng.randrange(2), rng.randint(1, 7200)),
    "saturate": lambda rng: (rng.randint(3, 6),),
    "step": _step,
    "drift": lambda rng: (rng.randint(-300, 300) * rng.randrange(2),),
    "quality": lambda rng: (rng.randrange(3), rng.randint(60, 86400)),
    "dead_battery": lambda rng: (_off(rng), rng.randrange(3), rng.randint(60, 3 * 86400)),
    "flash_fails": lambda rng: (rng.randint(1, 7), rng.randint(1, 40)),
    "bad_sector": lambda rng: (rng.randrange(1 << 20), rng.randrange(3)),
    "lose_file": lambda rng: (rng.randrange(3), rng.randint(600, 3 * 86400)),
}


def _bits(rng):
    mask = 0
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        mask |= 1 << rng.randrange(32)
    return mask
