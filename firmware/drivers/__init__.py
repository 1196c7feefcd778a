"""Metering ICs, flash, clock, outputs: they talk to injected buses and decide nothing."""
