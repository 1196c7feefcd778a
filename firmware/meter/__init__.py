"""The core of the meter: pure, integer, told the time; the same code on chip, VM and host."""
