"""A name look-up or a TLS handshake holds the ticks back: nothing is lost, whatever they wait."""

import unittest

import tariffs
from rig import DEN, NUM, Rig, unix

START = unix(2026, 10, 5, 5, 30)  # Monday 07:30 in Madrid, half an hour before the day rate
COUNTS_S = 4  # counts a second, always


def waits(seed):
    while True:
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        yield 1 + (seed >> 12) % 10


def run(seconds, wait):
    rig = Rig(START)
    rig.push(tariffs.text())
    done = 0
    for step_s in wait:
        step_s = min(step_s, seconds - done)
        rig.run(step_s, step_s, imported=COUNTS_S * step_s, exported=step_s)
        done += step_s
        if done == seconds:
            return rig


class TestLateTicks(unittest.TestCase):
    def test_ticks_withheld_at_random_lose_nothing_and_split_as_punctual_ones(self):
        seconds = 2 * 3600 + 7
        punctual = run(seconds, iter([1] * seconds))
        for seed in (1, 2, 3):
            late = run(seconds, waits(seed))
            imported = COUNTS_S * seconds * NUM
            self.assertEqual(late.live.registers[0], imported // DEN)
            self.assertEqual(late.live.registers[1], seconds * NUM // DEN)
            self.assertEqual(sum(late.live.rates[:2]), late.live.registers[0])
            for rate in range(16):
                self.assertEqual(late.live.rates[rate], punctual.live.rates[rate])

    def test_the_rows_of_the_profile_are_those_of_punctual_ticks(self):
        seconds = 3600
        punctual, late = run(seconds, iter([1] * seconds)), run(seconds, waits(9))
        one, other = [rig.meter.journal.profile for rig in (punctual, late)]
        self.assertEqual(one.last_seq, other.last_seq)
        self.assertTrue(one.last_seq >= 4)
        for seq in range(1, one.last_seq + 1):
            rows = []
            for ring in (one, other):
                self.assertTrue(ring.read(seq, ring.slot))
                rows.append(bytes(ring.slot[:32]))
            self.assertEqual(rows[0], rows[1])
