"""What a test may change about the world: the load, and the time that is skipped."""

import json
import os

from boards.virtual.load import Constant, open_load, point_of


class World:
    """A load that can be exchanged while it flows; time that was skipped carries no energy.

    For Atm90e32Model: see boards/virtual/load.py, `segments`.
    path  file that keeps the options of the load for the next start
    """

    def __init__(self, path):
        self._path = path
        self._gaps = []
        self.about = {"constant": {"p_mw": 0, "q_mvar": 0, "v_mv": 230_000}}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.about = json.load(file)
        self.open(self.about)

    def open(self, options):
        """options: the keyword arguments of `open_load`, or {"constant": {...}} with those of
        `point_of`. ValueError, OSError: the file is no load; nothing has changed then."""
        options = dict(options)
        if "constant" in options:
            self.load = Constant(point_of(**options["constant"]))
        else:
            self.load = open_load(**options)
        self.about = options
        with open(self._path + ".new", "w", encoding="utf-8") as file:
            json.dump(options, file)
        os.replace(self._path + ".new", self._path)

    def skip(self, from_ms, to_ms):
        """The clock jumped: nothing flowed between the two."""
        if to_ms > from_ms:
            self._gaps.append((from_ms, to_ms))

    def segments(self, t0_ms, t1_ms):
        at_ms = t0_ms
        for gap_from_ms, gap_to_ms in self._gaps:
            if not t0_ms <= gap_from_ms < t1_ms:
                continue
            yield from self.load.segments(at_ms, gap_from_ms)
            at_ms = min(gap_to_ms, t1_ms)
            yield gap_from_ms, at_ms, Constant(point_of(0, 0, 0)).point
        self._gaps = [gap for gap in self._gaps if gap[1] > t1_ms]
        yield from self.load.segments(at_ms, t1_ms)
