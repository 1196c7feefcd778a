"""The virtual board, for every test here."""

from tests.virtual_board import board, running

__all__ = ("board", "running")
