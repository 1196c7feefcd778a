"""What doctor asks a module, as code that runs there: it prints a line of JSON, and only reads."""

# Of the firmware, whatever is on it. A name that a port lacks is None.
FIRMWARE = """
def _wl_facts():
    import sys, machine, time, gc, json
    facts = {"name": sys.implementation[0], "version": list(sys.implementation[1][:3])}
    facts["machine"] = getattr(sys.implementation, "_machine", None)
    facts["serial"] = "".join(["%02x" % b for b in machine.unique_id()])
    facts["reset_cause"] = machine.reset_cause()
    gc.collect()
    facts["free"] = gc.mem_free()
    facts["clock"] = time.time() + (946684800 if time.gmtime(0)[0] == 2000 else 0)
    try:
        import esp
        facts["flash_size"] = esp.flash_size()
    except (ImportError, AttributeError):
        facts["flash_size"] = None
    import esp32
    p = esp32.Partition
    facts["table"] = [list(x.info()) for t in (p.TYPE_APP, p.TYPE_DATA) for x in p.find(t)]
    print(json.dumps(facts))
_wl_facts()
del _wl_facts
"""

# Why the software does not run: the last line of what `import app` raises, or null.
SOFTWARE = """
def _wl_software():
    import json
    try:
        import app
        text = None
    except Exception as error:
        text = type(error).__name__ + ": " + str(error)
    print(json.dumps(text))
_wl_software()
del _wl_software
"""

# One register of the metering IC through the meter's own driver, between two ticks; a driver
# that CHIPS does not know is asked whether its chip is in order.
CHIP = """
def _wl_chip():
    import app, json
    chip, meter = app.ports.chip, app.meter
    name = type(chip).__name__
    was, meter.locked = meter.locked, True
    try:
        value = {reads}[name](chip) if name in {reads} else chip.ok()
    except Exception as error:
        value = type(error).__name__ + ": " + str(error)
    finally:
        meter.locked = was
    print(json.dumps([name, value]))
_wl_chip()
del _wl_chip
"""

# Driver class -> (what is asked, how, the value that says the IC is there, its hex digits).
# What is asked is constant while the meter runs, and to read it changes nothing in the IC.
CHIPS = {
    "Atm90e32": ("ChannelMapI, 0x01", "lambda c: c.link.get(0x01)", 0x0210, 4),
    "Ade7953": (
        "0x22f and then LAST_ADD",
        "lambda c: (c._link.get(0x22F), c._link.get(0x1FE))[1]",
        0x022F,
        4,
    ),
    "Bl0942": ("FREQ_CYC, 0x17", "lambda c: c._link.field(0x17)", 0x03, 2),
}


def chip_code() -> str:
    """-> CHIP for all drivers of CHIPS."""
    reads = ", ".join(f"{name!r}: {how}" for name, (_, how, _, _) in CHIPS.items())
    return CHIP.replace("{reads}", "{" + reads + "}")


def wiring(wanted: int, seen: int, digits: int) -> str:
    """-> what a wrong answer to a read of a known register tells about the wires."""
    ones = (1 << 4 * digits) - 1
    if seen == ones:
        return "MISO floating? check MISO, chip select, the chip's supply and its mode pins"
    if seen == 0:
        return "MISO stuck low? check for a short to ground, the clock wire, the chip's supply"
    if seen in (wanted << 1 & ones, wanted >> 1, wanted << 1 & ones | 1):
        return "shifted by one bit: SPI mode or speed? shorten the wires"
    swapped = int.from_bytes(wanted.to_bytes(digits // 2, "big"), "little")
    if seen == swapped:
        return "its bytes are swapped: is it the IC that the board names?"
    return "noise? shorten the wires, check ground between both boards"
