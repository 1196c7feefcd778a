"""Makes the VM look like the chip: no modules that the chip lacks, scripts run in __main__."""

import builtins

import _board
import micropython

import __main__

# Modules of the VM that stock firmware of the ESP32 does not have; `_board` is the way out of
# the simulation and belongs to the shims only.
_LACKING = (
    "_board _esp _prelude js jsffi abc base64 copy datetime fnmatch functools gzip hmac html "
    "inspect itertools locale logging operator pathlib stat string tarfile types unittest uu "
    "weakref zlib"
)
_NEED_THEM = ("asyncio", "unittest", "collections")  # frozen modules that import hidden ones
_import = builtins.__import__
_hidden = set(_LACKING.split())
_open = 0


def _guarded_import(name, names=None, local=None, wanted=None, level=0):
    global _open
    top = name.split(".")[0]
    if _open or level:
        return _import(name, names, local, wanted, level)
    if top in _hidden:
        raise ImportError("no module named '" + name + "'")
    if top not in _NEED_THEM:
        return _import(name, names, local, wanted, level)
    _open += 1
    try:
        return _import(name, names, local, wanted, level)
    finally:
        _open -= 1


def _drain():
    # the VM looks at its pending exception and callbacks at a backward jump
    n = 2
    try:
        while n:
            n -= 1
    except KeyboardInterrupt:
        pass


def _run_file(name):
    # boot.py and main.py as shared/runtime/pyexec.c runs them: in __main__, compiled before Ctrl-C
    # is let in, and one that came too late for the file's last jump is raised all the same
    with open("/" + name) as f:
        code = compile(f.read(), name, "exec")
    micropython.kbd_intr(3)
    _board.strike()
    exec(code, __main__.__dict__)
    micropython.kbd_intr(-1)
    n = 2
    while n:
        n -= 1


def start(allow):
    """allow: names, split by spaces, that a test runner may import all the same."""
    _hidden.difference_update(allow.split())
    for name in ("time", "os", "select", "machine", "esp32", "cryptolib"):
        __import__(name)
    micropython.kbd_intr(-1)
    _board.on_start(micropython.schedule, _drain, micropython.kbd_intr, _run_file)
    builtins.__import__ = _guarded_import
