"""python -m tests.fuzz.aimed NAME RUNS SEED FILE: one target, guided by what its inputs reach.

FILE gets JSON of what came of it, again with each failure and every so many inputs: libFuzzer does
not return.
"""

import json
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("", "firmware", "tests/shared")]

with atheris.instrument_imports(include=["meter", "comms", "drivers"]):
    from tests.fuzz import targets
    from tests.fuzz.chance import Chance
    from tests.fuzz.memory import load_all
    from tests.fuzz.mutate import bytes_of
    from tests.fuzz.run import Run, attempt

    load_all()
    targets.make(sys.argv[1])

_SEEDS = 60  # inputs of our own making, to begin with
_SIZE_MAX = 9000
_EVERY = 500


class Aimed:
    """Feeds what libFuzzer chooses."""

    def __init__(self, name, seed, where):
        self.run, self._where, self._fed = Run(name, seed), where, []

    def take(self, data):
        run = self.run
        if len(self._fed) >= run.target.LIFE:
            run.target.revive()
            self._fed.clear()
        self._fed.append(bytes(data))
        run.inputs += 1
        failure = attempt(run.target, self._fed, run.note)
        if failure is not None:
            run.keep(failure)
            self._fed.clear()
        if failure is not None or run.inputs % _EVERY == 0:
            self.write()

    def write(self):
        self._where.write_text(json.dumps(self.run.told()))

    def mutate(self, data, size_max, seed):
        """Half of the new inputs are ours, in which JSON stays JSON."""
        chance = Chance(str(seed))
        kind = chance.below(4)
        if kind == 0:
            return self.run.target.make(chance)[:size_max]
        if kind == 1:
            return bytes_of(chance, data, size_max)
        return atheris.Mutate(data, len(data))


def main():
    name, runs, seed, where = sys.argv[1:]
    aimed = Aimed(name, seed, Path(where))
    chance = Chance(f"{seed} {name} corpus")
    with tempfile.TemporaryDirectory(prefix="wattledger-corpus-") as folder:
        for number in range(_SEEDS):
            (Path(folder) / str(number)).write_bytes(aimed.run.target.make(chance))
        options = [f"-runs={runs}", f"-seed={int(seed) or 1}", f"-max_len={_SIZE_MAX}"]
        argv = [sys.argv[0], *options, "-verbosity=1", "-print_final_stats=1", folder]
        atheris.Setup(argv, aimed.take, custom_mutator=aimed.mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
