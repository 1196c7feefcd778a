"""Schedules of faults for a driver over its model, each from a seed, and what must hold in each.

`Schedule(ic, seed).run()` raises `Broken`. What must hold, after every read that succeeds:
  - what was counted and what the model knows to have flowed differ by exactly as much as before,
    unless a fault left in the IC what the next read finds, or a flag of the read says so; then by
    no more than pmax_w brings in that time and a quarter more (the doubt in the meter's event)
  - RESET is said after a loss of the configuration, and never where the IC kept it
  - an interrupt, an error of the bus or a restart of the processor takes and adds nothing; but
    a restart after an interrupt forgets what the read held that it broke
  - a reset of the IC takes no more than has flowed since the last read, and adds nothing
  - once the faults have ended, the second read has no flag
"""

from chip_rig import Rig, Strike

from boards.virtual.load import point_of
from boards.virtual.nor_faults import Dice
from meter.errors import MeterError
from meter.sample import GLITCH, RESET

STEPS = 8
_FRAMES = 26  # faults fall into so many of a read
_WATCH = 100  # reads in which a driver has looked at all of the configuration


class Broken(Exception):
    """What does not hold; the first word is the name of the schedule."""


class Schedule:
    """ic     an entry of chip_ics.ICS
    seed      int

    kinds     the faults, in order, once it has run
    doubted   how many reads raised a flag
    """

    def __init__(self, ic, seed):
        self.ic, self.seed = ic, seed
        self._dice = Dice(ic.name, seed)
        option = self._dice.pick(ic.options)
        self._tells = ic.tells(option)
        self._rig = Rig(ic, option, self._point())
        self.kinds, self.doubted, self.flags = [], 0, 0
        self._settled, self._settled_ms = self._rig.missing(), self._rig.ms
        self._altered = 0  # reads, the next one and what it left in the IC
        self._lost = self._unread = self._mixed = self._touched = self._late_counts = False
        self._forgotten = self._doubted = None
        self._flowed = self._rig.true()

    def run(self):
        """-> self. Broken: what does not hold."""
        for _ in range(STEPS):
            kind = self._dice.pick(KINDS)
            self.kinds.append(kind)
            getattr(self, "_" + kind)()
            if self._dice.below(3) == 0:
                self._rig.use(self._point())
                self._mixed = self._unread or self._late_counts
        self._end()
        return self

    def _end(self):
        self._quiet()
        self._read()
        self._read()
        for _ in range(_WATCH if self._touched else 0):
            if self._read() == 0 and self._rig.driver.ok():
                break  # what a flipped bit has written is found by turns
        if self._read() != 0:
            self._broken("flags remain after the faults")
        if not self._rig.driver.ok():
            self._broken("not ok() after the faults")

    # the faults

    def _none(self):
        self._read()

    def _flip_miso(self):
        bit = self._dice.below(self.ic.frame_bits)
        self._at_frame(lambda: self._set("flip_miso", 1 << bit))
        self._read()

    def _flip_mosi(self):
        bit = self._dice.below(self.ic.frame_bits)
        self._at_frame(lambda: self._set("flip_mosi", 1 << bit))
        self._altered, self._touched = 2, True
        self._read()

    def _drop_clocks(self):
        clocks = 1 + self._dice.below(15)
        self._at_frame(lambda: self._set("drop_clocks", clocks))
        self._read()

    def _stuck_select(self):
        """The bus dies in a read, and lives again some reads later."""
        level = self._dice.below(2)
        self._at_frame(lambda: self._set("stuck_select", level))
        for _ in range(1 + self._dice.below(3)):
            self._read()
        self._quiet()
        self._read()

    def _noise(self):
        """A bit in each of some frames on end, never the same one twice running."""
        last = self._rig.model.frames + 1 + self._dice.below(_FRAMES)
        first = last - self._dice.below(8)
        bit = self._dice.below(self.ic.frame_bits)

        def flip(frame):
            if first <= frame <= last:
                self._rig.model.flip_miso = 1 << (bit + 5 * frame) % self.ic.frame_bits

        self._rig.model.before_frame = flip
        self._read()

    def _brown_out(self):
        """The IC loses all between two reads."""
        self._wait()
        self._power_on()
        self._read()

    def _brown_out_in_a_read(self):
        self._at_frame(self._power_on)
        self._read()
        self._read()

    def _strike(self):
        """Ctrl-C in a read, and perhaps in the next, which mends it."""
        for _ in range(1 + self._dice.below(2)):
            self._rig.wire.at = self._dice.below(_FRAMES)
            self._rig.wire.bytes_through = self._dice.pick(self._rig.throughs)
            self._read()
        self._rig.wire.at = None
        self._read()

    def _processor(self):
        """The processor is reset between two reads."""
        self._read()
        if self._unread:
            return  # what a broken read holds would go with the memory
        self._wait()
        self._rig.restart()
        self._read()

    def _processor_in_a_read(self):
        """Ctrl-C in a read, and the processor is reset before the next."""
        self._read()
        if self._unread:
            return
        held = self._rig.true()
        self._rig.wire.at = self._dice.below(_FRAMES)
        self._rig.wire.bytes_through = self._dice.pick(self._rig.throughs)
        self._read()
        self._rig.wire.at = None
        self._rig.restart()
        self._forgotten = [a - b for a, b in zip(self._rig.true(), held)]
        self._read()

    def _late(self):
        """A read that comes after a register has been full."""
        self._rig.ms += 1000 * self.ic.full_s
        self._read()

    # what they need

    def _point(self):
        dice, phases = self._dice, self.ic.phases
        kind = dice.below(8)
        p_w = dice.below(self.ic.pmax_w * 9 // 10)
        q_var = dice.below(p_w + 1) // 2
        if kind == 0:
            p_w = q_var = 0
        if kind == 1:
            p_w, q_var = 1, 0  # below the start
        sign_p, sign_q = (1, -1)[dice.below(2)], (1, -1)[dice.below(2)]
        return point_of(sign_p * p_w * 1000, sign_q * q_var * 1000, 230000, phases=phases)

    def _set(self, name, value):
        setattr(self._rig.model, name, value)

    def _power_on(self):
        self._rig.model.power_on()
        self._lost = True

    def _at_frame(self, act):
        """Do it once, before one of the next frames."""
        at = self._rig.model.frames + 1 + self._dice.below(_FRAMES)

        def look(frame):
            if frame == at:
                act()

        self._rig.model.before_frame = look

    def _quiet(self):
        model = self._rig.model
        model.before_frame = model.stuck_select = None
        model.flip_miso = model.flip_mosi = model.drop_clocks = 0

    def _wait(self):
        self._rig.ms += 1 + self._dice.below(min(20, self.ic.window_s // 4) * 1000)

    def _read(self):
        """A read, after a while, and the judgement. -> flags, None where it failed."""
        self._wait()
        rig = self._rig
        lost, self._unread = self._lost, True
        faulty = rig.model.before_frame is not None or rig.model.stuck_select is not None
        try:
            flags = rig.read(0)
        except Strike:
            return None
        except MeterError:
            if not faulty and not self._lost and not self._touched:
                self._broken("an error without a fault")
            return None
        finally:
            if rig.model.stuck_select is None:
                rig.model.before_frame = None
            rig.model.flip_miso = rig.model.flip_mosi = rig.model.drop_clocks = 0
        self._unread = False
        self._judge(flags, lost, faulty)
        return flags

    def _judge(self, flags, lost, faulty):
        rig = self._rig
        self.doubted += flags != 0
        self.flags |= flags
        self._judge_reset(flags, lost)
        missing = rig.missing()
        moved = [a - b for a, b in zip(missing, self._settled)]
        kept = self._mixed or self._no_more_than_flowed(moved)
        if flags == RESET and not self._altered and not kept:
            self._broken("counts differ after a reset by " + repr(moved))
        moved = self._less_forgotten(moved)
        if any(moved) and not flags and (self._tells or not self._altered):
            if not self._is_back(missing) and not (faulty and kept):
                self._broken("counts differ by " + repr(moved) + " and no flag says so")
            if faulty:
                self._late_counts = True  # they are still in the IC: the next read has them
                return
        doubt = rig.doubt(rig.ms - self._settled_ms)
        if self._altered and not self._tells and flags & GLITCH:
            doubt = max(doubt, rig.driver.window_counts)  # what another register held
        if max(abs(n) for n in moved) > doubt:
            self._broken("counts differ by " + repr(moved) + ", more than " + str(doubt))
        self._doubted = self._settled if flags and faulty else None
        self._settled, self._flowed = missing, rig.true()
        self._mixed = self._late_counts = False
        if self._tells or not self._altered:
            self._settled_ms = rig.ms
        self._altered -= self._altered > 0

    def _is_back(self, missing):
        """-> whether what the read before put in doubt was in the IC, and has come now."""
        if self._doubted is None:
            return False
        pairs = zip(missing, self._doubted, self._settled)
        return all(min(a, b) <= n <= max(a, b) for n, a, b in pairs)

    def _judge_reset(self, flags, lost):
        if lost and not flags & RESET:
            self._broken("a reset of the IC is not told")
        if flags & RESET:
            if not self._lost and not self._touched:
                self._broken("RESET, and the IC was not reset")
            self._lost = False

    def _no_more_than_flowed(self, moved):
        """-> whether what is missing flowed since the last judgement, in each channel."""
        flowed = [a - b for a, b in zip(self._rig.true(), self._flowed)]
        return all(n * f >= 0 and abs(n) <= abs(f) for n, f in zip(moved, flowed))

    def _less_forgotten(self, moved):
        """-> without what a restart took: no more than flowed since the read before."""
        forgotten, self._forgotten = self._forgotten, None
        if not forgotten:
            return moved
        return [
            0 if n * most > 0 and abs(n) <= abs(most) else n for n, most in zip(moved, forgotten)
        ]

    def _broken(self, what):
        name = self.ic.name + ":" + str(self.seed)
        raise Broken(name + " after " + " ".join(self.kinds) + ": " + what)


KINDS = (
    "none flip_miso flip_mosi drop_clocks stuck_select noise brown_out brown_out_in_a_read strike"
    " processor processor_in_a_read late"
).split()
