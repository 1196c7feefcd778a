"""Calibration: what the meter measures against a reference, and what its IC is told then."""
