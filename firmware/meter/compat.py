"""The one door to what MicroPython and CPython do not share."""

import sys

try:
    from micropython import const
except ImportError:  # CPython

    def const(value):  # type: ignore[misc]
        return value


_ON_CHIP = sys.implementation.name == "micropython"


def forget(name):
    """Let go of a module, "package.module", that was imported for one rare use.

    On the chip its heap is free at the next collection; CPython keeps it.
    """
    if _ON_CHIP and name in sys.modules:
        package, _, module = name.rpartition(".")
        del sys.modules[name]
        delattr(sys.modules[package], module)


__all__ = ("const", "forget")
