"""Targets that are bad: what an input leaves in memory is to be seen. Of no campaign."""


class Leaks:
    """Keeps some bytes of each input."""

    LIFE = 40

    def __init__(self):
        self._kept = []

    def revive(self):
        """What is kept is kept."""

    def make(self, chance):
        return chance.bytes(3)

    def feed(self, data):
        self._kept.append(data * 10)
        return "kept"


class Interns(Leaks):
    """Takes letters out of a text."""

    def feed(self, data):
        letter = 0x800 + int.from_bytes(data, "little") % 0xD000
        return "a letter" if chr(letter) else ""
