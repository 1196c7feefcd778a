"""What comms takes from asyncio, without a loop: its coroutines are driven by hand. In place of
asyncio for as long as an input takes, on CPython and in the VM."""

import sys


class Waits(BaseException):
    """Here a task would wait. It is none of what comms catches."""


class CancelledError(BaseException):
    """As asyncio has it."""


class Event:
    def __init__(self):
        self._set = False

    def set(self):
        self._set = True

    def clear(self):
        self._set = False

    async def wait(self):
        if not self._set:
            raise Waits


class Task:
    """Of a coroutine that is not run."""

    def __init__(self, coroutine):
        self._coroutine = coroutine

    def done(self):
        return False

    def cancel(self):
        self._coroutine.close()


class Asyncio:
    """stream: the reader and the writer of a connection"""

    Event, CancelledError, create_task = Event, CancelledError, Task

    def __init__(self, stream=None):
        self._stream = stream

    async def open_connection(self, host, port, ssl=None, server_hostname=None):
        return self._stream, self._stream

    async def sleep(self, seconds):
        """The only one in comms that is no more than a turn for others."""

    async def sleep_ms(self, ms):
        raise Waits


def drive(coroutine):
    """Run it to its end, or to where it would wait. -> whether it has ended"""
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    except Waits:
        return False
    raise AssertionError("it waits for something that is not known here")


class Instead:
    """`with Instead(asyncio=..., network=...)`: what an `import` of these gives meanwhile."""

    def __init__(self, **modules):
        self._modules, self._kept = modules, {}

    def __enter__(self):
        for name, module in self._modules.items():
            self._kept[name] = sys.modules.get(name)
            sys.modules[name] = module

    def __exit__(self, *_):
        for name, module in self._kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
