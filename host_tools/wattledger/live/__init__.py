"""A meter as it is now: one state for the terminal, and a page on this machine."""
