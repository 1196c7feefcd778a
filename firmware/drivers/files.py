"""The files port: tariffs in the file system, named by their digest."""

import os

from meter.compat import const, forget
from meter.errors import MeterError

_SIZE_MAX = const(8192)  # of a tariff
_SUFFIX = ".json"


class TariffFiles:
    """folder   holds <digest>.json"""

    def __init__(self, folder="/cfg"):
        self._folder = folder

    def load(self, digest_start):
        """-> bytes of the file whose digest starts so (hex), or None where there is none.

        A record points to a tariff by the first 8 bytes of its digest; who loads one checks
        the whole. MeterError: the file cannot be read.
        """
        try:
            names = os.listdir(self._folder)
        except OSError:
            return None  # no tariff was ever pushed
        for name in names:
            if name.startswith(digest_start) and name.endswith(_SUFFIX):
                return self._read(self._folder + "/" + name)
        return None

    def candidate(self, name, at, data, size):
        """Add to a new file. -> bytes held of it. See drivers.file_parts, as for the others."""
        return _parts().candidate(self._folder, name, at, data, size)

    def read(self, name, at):
        """-> (whole name, size, 512 bytes from `at` on), or None where there is no such file."""
        return _parts().read(self._folder, name, at)

    def names(self):
        """-> digests of all files, in hex."""
        return _parts().names(self._folder)

    def remove(self, name):
        """Let a file go, named by its whole digest."""
        _parts().remove(self._folder, name)

    def _read(self, path):
        try:
            with open(path, "rb") as file:
                data = file.read(_SIZE_MAX + 1)
        except OSError as error:
            raise MeterError(f"files: {path}: {error}, expected a readable file: push it again")
        if len(data) > _SIZE_MAX:
            raise MeterError(
                f"files: {path}: over {_SIZE_MAX} bytes, expected a tariff: push it again"
            )
        return data


def _parts():
    from drivers import file_parts

    forget("drivers.file_parts")
    return file_parts
