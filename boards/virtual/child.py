"""One life of the CPU: the node process that runs vm.mjs, and its pipes."""

import contextlib
import json
import os
import signal
import subprocess
import threading

_HERE = os.path.dirname(os.path.abspath(__file__))
_PIPE_SIZE = 1 << 16
_EXIT_SOFT, _EXIT_SOFT_RAW, _EXIT_HARD = 80, 81, 82  # vm.mjs


class Child:
    """node vm state   paths of node, of the npm package, of the state folder
    bus    BusServer
    raw    start in the raw REPL without main.py

    stdin stdout   file descriptors of the REPL, ours to write and read
    unread         after `end`: REPL bytes that it had not looked at; the next life gets them
    """

    def __init__(self, node, vm, state, bus, raw):
        self._stdin, self.stdin = os.pipe()
        self.stdout, stdout = os.pipe()
        request_read, request = os.pipe()
        reply, reply_write = os.pipe()
        messages, self._messages = os.pipe()
        theirs = (request, reply, messages)
        command = [node, os.path.join(_HERE, "vm.mjs"), "--vm", vm]
        command += ["--fs", os.path.join(state, "fs"), "--fds", ",".join(map(str, theirs))]
        self._process = subprocess.Popen(
            command + (["--raw"] if raw else []),
            stdin=self._stdin,
            stdout=stdout,
            pass_fds=theirs,
        )
        for fd in (stdout, *theirs):
            os.close(fd)
        os.set_blocking(self.stdin, False)
        self._bus = threading.Thread(
            target=bus.serve, args=(request_read, reply_write), daemon=True
        )
        self._bus.start()
        self.pid = self._process.pid
        self.unread = b""

    def send(self, message):
        """One message for the VM, at any time. False: it is gone."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._messages, json.dumps(message).encode() + b"\n")
            return True
        return False

    def kill(self):
        """Take its power."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self):
        """Wait for its death and for the last of its bus traffic.

        -> "soft", "soft raw", "hard", or what went wrong
        """
        code = self._process.wait()
        self._bus.join()
        os.set_blocking(self._stdin, False)
        with contextlib.suppress(BlockingIOError):
            self.unread += os.read(self._stdin, _PIPE_SIZE)
        for fd in (self._stdin, self.stdin, self.stdout, self._messages):
            os.close(fd)
        kinds = {_EXIT_SOFT: "soft", _EXIT_SOFT_RAW: "soft raw", _EXIT_HARD: "hard"}
        return kinds.get(code, f"exit code {code}")
