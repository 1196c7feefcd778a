"""Feeds a target life after life, and keeps what failed. Runs on CPython and in the VM."""

from binascii import hexlify

from tests.fuzz import targets
from tests.fuzz.chance import Chance

_KINDS_MAX = 6  # of failures that are kept, for each target


class Failure:
    """text: what was raised; kind: what two of one cause have in common; inputs: [bytes] that a
    target which begins anew fails with, at the last one."""

    def __init__(self, error, inputs):
        self.text = type(error).__name__ + ": " + str(error)
        self.kind = kind_of(error)
        self.inputs, self.error = inputs, error


def kind_of(error):
    text = "".join([c for c in str(error) if not c.isdigit()])[:60]
    return type(error).__name__ + " " + text + " " + _place(error)


def _place(error):
    """-> file and line where it was raised; the VM keeps none"""
    trace, found = getattr(error, "__traceback__", None), ""
    while trace is not None:
        code = trace.tb_frame.f_code
        found, trace = code.co_filename.split("/")[-1] + ":%d" % trace.tb_lineno, trace.tb_next
    return found


class Run:
    """name   of a target; seed: of all that is drawn
    outcomes  {what became of an input: how often}
    failures  {kind: the first Failure of it}; failed: how many inputs failed
    """

    def __init__(self, name, seed):
        self.name, self._seed = name, seed
        self.target = targets.make(name)
        self.inputs = self.failed = 0
        self.outcomes, self.failures = {}, {}

    def life(self, number, inputs):
        """One life, or the beginning of it."""
        part = self.begin(number)
        self.some(part, min(inputs, self.target.LIFE))

    def begin(self, number):
        """-> the beginning of this life, for `some`"""
        self.target.revive()
        return Chance("%s %s %d" % (self._seed, self.name, number)), []

    def some(self, part, inputs):
        """So many inputs more of this life."""
        chance, fed = part
        for _ in range(inputs):
            fed.append(self.target.make(chance))
            self.inputs += 1
            failure = attempt(self.target, fed, self.note)
            if failure is not None:
                self.keep(failure)
                fed.clear()

    def rest(self):
        """Between two lives: be as at the beginning, so that memory can be compared."""
        self.target.revive()

    def told(self):
        """-> what JSON can hold of it"""
        failures = [
            [failure.kind, failure.text, [str(hexlify(data), "ascii") for data in failure.inputs]]
            for failure in self.failures.values()
        ]
        return {
            "inputs": self.inputs,
            "failed": self.failed,
            "outcomes": self.outcomes,
            "failures": failures,
        }

    def keep(self, failure):
        """It is worth nothing any more, and a new one takes its place."""
        self.target = targets.make(self.name)
        self.failed += 1
        failure.error = None  # it holds all that there was
        if failure.kind not in self.failures and len(self.failures) < _KINDS_MAX:
            self.failures[failure.kind] = failure

    def note(self, found):
        self.outcomes[found] = self.outcomes.get(found, 0) + 1


def attempt(target, fed, note=None):
    """Feed the last input. -> Failure or None"""
    try:
        found = target.feed(fed[-1])
    except Exception as error:  # whatever it is, it is what was looked for
        return Failure(error, list(fed))
    if note is not None:
        note(found)
    return None


def replay(name, inputs):
    """-> the Failure of these inputs in a target that begins anew, or None: they are good"""
    target, fed = targets.make(name), []
    target.revive()
    for data in inputs:
        fed.append(data)
        failure = attempt(target, fed)
        if failure is not None:
            return failure
    return None
