"""Reads a POSIX TZ rule (IEEE Std 1003.1, chapter 8.3). Loaded on demand."""

from meter.errors import MeterError


def parse(posix):
    """-> (standard_s, summer_s, None or (begin, end)); offsets are seconds east of UTC.

    begin, end   (month, week, weekday from Sunday, seconds after local midnight) of the `M`
                 rules; `J` and `n` dates are refused: no zone in use has them
    MeterError   the text is not such a rule
    """
    text = _Text(posix)
    text.name()
    standard_s = summer_s = -text.time()
    rules = None
    if text.more():
        text.name()
        summer_s = standard_s + 3600 if text.peek() == "," else -text.time()
        rules = text.rule(), text.rule()
    text.end()
    return standard_s, summer_s, rules


class _Text:
    """Reads a POSIX TZ rule from left to right."""

    def __init__(self, text):
        self._text, self._at = text, 0

    def more(self):
        return self._at < len(self._text)

    def peek(self):
        # No index: MicroPython interns the letter that is taken out, and never lets go of it.
        return self._text[self._at : self._at + 1]

    def end(self):
        if self.more():
            self._fail("the end")

    def name(self):
        if self.peek() == "<":
            close = self._text.find(">", self._at)
            if close < self._at + 4:
                self._fail("a name in <>")
            self._at = close + 1
            return
        start = self._at
        while self.peek().isalpha():
            self._at += 1
        if self._at - start < 3:
            self._fail("a name of three letters or more")

    def time(self):
        """[+-]h[h][:mm[:ss]] -> seconds"""
        sign = 1
        if self.peek() and self.peek() in "+-":
            sign = -1 if self.peek() == "-" else 1
            self._at += 1
        total = self._number(0, 167) * 3600
        for unit in (60, 1):
            if self.peek() != ":":
                break
            self._at += 1
            total += self._number(0, 59) * unit
        return sign * total

    def rule(self):
        """,Mm.w.d[/time] -> (month, week, weekday, seconds after local midnight)"""
        self._take(",")
        self._take("M")
        month = self._number(1, 12)
        self._take(".")
        week = self._number(1, 5)
        self._take(".")
        weekday = self._number(0, 6)
        time_s = 7200
        if self.peek() == "/":
            self._at += 1
            time_s = self.time()
        return month, week, weekday, time_s

    def _take(self, character):
        if self.peek() != character:
            self._fail("'" + character + "'")
        self._at += 1

    def _number(self, low, high):
        start = self._at
        while self.peek().isdigit():
            self._at += 1
        if start == self._at or not low <= int(self._text[start : self._at]) <= high:
            self._fail("a number from " + str(low) + " to " + str(high))
        return int(self._text[start : self._at])

    def _fail(self, expected):
        raise MeterError(
            "time zone '" + self._text + "': at character " + str(self._at + 1)
            + " expected " + expected + ": give a POSIX TZ rule with M dates"
        )  # fmt: skip
