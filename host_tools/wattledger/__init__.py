"""The host side of the meter: deploy, configure, read, and check every line of the bill."""

__version__ = "0.1.0"
