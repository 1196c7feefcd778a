"""What verify and audit have found, for people or as JSON."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from wattledger import session
from wattledger.verification.replay import Difference


@contextmanager
def judged(word: str, as_json: bool) -> Iterator[None]:
    """A difference within is told as JSON if that is wanted, with exit code 1; else it goes on.

    word   "verified" or "audited"
    """
    try:
        yield
    except Difference as difference:
        if not as_json:
            raise
        session.print_json({word: False, "difference": str(difference)})
        raise typer.Exit(1) from None


def show(said: list[str], word: str, as_json: bool) -> None:
    """said: what was seen to be right"""
    if as_json:
        session.print_json({word: True, "checks": said})
        return
    for line in said:
        print(f"ok  {line}")
    print(word)
