"""Folders for files of a meter under test, on CPython and in MicroPython."""

import os
import sys

_made = [0]


def make(owner):
    """-> path of a new, empty folder that goes with its owner, with the process at the latest;
    in the VM it stays."""
    _made[0] += 1
    if sys.implementation.name == "micropython":
        path = "/fuzz%d" % _made[0]
        os.mkdir(path)
        return path
    import shutil
    import tempfile
    import weakref

    path = tempfile.mkdtemp(prefix="wattledger-fuzz-")
    weakref.finalize(owner, shutil.rmtree, path, True)
    return path


def fill(path, content, alone=True):
    """content: {name: bytes}; alone: these are the only files then"""
    for name in os.listdir(path) if alone else ():
        if name not in content:
            os.remove(path + "/" + name)
    for name, data in content.items():
        with open(path + "/" + name, "wb") as file:
            file.write(data)


def content(path):
    """-> {name: bytes}"""
    found = {}
    for name in os.listdir(path):
        with open(path + "/" + name, "rb") as file:
            found[name] = file.read()
    return found
