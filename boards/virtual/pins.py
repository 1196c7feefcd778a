"""How the virtual board is wired, and its flash map: the one place, for model and bridge.

boards/virtual/board.py, which runs on the device, uses the same numbers.
"""

IC_SPI = 2  # the ATM90E32AS
IC_CS = 5
IC_PM1 = 22
IC_PM0 = 21

SECTOR_SIZE = 4096
METER_AT = 0x200000
METER_SIZE = 0x140000

# type, subtype, address, size, label, encrypted: a row as esp32.Partition.info() gives it
PARTITIONS = (
    (1, 0x02, 0x9000, 0x6000, "nvs", False),
    (1, 0x01, 0xF000, 0x1000, "phy_init", False),
    (0, 0x00, 0x10000, 0x1F0000, "factory", False),
    (1, 0x40, METER_AT, METER_SIZE, "meter", False),
    (1, 0x81, 0x340000, 0xC0000, "vfs", False),
)
