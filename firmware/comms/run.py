"""Runs a sealed meter's console, and beside it what communication is set, in one loop.

Whatever goes wrong in a profile ends that profile, for a while, and stands in `info`; never the
console. The tick is a timer's, and needs nothing of this.
"""

import time

from comms import console
from meter.compat import const, forget

_AGAIN_S = const(900)  # after a profile has ended by an error
_IDLE_MS = const(500)
_POLL_MS = const(20)  # at 115200 Bd the module has room for what comes in so long
_TEXT = const(48)


def run(app):
    """Until the REPL may be had. Raises only what the console raises.

    app   answer(line, road), handle(role, line), shut(), profile(name) -> bytes or None,
          uart(name, settings) -> port, local() -> local time, hint(utc) -> text,
          read_each_second(goes_on), gate, crypto, serial, and told: {profile: text}, shown by
          `info`
    """
    while app.shut():
        app.told.clear()
        goes_on, loop = _same(app), _loaded(app)
        if loop is None:
            console.run(app.answer, goes_on)
        else:
            loop.run(goes_on)


def _same(app):
    """-> function: whether the REPL is shut and the profiles are what they are now"""
    gate = app.gate
    count = gate.profiles if gate else 0
    return lambda: app.shut() and (gate is None or gate.profiles == count)


def _loaded(app):
    """-> what runs the profiles that are set, None: none is, or it cannot be had."""
    try:
        from comms import starting

        return starting.loop(app, Loop)
    except Exception as error:  # whatever it is: the console must run
        app.told["wifi"] = words(error)
        return None
    finally:
        _dropped()


def _dropped():
    for name in ("starting", "profiles"):
        forget("comms." + name)


class Loop:
    """The profiles that are set, and the console, as tasks of one asyncio loop.

    network   the module, None: without Wi-Fi
    sleep_ms  coroutine, None: asyncio's own, which only the chip's has
    names     of the tasks
    """

    def __init__(self, app, network, sleep_ms=None):
        import asyncio

        from comms import starting

        self._app, self._asyncio = app, asyncio
        self.random = app.crypto.random
        self._wifi, self._ntp, self._local, self.names = starting.found(app, network)
        self.sleep_ms = sleep_ms or (asyncio.sleep_ms if self.names else None)

    def run(self, goes_on):
        """goes_on   -> whether to, asked about once a second"""
        self._asyncio.run(self._main(goes_on))

    def now_ms(self):
        return time.ticks_ms()

    def connected(self):
        return self._wifi is not None and self._wifi.connected

    async def _main(self, goes_on):
        loop = self._asyncio.get_event_loop()
        loop.set_exception_handler(self._unseen)
        tasks = [self._asyncio.create_task(self._kept(name)) for name in self.names]
        try:
            await self._console(goes_on)
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                try:
                    await task
                except self._asyncio.CancelledError:
                    pass
            if self._wifi is not None:
                self._wifi.stop()

    def _unseen(self, loop, context):
        """asyncio would print it on the serial port, on which a sealed meter says nothing."""
        self._app.told["error"] = words(context.get("exception") or context["message"])

    async def _console(self, goes_on):
        poll, served = console.opened(self._app.answer)
        turns = 0
        while turns or goes_on():
            turns = (turns + 1) % (1000 // _POLL_MS)
            for _ in range(console.WINDOW):
                if not poll.poll(0):
                    break
                served.byte()
            await self.sleep_ms(_POLL_MS)

    async def _kept(self, name):
        """One profile; what ends it by an error begins again later."""
        while True:
            try:
                await self._work(name)
                return
            except Exception as error:
                self._app.told[name] = "stopped: " + words(error)
            await self.sleep_ms(1000 * _AGAIN_S)

    def _work(self, name):
        """-> coroutine of a profile"""
        if name == "wifi":
            return self._watch_wifi()
        if name in ("mqtt", "home"):
            return self._broker(name)
        if name == "ntp":
            from comms import ntp

            return ntp.run(self._ntp, self._app, self)
        from comms import local

        return local.run(name, self._local[name], self._app, self)

    async def _watch_wifi(self):
        wifi = self._wifi
        while True:
            wifi.step(self.now_ms())
            rssi = wifi.rssi()
            self._app.told["wifi"] = wifi.state + (
                "" if rssi is None else " " + str(rssi) + " dBm"
            )
            await self.sleep_ms(1000)

    async def _broker(self, name):
        from comms import starting

        try:
            made = starting.broker(self._app, name)
        finally:
            _dropped()
        if made is None:
            return
        fields, session, rider = made
        from comms.mqtt_link import Link

        while True:
            self._app.told[name] = "waits for wifi"
            while not self._wifi.connected:
                await self.sleep_ms(_IDLE_MS)
            # A new one each time: its back-off is for brokers, Wi-Fi has its own.
            await self._connected(name, session, Link(fields, session, self), rider)

    async def _connected(self, name, session, link, rider):
        """Until Wi-Fi is lost."""
        task = self._asyncio.create_task(link.run())
        try:
            while self._wifi.connected and not task.done():
                more = session.ready and rider.step(session.publish, self.now_ms())
                if more:
                    link.wake()
                self._app.told[name] = (link.problem or session.refused or "connected")[:_TEXT]
                await self.sleep_ms(_POLL_MS if more else _IDLE_MS)
            if task.done():
                await task
        finally:
            task.cancel()
            session.lost()


def words(error):
    """-> what `info` shows of an exception"""
    return (str(error) or type(error).__name__)[:_TEXT]
