"""What a user can do wrong, and what the world can do to us: one line, exit code 1."""


class ToolError(Exception):
    """The text has three parts: where, what was seen against what was expected, what to do."""
