"""The virtual board and the command line, as the end-to-end tests have them."""

from tests.e2e.conftest import ask, board, cli, keyed, sealed, states

__all__ = ("ask", "board", "cli", "keyed", "sealed", "states")
