"""The roads for whoever stands at the meter, P1 and optical port, and the COSEM server: each is a
task of comms.run, and ends alone. They read, and change nothing (docs/readout.md, docs/cosem.md).
"""

from meter.compat import const

_TICKS = const(0x3FFFFFFF)


async def run(name, settings, app, loop):
    """Until it is cancelled; raises whatever ends it.

    name   "p1", "readout", "cosem"; settings: its own, of comms.profiles.local
    app    see comms.run; loop: comms.run.Loop
    """
    role = settings.get("role", "public")
    if name == "cosem":
        await _cosem(role, app, loop)
        return
    from comms import obis_lines

    port = app.uart(name, settings)
    facts = obis_lines.Facts(app.handle, role, app.local)
    app.told[name] = "on, as " + role
    try:
        await (_p1 if name == "p1" else _readout)(port, facts, settings, app, loop)
    finally:
        port.close()


async def _p1(port, facts, settings, app, loop):
    from comms import p1

    telegrams = p1.P1(facts, settings)
    app.read_each_second(True)
    try:
        await p1.serve(telegrams, port, steady(loop.now_ms), loop.sleep_ms, port.wanted)
    finally:
        app.read_each_second(False)


async def _readout(port, facts, settings, app, loop):
    from comms import readout

    machine = readout.Readout(app.serial, lambda: readout.data_lines(facts))
    await readout.serve(machine, port, steady(loop.now_ms), loop.sleep_ms)


async def _cosem(role, app, loop):
    app.told["cosem"] = "waits for wifi"
    while not loop.connected():
        await loop.sleep_ms(1000)
    from comms import cosem_server
    from comms.cosem_objects import Objects

    server = await cosem_server.serve(Objects(app.handle, role))
    app.told["cosem"] = "on, as " + role
    try:
        while True:
            await loop.sleep_ms(60000)
    finally:
        server.close()


def steady(now_ms):
    """-> function, -> ms that never wrap, if it is called more often than `now_ms` wraps"""
    state = [now_ms(), 0]

    def total_ms():
        now = now_ms()
        state[1] += now - state[0] & _TICKS
        state[0] = now
        return state[1]

    return total_ms
