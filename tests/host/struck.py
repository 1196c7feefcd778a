"""Breaks running code off at one chosen line or bytecode, as Ctrl-C does."""

import sys


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
