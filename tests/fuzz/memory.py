"""What inputs leave behind in memory. Runs on CPython and in the VM."""

import os

_PACKAGES = "meter", "meter.security", "comms"
_TRIED = ("drivers.file_parts",)  # what else a request may load
_NOT_HERE = ("comms.tls",)  # the VM has no ssl


def keep_modules():
    """In the VM what is loaded on demand stays, as on CPython. Whether it is let go again is
    looked at apart, by the target `again`: here it would hide what inputs leave."""
    from meter import compat

    compat.forget = lambda name: None


def load_all():
    """All that is loaded on demand, now: so it is no growth."""
    for package in _PACKAGES:
        folder = __import__(package, None, None, ("",)).__file__.rpartition("/")[0]
        for name in sorted(os.listdir(folder)):
            module = package + "." + name[:-3]
            if name.endswith(".py") and name != "__init__.py" and module not in _NOT_HERE:
                __import__(module)
    for name in _TRIED:
        __import__(name)
    # The binascii of the VM is in Python and looks at single characters; that of a chip does not.
    for code in range(256):
        chr(code)


def growth(held):
    """held: bytes, or anything else that is counted, at several times. -> by how much the least of
    the later half lies above the least of the earlier half, or 0. What is left of each input lifts
    all of the later ones; what comes and goes lifts some."""
    middle = len(held) // 2
    return max(0, min(held[middle:]) - min(held[:middle])) if middle else 0


def steady(held):
    """-> by how much each time lies above the one before, in at least half of all cases. What is
    left of each input is in it, what was left once is not."""
    rises = sorted([held[i] - held[i - 1] for i in range(1, len(held))])
    return max(0, rises[(len(rises) - 1) // 2]) if rises else 0
