"""The slots port: software in /a and /b, and /slot, which says what boots. Loaded on demand.

/slot holds the letter of a slot, and while that is on trial the number of boots that it has left,
"b3": boot.py counts them down and then takes the other slot. The slot that does not run is free.
"""

import os
import sys

from drivers import file_digests
from meter.compat import const, forget
from meter.errors import MeterError

forget("drivers.file_digests")
MANIFEST = "manifest.json"
TRIAL = "3"
_CHUNK = const(512)


class Slots:
    """running   letter of the slot that runs
    root      folder of /a, /b and /slot, "" on the chip

    Paths are relative to a slot: "meter/ring.mpy". MeterError: the file system failed.
    """

    def __init__(self, running, root=""):
        self.running, self._root = running, root
        self.free = "a" if running == "b" else "b"

    @property
    def abi(self):
        """What .mpy files may be: version of the format | feature flags << 8."""
        return sys.implementation._mpy & 0xFFFF

    def on_trial(self):
        """Whether the slot that runs is not confirmed yet: the free one is then its fall-back."""
        return self._told() != self.running

    def confirm(self):
        """The software that runs is good: from now on it boots."""
        self._note(self.running)

    def flip(self):
        """The free slot is on trial from the next boot on."""
        self._note(self.free + TRIAL)

    def names(self):
        """-> paths in the free slot, sorted"""
        return file_digests.paths(self._root + "/" + self.free)

    def size(self, path):
        """-> bytes of a file in the free slot, None: there is none"""
        try:
            return os.stat(self._at(path))[6]
        except OSError:
            return None

    def digest(self, path, slot=None):
        """-> (size, SHA-256 in hex) of a file in a slot, the free one unless another is named;
        "": beside the slots. None: there is none"""
        try:
            return file_digests.of_file(self._at(path, slot))
        except OSError:
            return None

    def load(self, path, size_max, slot=None):
        """-> bytes, None: there is none. MeterError: it is longer, or cannot be read."""
        where = self._at(path, slot)
        try:
            with open(where, "rb") as file:
                data = file.read(size_max + 1)
        except OSError:
            return None
        if len(data) > size_max:
            raise MeterError(f"slots: {where}: over {size_max} bytes: build it again")
        return data

    def write(self, path, at, data):
        """Put bytes at the end of a file in the free slot, which is at; 0: begin it anew."""
        where = self._at(path)
        try:
            if not at:
                self._folders(path)
            with open(where, "ab" if at else "wb") as file:
                file.write(data)
        except OSError as error:
            raise MeterError(f"slots: {where}: {error}, expected room: begin again")

    def copy(self, path):
        """Take a file over from the slot that runs. -> as `digest`"""
        source = self._at(path, self.running)
        buf = bytearray(_CHUNK)
        view = memoryview(buf)
        try:
            self._folders(path)
            with open(source, "rb") as old, open(self._at(path), "wb") as new:
                size = old.readinto(buf)
                while size:
                    new.write(view[:size])
                    size = old.readinto(buf)
        except OSError as error:
            raise MeterError(f"slots: {source}: {error}: send the file")
        return self.digest(path)

    def remove(self, path):
        """Remove a file from the free slot."""
        try:
            os.remove(self._at(path))
        except OSError as error:
            raise MeterError(f"slots: {path}: {error}: ask what there is")

    def _at(self, path, slot=None):
        folder = self.free if slot is None else slot
        return self._root + "/" + folder + "/" + path if folder else self._root + "/" + path

    def _folders(self, path):
        """Make the folders on the way to a file of the free slot."""
        parts = (self.free + "/" + path).split("/")
        for i in range(1, len(parts)):
            folder = self._root + "/" + "/".join(parts[:i])
            try:
                os.stat(folder)
            except OSError:
                os.mkdir(folder)

    def _told(self):
        try:
            with open(self._root + "/slot") as file:
                return file.read(2).strip()
        except OSError:
            return ""

    def _note(self, text):
        """A cut leaves the old or the new: littlefs renames in one step."""
        where = self._root + "/slot"
        try:
            with open(where + ".new", "w") as file:
                file.write(text)
            os.rename(where + ".new", where)
        except OSError as error:
            raise MeterError(f"slots: {where}: {error}, expected room: try again")
