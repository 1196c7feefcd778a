"""Checks what a meter has recorded, from a dump of it and without the meter."""
