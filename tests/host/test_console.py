"""The line console: what is a line, what is answered, and how much of it is kept."""

import contextlib
import sys
import types
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

with mock.patch.dict(sys.modules, select=types.ModuleType("select")):
    from comms import console

LINE = 1600


class Gate:
    def __init__(self):
        self.lines = []

    def handle(self, line, road):
        assert road == "console"
        self.lines.append(line)
        return b"answer %d" % len(self.lines)


class Source:
    """Gives its bytes one by one; then the line is dead."""

    def __init__(self, data):
        self._data = iter(data)

    def readinto(self, buf):
        assert len(buf) == 1
        buf[0] = next(self._data)  # StopIteration ends the test
        return 1


class Sink:
    def __init__(self):
        self.said = b""

    def write(self, data):
        self.said += data


def converse(data):
    """-> (lines that the gate has had, what was said)"""
    gate, sink = Gate(), Sink()
    served = console.Console(gate.handle, Source(data), sink)
    with contextlib.suppress(StopIteration):
        while True:
            served.take()
    return gate.lines, sink.said


def test_a_line_ends_with_either_end_and_an_empty_one_is_none():
    lines, said = converse(b"one\ntwo\rthree\r\n\n\r\n")
    assert lines == [b"one", b"two", b"three"]
    assert said == b"answer 1\r\nanswer 2\r\nanswer 3\r\n"


def test_r19_control_characters_are_data():
    text = bytes(set(range(256)) - set(b"\r\n"))
    assert converse(text + b"\n")[0] == [text]


@pytest.mark.parametrize("size", [1, 127, 128, 129, LINE - 1, LINE])
def test_the_longest_line_is_taken(size):
    lines, said = converse(b"x" * size + b"\n")
    assert lines == [b"x" * size]
    assert said.count(b"\x06") == size // 128


@pytest.mark.parametrize("size", [LINE + 1, 2 * LINE, 100_000])
def test_r06_an_overlong_line_is_refused_once(size):
    lines, said = converse(b"x" * size + b"\nnext\n")
    assert lines == [b"next"]
    assert said.replace(b"\x06", b"") == console.REFUSED + b"\r\nanswer 1\r\n"
    assert said.count(b"\x06") == LINE // 128


@given(st.binary(max_size=4000))
def test_whatever_comes_the_next_line_is_read(data):
    lines, _ = converse(data + b"\nlast\n")
    assert lines[-1] == b"last"
    assert all(0 < len(line) <= LINE for line in lines)
    wanted = [p for p in data.replace(b"\r", b"\n").split(b"\n") if 0 < len(p) <= LINE]
    assert lines[:-1] == wanted


class Pty:
    """sys.stdin and sys.stdout of the chip."""

    def __init__(self, data, sink):
        self.buffer = Source(data)
        self.sink = types.SimpleNamespace(buffer=sink)


def test_run_serves_until_the_repl_may_be_had():
    gate, sink, polls = Gate(), Sink(), []

    class Poll:
        def register(self, stream, mask):
            assert (stream, mask) == (pty, 1)

        def poll(self, timeout_ms):
            polls.append(timeout_ms)
            return [] if len(polls) % 2 else [(pty, 1)]

    pty = Pty(b"one\ntwo\nthree\n", sink)
    modules = types.SimpleNamespace(poll=Poll, POLLIN=1)
    streams = types.SimpleNamespace(stdin=pty, stdout=pty.sink)
    with mock.patch.multiple(console, select=modules, sys=streams):
        console.run(gate.handle, lambda: len(gate.lines) < 2)
    assert gate.lines == [b"one", b"two"]
    assert sink.said == b"answer 1\r\nanswer 2\r\n"
    assert polls == [1000] * 4


def test_an_exception_of_the_gate_ends_the_console():
    answer = mock.Mock(side_effect=MemoryError)
    with pytest.raises(MemoryError):
        console.Console(answer, Source(b"one\n"), Sink()).take()
