"""What a flash must hold after whatever happened to it, kept in a dict.

`value` is a small int from which every field of an E, a W or a data record follows; registers
rise with it. For each key the oracle knows which values may be found: the acknowledged one and,
while a commit is under way, that one too. Runs on CPython and MicroPython.
"""

from boards.virtual.nor import ROW_SIZE
from meter.records import EState, WState

_BITS = {"B": 8, "H": 16, "I": 32, "q": 63, "u48": 48, "i128": 127}
_NOT_PAYLOAD = ("", "kind", "version", "flags", "seq", "commit")
_RISING = ("registers", "rates")
KEYS = ("e", "w")


class Broken(AssertionError):
    """An invariant does not hold."""


def expect(condition, *words):
    """Raise Broken with these words unless the condition holds."""
    if not condition:
        raise Broken(" ".join([str(word) for word in words]))


def payload(layout):
    """-> names of the fields that hold what the owner saves."""
    return [layout[i] for i in range(0, len(layout), 3) if layout[i] not in _NOT_PAYLOAD]


_E_FIELDS, _W_FIELDS = payload(EState.layout), payload(WState.layout)


def fill(record, value):
    """Give every field of a record its content for this value. -> the record."""
    layout = record.layout
    for at in range(0, len(layout), 3):
        name, code, count = layout[at], layout[at + 1], layout[at + 2]
        if name in _NOT_PAYLOAD:
            continue
        if code == "s":
            setattr(record, name, bytes((value * 31 + at + i) & 0xFF for i in range(count)))
            continue
        if name in _RISING:
            content = [(1 << 40) + value * 1_000_003 + i for i in range(count)]
        else:
            top = (1 << _BITS[code]) - 1
            content = [(value * 0x9E3779B97F4A7C15 + at * i + at) & top for i in range(count)]
            if code in ("q", "i128") and value & 1:
                content = [-one for one in content]
        setattr(record, name, content if count > 1 else content[0])
    record.utc = value  # by which it is known again
    return record


def e_state(value):
    return fill(EState(), value)


def w_state(value):
    return fill(WState(), value)


def contents(state, names):
    return [getattr(state, name) for name in names]


class Oracle:
    """allowed   key "e" or "w" -> values that may be found, the acknowledged one first
    commits   (key, value) -> the commit that the journal said it is
    """

    def __init__(self):
        self.allowed = {"e": [None], "w": [None]}
        self.commits = {}
        self._cache = {}

    def begin(self, key, value):
        """A commit of this value starts: from now on it may be found."""
        self.allowed[key].append(value)

    def done(self, key):
        """It is acknowledged: nothing older may be found any more."""
        self.allowed[key] = self.allowed[key][-1:]

    def shown(self, found):
        """A meter started with these values and has affirmed them; of nothing it cannot."""
        for key in KEYS:
            if found[key] is not None:
                self.allowed[key] = [found[key]]

    def check(self, journal):
        """Values that a mount found against what may be there. -> them, by key."""
        expect(journal.state == "ready", "mounted as", journal.state)
        return {
            "e": self._check("e", journal.newest_e, _E_FIELDS, e_state),
            "w": self._check("w", journal.newest_w, _W_FIELDS, w_state),
        }

    def _check(self, key, newest, names, made):
        value = None if newest is None else newest.utc
        expect(value in self.allowed[key], key, value, "found, allowed", self.allowed[key])
        if newest is not None:
            if (key, value) not in self._cache:
                self._cache[key, value] = contents(made(value), names)
            wanted = self._cache[key, value]
            found = contents(newest, names)
            expect(found == wanted, key, value, "differs:", found, "instead of", wanted)
            commit = self.commits.get((key, value), newest.commit)
            expect(newest.commit == commit, key, value, "commit", newest.commit, "not", commit)
        return value


def check_rows(nor):
    """No row of the flash is programmed twice between two erases, not even a torn one."""
    expect(nor.rows_again == 0, nor.rows_again, "rows of", ROW_SIZE, "bytes programmed twice")
    expect(nor.torn_again == 0, nor.torn_again, "rows programmed again after a cut")
    expect(nor.changed_bits_refused == 0, "a program met bits that had fallen")
