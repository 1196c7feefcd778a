"""What the world can do to a meter; a bug of ours is an assertion instead."""


class MeterError(Exception):
    """Chip, flash, clock or host misbehaved.

    The text has three parts: where, what was seen against what was expected, what to do.
    """
