"""Random numbers that a seed repeats, the same on CPython and in MicroPython."""

from hashlib import sha256


class Chance:
    """seed   text; the same one draws the same"""

    def __init__(self, seed):
        self._seed, self._drawn, self._left = seed.encode(), 0, b""

    def bytes(self, size):
        """-> so many random bytes"""
        while len(self._left) < size:
            self._left += sha256(self._seed + b" %d" % self._drawn).digest()
            self._drawn += 1
        found, self._left = self._left[:size], self._left[size:]
        return found

    def below(self, end):
        """-> 0 <= int < end; end at most 2**24"""
        return int.from_bytes(self.bytes(3), "big") % end

    def one_in(self, count):
        return not self.below(count)

    def of(self, values):
        return values[self.below(len(values))]

    def size(self, size_max):
        """-> 0 <= int <= size_max, mostly small"""
        return self.below(1 + (size_max >> self.below(12)))
