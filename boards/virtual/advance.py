"""Moves the held clock: orders to the VM, which fires its timers after each step."""

import threading
import time

_CHUNK_STEPS_MAX = 100_000
_BUDGET_MS = 40  # wall time of one order; between two the REPL gets its turn
_ACK_S = 1.0
_ANSWER_S = 60.0  # of one order: a step may commit to flash, but it never takes so long
_POLL_S = 0.2


class Advance:
    """hardware   Hardware
    child      callable -> the Child that runs now
    """

    def __init__(self, hardware, child):
        self._hardware, self._child = hardware, child
        self._one = threading.Lock()
        self._answers = threading.Condition()
        self._answered = 0
        self._id = 0

    def on_event(self, event):
        """Events {"advanced"} and {"clock_set"} of the VM, from the bus thread."""
        with self._answers:
            self._answered = max(self._answered, event["id"])
            self._answers.notify_all()

    def tell_clock(self):
        """Hand the clock's state to the VM; a busy VM gets it when it next looks."""
        with self._hardware.lock:
            clock = self._hardware.clock.for_vm()
        self._wait(self._send({"clock": clock}), _ACK_S)

    def hold(self, held):
        with self._hardware.lock:
            changed = self._hardware.clock.held != held
            self._hardware.clock.hold(held)
        if changed:
            self.tell_clock()

    def run(self, total_ms, step_ms, progress):
        """Advance by total_ms in steps; the last may be shorter. -> ms done.

        progress(done_ms)   called after each order
        TimeoutError: a program keeps the VM busy, or the board died
        """
        with self._one:
            was_held = self._hardware.clock.held
            self.hold(True)
            start_ms = self._hardware.clock.advanced_ms
            try:
                while True:
                    done_ms = self._hardware.clock.advanced_ms - start_ms
                    progress(done_ms)
                    if done_ms >= total_ms:
                        return done_ms
                    self._order(total_ms - done_ms, step_ms)
            finally:
                self.hold(was_held)

    def _order(self, left_ms, step_ms):
        steps = min(left_ms // step_ms, _CHUNK_STEPS_MAX)
        if steps == 0:
            steps, step_ms = 1, left_ms
        order = {"steps": steps, "step_ms": step_ms, "budget_ms": _BUDGET_MS}
        child = self._child()
        if not self._wait(self._send(order), _ANSWER_S, child):
            self._send({"cancel": True})
            raise TimeoutError(
                f"virtual board: no step in {_ANSWER_S:.0f} s: a program without pause holds it: "
                "interrupt it"
            )

    def _send(self, message):
        self._id += 1
        self._child().send({**message, "id": self._id})
        return self._id

    def _wait(self, wanted, timeout_s, child=None):
        """-> whether the answer came. A new life of the CPU counts too: ask it again."""
        end = time.monotonic() + timeout_s
        with self._answers:
            while self._answered < wanted:
                if time.monotonic() > end:
                    return False
                if child is not None and self._child() is not child:
                    return True
                self._answers.wait(_POLL_S)
        return True
