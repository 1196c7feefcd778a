"""Breaks running code off at one chosen line or bytecode, as Ctrl-C does."""

import sys
from contextlib import suppress

from boards.virtual.spi import SelectWire, SpiWire
from meter.sample import Sample


class Struck:
    """Raises `error` at the n-th event of the chosen files while it is entered.

    event   "line" or "opcode"
    n       None: nothing is raised; `seen` counts the events
    is_ours callable(file name) -> whether its events count
    """

    def __init__(self, is_ours, event="line", n=None, error=KeyboardInterrupt):
        self.is_ours, self.event, self.n, self.error, self.seen = is_ours, event, n, error, 0

    def _trace(self, frame, event, arg):
        if not self.is_ours(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = self.event == "opcode"
        frame.f_trace_lines = self.event == "line"
        if event == self.event:
            self.seen += 1
            if self.seen == self.n:
                sys.settrace(None)
                raise self.error
        return self._trace

    def __enter__(self):
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_):
        sys.settrace(None)


class StruckDriver:
    """The driver of a metering IC over its model, each read of which may be broken off.

    model_of   callable(now_ms) -> model
    ic         class of the driver; settings: its keyword arguments
    files      of the driver, in which a strike counts
    period_s   from one read to the next
    """

    def __init__(self, model_of, ic, files, period_s, **settings):
        self.ms, self.files, self.period_s = 0, files, period_s
        self.model = model_of(lambda: self.ms)
        self.ic, self.settings = ic, settings
        self.driver = self.new_driver()
        self.sample = Sample()
        self.driver.start({})
        self.read()

    def new_driver(self):
        return self.ic(
            SpiWire(self.model),
            SelectWire(self.model),
            lambda ms: None,
            ticks_ms=lambda: self.ms,
            **self.settings,
        )

    def read(self, after_s=None, files=None, **strike):
        """-> events that were seen. No count falls, whatever strikes."""
        self.ms += (after_s or self.period_s) * 1000
        before = self.sample.counts
        ours = (files or self.files).__contains__
        struck = Struck(ours, **strike or {"event": "none"})
        with suppress(KeyboardInterrupt, MemoryError), struck:
            self.driver.read(self.sample)
        pairs = zip(before, self.sample.counts, strict=True)
        assert all(b is None or a <= b for a, b in pairs)
        return struck.seen

    def seen(self):
        """-> counts as the model's true ones"""
        c = self.sample.counts
        return c[0], c[1], c[2] + c[3], c[4] + c[5], c[6]

    def is_whole(self):
        return self.seen() == self.model.true_counts() and self.sample.flags == 0
