"""The host side of the meter: deploy, configure, read, and check every line of the bill."""

__version__ = "0.1.0"
BUILD = 1  # of the firmware: a meter takes only a higher one as an update
BUILD_MIN = 0  # the oldest that may be running before it
