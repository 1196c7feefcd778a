"""Serves the VM's synchronous line: one thread for each life of the CPU."""

import json
import os
import traceback

from boards.virtual import wire
from boards.virtual.nor import PowerCut

_READ_SIZE = 1 << 17


class BusServer:
    """hardware   Hardware
    on_event   called with each EVENT, a dict, in this thread
    on_cut     called when the flash model says that the power is gone; it does not return
    """

    def __init__(self, hardware, on_event, on_cut):
        self._hardware, self._on_event, self._on_cut = hardware, on_event, on_cut

    def serve(self, request_fd, reply_fd):
        """Until the VM closes its end; closes both."""
        rest = b""
        try:
            while True:
                got = os.read(request_fd, _READ_SIZE)
                if not got:
                    return
                rest = self._frames(rest + got if rest else got, reply_fd)
        except BrokenPipeError:
            return  # the VM died while it waited
        finally:
            os.close(request_fd)
            os.close(reply_fd)

    def _frames(self, data, reply_fd):
        """Handle what is complete; -> the rest."""
        lock, header, size = self._hardware.lock, wire.HEADER.unpack_from, wire.HEADER.size
        at, end = 0, len(data)
        while end - at >= size:
            op, arg, n = header(data, at)
            if end - at < size + n:
                break
            payload = data[at + size : at + size + n]
            at += size + n
            if op == wire.EVENT:
                self._event(payload)
                continue
            with lock:
                reply = self._handle(op, arg, payload)
            if reply is not None:
                _write_all(reply_fd, reply)
        return data[at:]

    def _event(self, payload):
        try:
            self._on_event(json.loads(payload))
        except Exception:
            traceback.print_exc()  # the board must outlive a bug of ours

    def _handle(self, op, arg, payload):
        """-> reply, None for ops without one."""
        try:
            return self._answer(op, arg, payload)
        except PowerCut:
            return self._on_cut()
        except Exception as error:
            traceback.print_exc()
            if op == wire.CALL:
                return _json({"error": f"{type(error).__name__}: {error}"})
            return None if op in (wire.PIN, wire.PIN_MODE) else _reply(wire.ESP_FAIL)

    def _answer(self, op, arg, payload):
        hardware = self._hardware
        if op == wire.PIN:
            return hardware.pin(arg, payload[0])
        if op == wire.SPI:
            return _reply(0, hardware.spi(arg, payload))
        if op == wire.FLASH_READ:
            return _reply(*hardware.flash_read(*wire.TWO_U32.unpack(payload)))
        if op == wire.FLASH_PROGRAM:
            return _reply(hardware.flash_program(wire.U32.unpack_from(payload)[0], payload[4:]))
        if op == wire.FLASH_ERASE:
            return _reply(hardware.flash_erase(*wire.TWO_U32.unpack(payload)))
        if op == wire.STEP:
            clock = hardware.clock
            clock.step(wire.U32.unpack(payload)[0])
            return _reply(0, wire.CLOCKS.pack(clock.rtc_ms(), clock.advanced_ms))
        if op == wire.WDT_FEED:
            return hardware.wdt_feed()
        if op == wire.RTC_STORE:
            hardware.rtc_memory = payload
            return _reply(0)
        if op == wire.RTC_LOAD:
            return _reply(0, hardware.rtc_memory)
        if op == wire.PIN_READ:
            return _reply(hardware.pin_level(arg))
        if op == wire.PIN_MODE:
            return hardware.pin_mode(arg, payload[0])
        assert op == wire.CALL, op
        return _json(hardware.call(json.loads(payload)))


def _reply(status, payload=b""):
    return wire.REPLY.pack(status, len(payload)) + payload


def _json(answer):
    return _reply(0, json.dumps(answer).encode())


def _write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]
