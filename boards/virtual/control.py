"""The control socket: JSON lines, one request at a time on a connection.

Request {"do": name, ...}; answer {"ok": {...}} or {"error": text}; `advance` sends lines
{"progress": {...}} before its answer.
"""

import hashlib
import json
import os
import socket
import tempfile
import threading
import time
import traceback

_PATH_MAX = 100  # of a Unix socket, a little less than the least that systems have
_PROGRESS_S = 0.2


def socket_path(state):
    """-> path of the control socket of a state folder; elsewhere if that is too long."""
    path = os.path.join(os.path.abspath(state), "control")
    if len(path.encode()) <= _PATH_MAX:
        return path
    name = hashlib.sha256(path.encode()).hexdigest()[:16]
    return os.path.join(tempfile.gettempdir(), f"wattledger-{name}")


class Control:
    """board   has hardware, advance, port, stop()"""

    def __init__(self, state, board):
        self._board = board
        self.path = socket_path(state)
        if os.path.lexists(self.path):
            os.unlink(self.path)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rw", encoding="utf-8") as lines:

            def say(message):
                lines.write(json.dumps(message) + "\n")
                lines.flush()

            try:
                for line in lines:
                    say(self._answer(json.loads(line), say))
            except (BrokenPipeError, ConnectionResetError):
                return  # the client went away; what it asked for is done

    def _answer(self, request, say):
        try:
            do = getattr(self, "_do_" + str(request.pop("do")), None)
            if do is None:
                return {"error": "virtual board: unknown request: update the tool"}
            return {"ok": do(say, **request)}
        except (TimeoutError, ValueError, OSError) as error:
            return {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            return {"error": f"virtual board: {type(error).__name__}: {error}: see bridge.log"}

    def _do_status(self, say):
        return self._board.status()

    def _do_stop(self, say):
        self._board.stop()
        return {}

    def _do_outputs(self, say):
        """Changes of the output pins, oldest first."""
        with self._board.hardware.lock:
            return {"changes": list(self._board.hardware.outputs)}

    def _do_advance(self, say, step_ms, total_ms=None, until_ms=None):
        if step_ms < 1:
            raise ValueError("virtual board: a step must be at least 1 ms")
        clock = self._board.hardware.clock
        if total_ms is None:
            total_ms = until_ms - clock.world_ms()
        if total_ms < 0:
            raise ValueError("virtual board: that moment is past: its clock only goes forward")
        last = [time.monotonic()]

        def progress(done_ms):
            if time.monotonic() - last[0] >= _PROGRESS_S:
                last[0] = time.monotonic()
                say({"progress": {"done_ms": done_ms, "total_ms": total_ms}})

        done_ms = self._board.advance.run(total_ms, step_ms, progress)
        return {"done_ms": done_ms, "unix_ms": clock.world_ms()}

    def _do_clock(self, say, unix_ms=None, rtc_ms=None, held=None):
        """Set the world's time, the board's clock alone, or whether time stands still."""
        hardware = self._board.hardware
        if held is not None:
            self._board.advance.hold(held)
        with hardware.lock:
            if unix_ms is not None:
                hardware.set_world(unix_ms)
            if rtc_ms is not None:
                hardware.clock.set_rtc(rtc_ms)
        self._board.advance.tell_clock()
        return {"unix_ms": hardware.clock.world_ms(), "rtc_ms": hardware.clock.rtc_ms()}

    def _do_load(self, say, options):
        with self._board.hardware.lock:
            self._board.hardware.world.open(options)
        return {}

    def _do_inject(self, say, target, name, args=(), kwargs=None):
        """Call a method of a model, or set an attribute to args[0]; no args: read it."""
        model = self._board.hardware.models.get(target)
        if model is None or name.startswith("_") or not hasattr(model, name):
            raise ValueError(f"virtual board: no {target}.{name} to inject into")
        with self._board.hardware.lock:
            found = getattr(model, name)
            if callable(found):
                found = found(*args, **(kwargs or {}))
            elif args:
                setattr(model, name, set(args[0]) if isinstance(found, set) else args[0])
                found = args[0]
        return {"value": found if _is_json(found) else repr(found)}


def _is_json(value):
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
