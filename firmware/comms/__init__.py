"""Roads to the meter: they carry lines to and from meter.service, and none is legally relevant."""
