"""The slots port in RAM, with a power cut after n steps: a write, a copy, a removal, a flip."""

from binascii import hexlify
from hashlib import sha256

from boards.virtual.nor import PowerCut


def digest(data):
    return str(hexlify(sha256(data).digest()), "ascii")


class PlainSlots:
    """files   {"a/app.mpy": bytes, "boot.py": bytes, ...}
    told    what /slot holds
    steps   until the power goes, None: it stays
    """

    abi = 6

    def __init__(self, files, told="a", running="a"):
        self.files, self.told, self.running = files, told, running
        self.free = "a" if running == "b" else "b"
        self.steps = None

    def _step(self):
        if self.steps is not None:
            if not self.steps:
                raise PowerCut("slots")
            self.steps -= 1

    def on_trial(self):
        return self.told != self.running

    def flip(self):
        self._step()
        self.told = self.free + "3"

    def names(self):
        start = self.free + "/"
        return sorted([name[2:] for name in self.files if name.startswith(start)])

    def size(self, path):
        data = self.files.get(self.free + "/" + path)
        return None if data is None else len(data)

    def digest(self, path, slot=None):
        data = self.files.get(self._at(path, slot))
        return None if data is None else (len(data), digest(data))

    def load(self, path, size_max, slot=None):
        return self.files.get(self._at(path, slot))

    def write(self, path, at, data):
        self._step()
        name = self.free + "/" + path
        self.files[name] = (self.files[name] if at else b"") + data

    def copy(self, path):
        self._step()
        self.files[self.free + "/" + path] = self.files[self.running + "/" + path]
        return self.digest(path)

    def remove(self, path):
        self._step()
        del self.files[self.free + "/" + path]

    def _at(self, path, slot):
        folder = self.free if slot is None else slot
        return folder + "/" + path if folder else path
