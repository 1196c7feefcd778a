"""Chooses the slot and starts the meter from it. A sealed meter lets no Ctrl-C in meanwhile, says
nothing of what fails, and goes on to main.py.

Every file begins with Ctrl-C on (shared/runtime/pyexec.c). One that comes before the first line
has turned it off is raised where a try ends, in the outer one, and no more can follow.
"""

try:
    try:
        __import__("micropython").kbd_intr(-1)
    except KeyboardInterrupt:
        __import__("micropython").kbd_intr(-1)
except KeyboardInterrupt:
    __import__("micropython").kbd_intr(-1)


def _is_shut():
    """-> whether the seal shuts the REPL; it is kept as meter.security.seal writes it."""
    import struct
    import time

    import esp32

    held = bytearray(12)
    try:
        if esp32.NVS("wl").get_blob("seal", held) != 12:
            return True
    except OSError as error:
        # ESP_ERR_NVS_NOT_FOUND: it was never sealed, or MicroPython has erased NVS.
        return error.errno != -0x1102 or _was_sealed()
    state, opened_at, open_until = struct.unpack("<BxxxII", held)
    now = int(time.time()) + (946684800 if time.gmtime(0)[0] == 2000 else 0)
    return state != 0 and not (state == 2 and opened_at <= now < open_until)


def _was_sealed():
    """-> whether there is the witness of a seal, which drivers.vault keeps."""
    try:
        open("/sealed").close()
    except OSError as error:
        return error.errno != 2  # ENOENT
    return True


def _note(text):
    import os

    with open("/slot.new", "w") as file:
        file.write(text)
    os.rename("/slot.new", "/slot")


def _slot():
    """-> ("a" or "b", whether it is on trial): /slot has a letter and, on trial, the number of
    boots that are left before the other slot is taken. A boot that cannot be counted is none."""
    try:
        with open("/slot") as file:
            text = file.read(2)
    except OSError:
        text = ""  # a bare module
    slot, left = "b" if text[:1] == "b" else "a", text[1:]
    if left not in ("0", "1", "2", "3"):
        return slot, False
    other = "a" if slot == "b" else "b"
    try:
        if left != "0":
            _note(slot + str(int(left) - 1))
            return slot, True
        _note(other)
    except OSError:
        return other, False
    return other, False


def _boot():
    """-> whether the console is the only way in."""
    import sys

    import machine

    shut = _is_shut()
    if not shut:
        __import__("micropython").kbd_intr(3)
    slot, on_trial = _slot()
    sys.path.insert(0, "/" + slot)
    try:
        if on_trial:
            machine.WDT(timeout=30000)  # one that hangs has failed too
        import app

        shut = app.shut()
    except Exception as error:
        if not shut:
            sys.print_exception(error)
        elif not on_trial:
            _note(slot + "2")  # two more attempts, then the other slot
    if shut and machine.reset_cause() == machine.SOFT_RESET:
        machine.reset()  # after a soft reset out of the raw REPL main.py would be skipped
    return shut


_shut = True  # whatever happens before it is known
try:
    _shut = _boot()
except Exception:
    __import__("machine").reset()
