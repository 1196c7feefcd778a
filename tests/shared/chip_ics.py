"""The metering ICs as the contract sees them: how a driver and its model are put together.

An entry of `ICS` has

name        of the driver's module
options     keyword arguments of the model, one dict for each way in which the facts may be
phases      that the model's load has
pmax_w      what the driver is told; loads stay below
window_s    a read so late loses nothing, even at pmax_w
full_s      after so long at pmax_w a register has been full, or has rolled over
start_mw    starting power; half of it is no load
frame_bits  of the longest transfer, for masks of flipped bits

model(load, now_ms, option)   driver(wire, select, sleep_ms, ticks_ms)
tells(option)                 whether the IC's replies tell a request that was altered on its way
parts(option)                 whether a transfer may break off inside: an IC that clears at its
                              start what it gives only at its end has then lost it, unseen
seen(counts)                  the counts of a sample that can be compared with
true(model)                   those that have flowed: where both directions cancel in the IC, their
                              difference
"""

IMPORT, EXPORT, Q1, Q2, Q3, Q4, APPARENT = range(7)


class Atm90e32:
    name = "atm90e32"
    options = ({}, {"full": "wrap"})
    phases = 1
    pmax_w = 15000
    window_s = 200
    full_s = 400
    start_mw = 4600
    frame_bits = 32

    def model(self, load, now_ms, option):
        from boards.virtual.atm90e32 import Atm90e32Model

        return Atm90e32Model(load, now_ms, reset_ms=5, **option)

    def driver(self, wire, select, sleep_ms, ticks_ms):
        from drivers.atm90e32 import Atm90e32

        return Atm90e32(
            wire, select, sleep_ms, 600, wiring="1p", pmax_w=self.pmax_w, ticks_ms=ticks_ms
        )

    def tells(self, option):
        return False

    def parts(self, option):
        return True

    def seen(self, c):
        return (c[IMPORT], c[EXPORT], c[Q1] + c[Q2], c[Q3] + c[Q4], c[APPARENT])

    def true(self, model):
        return tuple(model.true_counts())


class Ade7953:
    name = "ade7953"
    options = (
        {},
        {"last_moves": True},
        {"last_apart": True},
        {"clears": "start"},
        {"crc": "status"},
        {"crc": "none"},
        {"reset_ms": 50},
    )
    phases = 1
    pmax_w = 15000
    window_s = 20
    full_s = 200
    start_mw = 4600
    frame_bits = 56

    def model(self, load, now_ms, option):
        from boards.virtual.ade7953 import Ade7953Model

        return Ade7953Model(load, now_ms, **option)

    def driver(self, wire, select, sleep_ms, ticks_ms):
        from drivers.ade7953 import Ade7953

        return Ade7953(wire, select, sleep_ms, pmax_w=self.pmax_w, ticks_ms=ticks_ms)

    def tells(self, option):
        return not option.get("last_moves")

    def parts(self, option):
        return option.get("clears") != "start"

    def seen(self, c):
        return (c[IMPORT] - c[EXPORT], c[Q1] + c[Q2] - c[Q3] - c[Q4], c[APPARENT])

    def true(self, model):
        t = model.true_counts()
        return (t[0] - t[1], t[2] - t[3], t[4])


class Bl0942:
    name = "bl0942"
    options = (
        {},
        {"ncs": False},
        {"relocks": True},
        {"reset_clears": False},
        {"mode_clears": True},
        {"deaf": True},
        {"upper_bits": 0xFFFFFF},
        {"reset_ms": 5},
    )
    phases = 1
    pmax_w = 6900
    window_s = 3600
    full_s = 900000
    start_mw = 4600
    frame_bits = 48

    def model(self, load, now_ms, option):
        from boards.virtual.bl0942 import Bl0942Model

        return Bl0942Model(load, now_ms, **option)

    def driver(self, wire, select, sleep_ms, ticks_ms):
        from drivers.bl0942 import Bl0942

        return Bl0942(wire, select, sleep_ms, pmax_w=self.pmax_w, ticks_ms=ticks_ms)

    def tells(self, option):
        return True

    def parts(self, option):
        return True

    def seen(self, c):
        return (c[IMPORT] - c[EXPORT],)

    def true(self, model):
        t = model.true_counts()
        return (t[0] - t[1],)


ICS = {ic.name: ic for ic in (Atm90e32(), Ade7953(), Bl0942())}
