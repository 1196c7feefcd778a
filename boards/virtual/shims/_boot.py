# Runs once in __main__ before boot.py: the shims replace what they stand for, then the file
# systems look as on the chip.
# ruff: noqa: E402, I001
import sys
import vfs
import _board

vfs.umount("/")
vfs.mount(vfs.VfsPosix("/shims"), "/rom", readonly=True)
_path = sys.path[:]
sys.path[:] = ["/rom"]
import _prelude

_prelude.start(_board.allowed())
vfs.umount("/rom")
vfs.mount(vfs.VfsPosix("/flash"), "/")
sys.path[:] = _path
import os

os.chdir("/")
del sys, vfs, os, _board, _prelude, _path
