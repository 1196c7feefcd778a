"""A COSEM server on a TCP port, on CPython and MicroPython alike: moves bytes, knows none."""

import asyncio

from comms.cosem import Session
from meter.compat import const

PORT = const(4059)  # registered with IANA for DLMS/COSEM
_CHUNK = const(256)
_IDLE_S = const(120)
_CLIENTS = const(2)


async def serve(objects, host="0.0.0.0", port=PORT, idle_s=_IDLE_S, clients=_CLIENTS):
    """-> asyncio server, which is listening: `close` it, then `wait_closed`. OSError: no port.

    objects   comms.cosem_objects.Objects
    idle_s    a client that is silent for so long is let go
    clients   at once; a further one is let go at once
    """
    busy = []

    async def attend(reader, writer):
        busy.append(writer)
        try:
            if len(busy) <= clients:
                await _attend(Session(objects), reader, writer, idle_s)
        except (OSError, asyncio.TimeoutError):
            pass  # the client went away, or says nothing: it is let go
        finally:
            busy.remove(writer)
            await _close(writer)

    return await asyncio.start_server(attend, host, port)


async def _attend(session, reader, writer, idle_s):
    while not session.closed:
        data = await asyncio.wait_for(reader.read(_CHUNK), idle_s)
        if not data:
            return
        answer = session.received(data)
        while answer:
            writer.write(answer)
            await asyncio.wait_for(writer.drain(), idle_s)
            answer = session.received(b"")


async def _close(writer):
    try:
        writer.close()
        await writer.wait_closed()
    except OSError:
        pass  # it is closed
