"""Carries out the operations of a week: each kind of decades_ops has a method here."""

import json
import random

from meter import prices_check, tariff_check
from meter.civil import EPOCH
from tests.sim.decades_calendar import Plan
from tests.sim.decades_charges import random_prices
from tests.sim.decades_tariffs import random_tariff, text_of
from tests.sim.decades_world import SECTORS

_RINGS = ("profile", "ledger", "snapshots", "metrology", "clock", "power", "configuration", "x")
_ROLES = ("public", "reader", "utility", "maker")


class Acts:
    """run   decades_run.Run"""

    def __init__(self, run):
        self._run, self._world = run, run.world

    def do(self, op):
        getattr(self, "_" + op.kind)(*op.args)

    # load

    def _load(self, p_mw, q_mvar):
        self._run.use(p_mw, q_mvar)

    def _peak(self, p_mw, seconds):
        old = self._world.load.point
        self._run.use(p_mw, 0)
        self._run.later(seconds, lambda: self._run.use(old.p_mw[0], old.q_mvar[0]))

    def _saturate(self, quarters):
        """More than a register holds between two ticks."""
        old = self._world.load.point
        self._run.use(14_000_000, 0)
        self._run.step_ms = 900_000
        self._run.later(900 * quarters, lambda: self._run.use(old.p_mw[0], old.q_mvar[0]))

    def _burst(self, count, step_s):
        for _ in range(count):
            self._run.advance(step_s * 1000)
            self._run.tick()
            if self._world.meter is None:
                return

    # requests

    def _ask(self, what, x, y, z):
        rng = random.Random(what << 32 | x << 16 | y)
        do = rng.choice(("info", "live", "registers", "rows", "rows", "bill", "commit", "bad"))
        args = {}
        if do == "rows":
            args = {"ring": rng.choice(_RINGS), "from_seq": rng.randint(-5, 12000)}
            if z & 1:
                args["n"] = rng.choice((0, 1, 3, 64, 100000, -1))
        elif do == "bill":
            args = {"period": rng.choice((None, 0, 1, rng.randint(-1, 150))), "line": z % 9}
        line = json.dumps({"id": x, "do": do, "args": args}).encode()
        if do == "bad":
            line = rng.choice((line, line[:-3], b"", b"null", b'{"id":1,"do":"rows","args":3}'))
            line = bytearray(line * rng.choice((1, 1, 30)))
            for _ in range(min(len(line), z % 4)):
                line[rng.randrange(len(line))] = rng.randrange(256)
        self._run.ask(rng.choice(_ROLES), bytes(line))

    def _push(self, seed, when, again):
        """A new tariff, or one time in ten the one in force again. when: see decades_ops."""
        periods = self._run.periods
        if again == 0 and not periods.lost and periods.closed:
            digest, text = periods.plan.digest, None
        else:
            data = random_tariff(random.Random(seed))
            text = text_of(data)
            digest = tariff_check.load(text).digest  # MeterError: this file makes none
        if text:
            self._world.files.held[digest] = text
            periods.plans[digest] = Plan(data, digest)
        at = self._world.clock.now() + when
        self._run.push(digest, at if not 0 <= when <= 1 else "now" if when else "period")

    def _prices(self, seed):
        """A price schedule; it is refused if the tariff has no use for it."""
        rates = [rate["name"] for rate in self._run.periods.plan.data["rates"]]
        data = random_prices(random.Random(seed), self._world.clock.now(), rates)
        if data["start"] >= EPOCH:
            text = text_of(data)
            digest = prices_check.digest(text)
            self._world.files.held[digest] = self._world.files.schedules[digest] = text
            self._run.periods.priced(data)  # whatever is answered: it may be in force
            self._run.request("prices", digest=digest)

    def _load_on(self, _):
        """Somebody lets the load return that the limiter shed."""
        self._run.request("load_switch", on=True)
        self._run.periods.levels.forget()

    # power

    def _cut(self, off_ms):
        self._run.cut(off_ms)

    def _cut_in_flash(self, steps, torn, off_ms):
        flash = self._world.flash
        flash.cut_after, flash.torn_mask = steps, torn
        self._run.off_ms = off_ms
        if steps & 1:
            self._seconds(70)

    def _cut_in_boot(self, steps, torn, off_ms):
        self._run.cut(2000)
        self._run.advance(2000)
        self._cut_in_flash(steps, torn, off_ms)

    def _gasp(self, seconds, off_ms):
        """A warning, then perhaps a few ticks, then the power goes; or it does not."""
        if self._world.is_started:
            self._run.last_gasp()
            self._seconds(seconds)
            if off_ms & 1:
                self._run.cut(off_ms)

    def _reset_in_boot(self, off_ms, seconds):
        """Somebody connects just when the power is back."""
        self._run.cut(off_ms)
        self._run.advance(off_ms)
        self._seconds(seconds)
        self._run.reset()

    def _reset(self, x):
        """Of the CPU; now and then with energy that no commit holds yet."""
        if x & 1:
            self._seconds(x % 60)
        self._run.reset()

    def _reset_in_flash(self, programs, after):
        self._seconds(2)
        self._world.flash.reset_in, self._world.flash.reset_after = programs, bool(after)
        self._seconds(70 * (programs + 1))

    # metering IC

    def _chip_reset(self, x):
        if x & 1:
            self._seconds(2)
        self._world.ic.true_counts()
        self._world.ic.power_on()

    def _chip_reset_in_read(self, frame):
        self._before(frame, self._world.ic.power_on)

    def _flip_miso(self, frame, mask):
        self._before(frame, lambda: setattr(self._world.ic, "flip_miso", mask))

    def _flip_mosi(self, frame, mask):
        self._run.oracle.flipped = True
        self._before(frame, lambda: setattr(self._world.ic, "flip_mosi", mask))
        self._run.oracle.flipped = False

    def _drop_clocks(self, frame, clocks):
        self._before(frame, lambda: setattr(self._world.ic, "drop_clocks", clocks))

    def _stuck_select(self, level, seconds):
        self._seconds(2)
        self._world.ic.stuck_select = level
        self._seconds(3)

        def end():
            self._world.ic.stuck_select = None
            self._world.ic.select(1)

        self._run.later(seconds, end)

    def _before(self, frame, act):
        """act: once, before the n-th frame of the next tick, a second from now."""
        self._seconds(2)
        ic = self._world.ic
        target = ic.frames + frame

        def watch(number):
            if number >= target:
                ic.before_frame = None
                act()

        ic.before_frame = watch
        self._seconds(3)

    def _seconds(self, count):
        """Ticks as the real meter has them."""
        self._burst(count, 1)

    # clock

    def _step(self, step_ms):
        self._world.clock.disturb(step_ms)

    def _drift(self, ppm):
        self._world.clock.disturb(ppm=ppm)

    def _set_clock(self, _):
        """The host brings the true time."""
        self._run.set_clock(self._world.ms // 1000)

    def _quality(self, good, seconds):
        clock = self._world.clock
        clock.good = good
        self._run.later(seconds, lambda: setattr(clock, "good", 2))

    def _dead_battery(self, off_ms, back_to, seconds):
        """Power is away, and the clock wakes anywhere; set again by the service."""
        self._run.cut(off_ms)
        clock = self._world.clock
        clock.set((0, EPOCH, 946684800)[back_to])
        clock.dead = True
        self._run.later(
            off_ms // 1000 + seconds, lambda: self._run.set_clock(self._world.ms // 1000)
        )

    # flash and files

    def _flash_fails(self, what, ticks):
        flash, self._run.reader.flash_failed = self._world.flash, True
        flash.fail |= {
            name for n, name in enumerate(("program", "erase", "read")) if what >> n & 1
        }
        self._seconds(ticks)
        flash.fail.clear()
        self._seconds(2)

    def _bad_sector(self, where, how):
        """At most one bad sector a ring: more would be a worn-out chip."""
        sector = where % SECTORS
        ring = _ring_of(self._run.rings, sector)
        if all(_ring_of(self._run.rings, other) != ring for other in self._world.flash.bad):
            self._world.flash.bad[sector] = how
            self._run.reader.flash_failed = True

    def _lose_file(self, which, seconds):
        """A tariff file goes, and comes back by a push: the active one, the next, or both."""
        periods, hidden = self._run.periods, self._world.files.hidden
        if which != 1:
            hidden.add(periods.plan.digest)
        if which and periods.pending:
            hidden.add(periods.pending[0])
        self._run.reset()

        def end():
            hidden.clear()
            if periods.lost:
                self._run.push(periods.plan.digest, "now")

        self._run.later(seconds, end)


def _ring_of(sizes, sector):
    first = 0
    for number, size in enumerate(sizes):
        first += size
        if sector < first:
            return number
    raise AssertionError("beyond the flash")
