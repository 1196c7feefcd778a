"""Keeps an MQTT session connected: TLS, back-off, dead peers. On asyncio, CPython's or the chip's.

On the chip the name look-up and each step of a TLS handshake block every task; timers still fire,
but late: `info` says how late one was.
"""

import asyncio

from comms.mqtt_codec import MqttError
from comms.mqtt_session import elapsed_ms
from meter.compat import const, forget

_PROBLEM_CHARS = const(120)


class Link:
    """profile   host, port; tls: None for a plain connection, else what comms.tls takes;
              connect_s (30): from the look-up to CONNACK; held_s (60): a connection that lasted
              this long was a good one; back_off_s ((8, 900)): most before the first attempt and
              before any, it doubles from one to the other; read_bytes (512)
    ports     now_ms() -> ms as `Session` wants them; sleep_ms(ms), a coroutine; random(n) -> bytes

    problem   what is wrong, "" when nothing is known to be; connects: connections accepted
    """

    def __init__(self, profile, session, ports):
        get = profile.get
        self._host, self._port = profile["host"], profile["port"]
        self._tls = profile["tls"]  # no default: plain text is asked for by name or not had
        self._connect_s, self._held_ms = get("connect_s", 30), 1000 * get("held_s", 60)
        self._back_off_s, self._read_bytes = get("back_off_s", (8, 900)), get("read_bytes", 512)
        self._session, self._ports = session, ports
        self._wake, self._stir = asyncio.Event(), asyncio.Event()
        self._failure = self._writer = None
        self._stopped, self._greeted, self._failures = False, False, 0
        self.problem, self.connects = "not connected yet", 0

    def wake(self):
        """There is something to send: at once, not within a second. For tasks, not interrupts."""
        self._wake.set()

    def stop(self):
        """Say goodbye and end `run` in a second; where it waits to connect, cancel it."""
        self._stopped = True
        self._stir.set()

    async def run(self):
        """Until `stop`. Never raises for what network or broker do: `problem` tells it."""
        while not self._stopped:
            await self._ports.sleep_ms(self._delay_ms())
            self._failures += 1
            try:
                await self._connection()
            except Exception as error:
                self.problem = self._words(error)
            self._session.lost()

    def _delay_ms(self):
        """Full jitter, also before the first attempt: a black-out ends for all at once."""
        first, most = self._back_off_s
        spread_ms = 1000 * min(most, first << min(self._failures, 16)) - 1000
        drawn = int.from_bytes(self._ports.random(4), "big")
        return 1000 + drawn % (max(spread_ms, 0) + 1)

    def _words(self, error):
        what = str(error) or type(error).__name__
        return ("%s:%d: %s" % (self._host, self._port, what))[:_PROBLEM_CHARS]

    async def _connection(self):
        """Tasks move the bytes, here only time passes: whatever holds them up is noticed.

        No wait_for: CPython's may swallow the cancellation of `run`.
        """
        session, now_ms = self._session, self._ports.now_ms
        self._writer = self._failure = None
        since_ms, self._greeted = now_ms(), False
        tasks = [asyncio.create_task(work()) for work in (self._receive, self._send, self._clock)]
        try:
            while not self._stopped:
                await self._stir.wait()
                self._stir.clear()
                if self._failure:
                    raise self._failure
                session.tick(now_ms())
                age_ms = elapsed_ms(now_ms(), since_ms)
                if not self._greeted and age_ms >= 1000 * self._connect_s:
                    raise MqttError("mqtt: no CONNACK in %d s: is it a broker?" % self._connect_s)
                if self._greeted and age_ms >= self._held_ms:
                    self._failures = 0
                self._wake.set()
            session.close()
            self._wake.set()
            await asyncio.sleep(1)
        finally:
            for task in tasks:
                task.cancel()
            if self._writer:
                await _close(self._writer)

    async def _receive(self):
        session, now_ms = self._session, self._ports.now_ms
        try:
            context = name = None
            if self._tls is not None:
                from comms import tls

                forget("comms.tls")
                context, name = tls.context(self._tls), self._tls.get("name", self._host)
            reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=context, server_hostname=name
            )
            session.connected(now_ms())
            while True:
                self._wake.set()
                data = await reader.read(self._read_bytes)
                if not data:
                    raise MqttError("mqtt: closed by the broker: look at its log")
                session.received(data, now_ms())
                if session.ready and not self._greeted:
                    self._greeted, self.problem = True, ""
                    self.connects += 1
                await asyncio.sleep(0)  # CPython does not yield while its buffer has more
        except Exception as error:
            self._failure = error
            self._stir.set()

    async def _clock(self):
        while True:
            await asyncio.sleep(1)
            self._stir.set()

    async def _send(self):
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                data = self._session.outgoing(self._ports.now_ms())
                if data:
                    self._writer.write(data)
                    await self._writer.drain()
        except Exception as error:
            self._failure = error
            self._stir.set()


async def _close(writer):
    writer.close()
    transport = getattr(writer, "transport", None)
    if transport:
        transport.abort()  # CPython would wait for a peer that may be gone
    else:
        await writer.wait_closed()  # on the chip only this one closes
