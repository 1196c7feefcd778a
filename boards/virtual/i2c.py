"""The wires of an I2C bus: `machine.I2C` of a test, byte for byte, on models.

A model has `write(data)`, all bytes after its address, and `read(size) -> bytes`.
"""

_ENODEV, _ETIMEDOUT = 19, 116  # as the ESP32 port names them


class I2cWire:
    """devices   {7-bit address: model}

    dead       True, for tests: nobody answers
    bytes_sent towards the models, addresses among them
    """

    def __init__(self, devices):
        self._devices = devices
        self.dead = False
        self.bytes_sent = 0

    def writeto(self, address, data):
        self._device(address).write(bytes(data))
        self.bytes_sent += 1 + len(data)

    def writeto_mem(self, address, register, data):
        self.writeto(address, bytes([register]) + bytes(data))

    def readfrom_mem_into(self, address, register, into):
        self.writeto(address, bytes([register]))
        into[:] = self._device(address).read(len(into))

    def _device(self, address):
        if self.dead:
            raise OSError(_ETIMEDOUT)
        if address not in self._devices:
            raise OSError(_ENODEV)
        return self._devices[address]
