"""Starts the meter from the slot that deploy chose; the console stays usable if it cannot."""

import sys

try:
    with open("/slot") as _slot:
        sys.path.insert(0, "/" + _slot.read(1))
    import app  # noqa: F401
except Exception as _error:
    sys.print_exception(_error)
