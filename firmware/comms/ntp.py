"""SNTP (RFC 4330), one question and one answer, on CPython and MicroPython alike.

Nobody vouches for the answer: see app.hint and docs/security.md for how little it may do.
"""

from meter.compat import const
from meter.errors import MeterError

_PORT, _SIZE = const(123), const(48)
_CLIENT = b"\x23"  # no warning, version 4, client
_SERVER = const(4)
_UNSYNCHRONISED = const(3)
_STRATUM_MAX = const(15)
_ANSWER_MS, _POLL_MS = const(1000), const(20)
_UNIX_S = const(2208988800)  # seconds from 1900 to 1970, RFC 4330, 3
_ERA = const(0x100000000)
_AGAIN_S, _RETRY_S = const(43200), const(900)


async def run(host, app, loop):
    """Ask once Wi-Fi is there, and each 12 h; after a failure each 15 min. Until cancelled.

    app    see comms.run; loop: comms.run.Loop
    """
    while True:
        app.told["ntp"] = "waits for wifi"
        while not loop.connected():
            await loop.sleep_ms(1000)
        try:
            utc = await ask(host, loop.random, loop.now_ms, loop.sleep_ms)
            app.told["ntp"], wait_s = app.hint(utc), _AGAIN_S
        except (OSError, MeterError) as error:
            app.told["ntp"], wait_s = str(error)[:48], _RETRY_S
        for _ in range(wait_s // 60):
            await loop.sleep_ms(60000)


async def ask(host, random, now_ms, sleep_ms, port=_PORT):
    """-> Unix s as this server has it

    random   random(n) -> bytes; now_ms: of a clock that wraps at 2**30; sleep_ms: coroutine
    OSError  the name, or no network; MeterError: no answer within a second, or none to believe
    """
    import socket

    where = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        sent = random(8)  # of the originate timestamp: nobody but the server has seen it
        begin = now_ms()
        udp.sendto(_CLIENT + bytes(39) + sent, where)
        while now_ms() - begin & 0x3FFFFFFF < _ANSWER_MS:
            try:
                data, source = udp.recvfrom(_SIZE + 1)
            except OSError:  # EAGAIN: nothing yet
                await sleep_ms(_POLL_MS)
                continue
            if source[:2] == where[:2]:
                return unix_s(data, sent)
        raise MeterError("ntp: " + host + ": no answer in a second")
    finally:
        udp.close()


def unix_s(data, sent):
    """-> Unix s of an answer, rounded down. sent: 8 bytes. MeterError: none to believe."""
    if len(data) != _SIZE or data[0] & 7 != _SERVER or data[24:32] != sent:
        raise MeterError("ntp: no answer to our question")
    if data[0] >> 6 == _UNSYNCHRONISED or not 1 <= data[1] <= _STRATUM_MAX:
        raise MeterError("ntp: the server has no time")
    seconds = int.from_bytes(data[40:44], "big")
    if not seconds:
        raise MeterError("ntp: the server has no time")
    # A number with the highest bit clear is of the era that begins in 2036.
    return seconds - _UNIX_S + (0 if seconds & 0x80000000 else _ERA)
