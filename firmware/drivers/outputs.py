"""The output port on pins: load switch (closed = 1) and alarm."""


class Outputs:
    """load_pin alarm_pin   callable pins; None where the board has none"""

    def __init__(self, load_pin=None, alarm_pin=None):
        self._load_pin, self._alarm_pin = load_pin, alarm_pin

    def load_switch(self, on):
        """on: the customer's load is connected."""
        if self._load_pin:
            self._load_pin(1 if on else 0)

    def alarm(self, on):
        if self._alarm_pin:
            self._alarm_pin(1 if on else 0)
