"""A board without hardware: models of the metering IC, the flash and the load."""
